// Package hostconfig determines how to reach each registry. It reads the registries.conf files of podman and skopeo, the
// certificate directories of containers' clients and docker, and davit's own file.
package hostconfig

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Endpoint is a repository on a host, and how to reach it.
type Endpoint struct {
	Host, Repository string
	PlainHTTP        bool
	Insecure         bool   // the certificate is not checked, and plain HTTP is allowed
	CAFile           string // the path of a file in PEM
	CertDir          string // certificates and keys for this host, in docker's layout
	Concurrency      int    // 0: not set
	When             When   // the references to read from a mirror
}

// When determines which references are read from a mirror.
type When int

// The values of When.
const (
	Always When = iota
	ForDigests
	ForTags
)

// Route has the endpoints of a repository for reading and writing.
type Route struct {
	Blocked string // the prefix of the [[registry]] that blocks the repository, or ""
	Target  Endpoint
	Mirrors []Endpoint // to read from first, in this order
}

// Files are the paths of the configuration. The zero value has none.
type Files struct {
	Config     string   // davit's own file
	Registries []string // of containers-registries.conf(5)
	CertDirs   []string // directories with a subdirectory for each host
}

// FilesIn returns the default paths.
func FilesIn(home string, getenv func(string) string) Files {
	var f Files
	config := getenv("XDG_CONFIG_HOME")
	if config == "" && home != "" {
		config = filepath.Join(home, ".config")
	}
	if config != "" {
		f.Config = filepath.Join(config, "davit", "config.yaml")
	}
	f.Registries = registriesFiles(home, getenv)
	if home != "" {
		f.CertDirs = append(f.CertDirs, filepath.Join(home, ".config", "containers", "certs.d"))
	}
	f.CertDirs = append(f.CertDirs, "/etc/containers/certs.d", "/etc/docker/certs.d")
	return f
}

// Rules are the settings of registries. They are read on first use.
type Rules struct {
	files Files
	read  func() error

	rules []rule
	own   map[string]hostSettings
}

// New returns the rules in files.
func New(files Files) *Rules {
	r := &Rules{files: files}
	r.read = sync.OnceValue(func() (err error) {
		if r.own, err = readConfig(files.Config); err != nil {
			return err
		}
		r.rules, err = readRegistries(files.Registries)
		return err
	})
	return r
}

// For returns the route of a repository.
func (r *Rules) For(host, repository string) (Route, error) {
	if err := r.read(); err != nil {
		return Route{}, err
	}
	name := strings.TrimSuffix(host+"/"+repository, "/")
	var best *rule
	length := 0
	for i := range r.rules {
		if n := r.rules[i].matchLength(name); n > length {
			best, length = &r.rules[i], n
		}
	}
	route := Route{Target: r.endpoint(name, false)}
	if best != nil {
		rest := name[length:]
		if best.Blocked {
			route.Blocked = best.Prefix
			return route, nil
		}
		location := name
		if best.Location != "" {
			location = best.Location + rest
		}
		route.Target = r.endpoint(location, best.Insecure)
		for _, m := range best.Mirrors {
			mirror := r.endpoint(m.Location+rest, m.Insecure)
			switch {
			case m.PullFromMirror == "digest-only", best.MirrorByDigestOnly:
				mirror.When = ForDigests
			case m.PullFromMirror == "tag-only":
				mirror.When = ForTags
			}
			route.Mirrors = append(route.Mirrors, mirror)
		}
	}
	if own, ok := r.own[host]; ok && own.Mirrors != nil {
		route.Mirrors = nil
		for _, location := range own.Mirrors {
			route.Mirrors = append(route.Mirrors, r.endpoint(location+"/"+repository, false))
		}
	}
	return route, nil
}

// Hosts returns the registries with settings in davit's own file, sorted.
func (r *Rules) Hosts() ([]string, error) {
	err := r.read()
	return slices.Sorted(maps.Keys(r.own)), err
}

// Host returns the settings of a registry.
func (r *Rules) Host(name string) (Endpoint, error) {
	route, err := r.For(name, "")
	return route.Target, err
}

// endpoint returns the endpoint at HOST/REPOSITORY, with the settings of that host.
func (r *Rules) endpoint(location string, insecure bool) Endpoint {
	host, repository, _ := strings.Cut(location, "/")
	e := Endpoint{Host: host, Repository: repository, Insecure: insecure}
	for _, dir := range r.files.CertDirs {
		if info, err := os.Stat(filepath.Join(dir, host)); err == nil && info.IsDir() {
			e.CertDir = filepath.Join(dir, host)
			break
		}
	}
	own := r.own[host]
	e.PlainHTTP, e.CAFile, e.Concurrency = own.PlainHTTP, own.CAFile, own.Concurrency
	e.Insecure = e.Insecure || own.Insecure
	return e
}

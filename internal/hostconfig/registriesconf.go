package hostconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
)

// rule is a [[registry]] of containers-registries.conf(5).
type rule struct {
	Prefix             string   `toml:"prefix"`
	Location           string   `toml:"location"`
	Insecure           bool     `toml:"insecure"`
	Blocked            bool     `toml:"blocked"`
	MirrorByDigestOnly bool     `toml:"mirror-by-digest-only"`
	Mirrors            []mirror `toml:"mirror"`
}

// mirror is a location to read from before the registry itself.
type mirror struct {
	Location       string `toml:"location"`
	Insecure       bool   `toml:"insecure"`
	PullFromMirror string `toml:"pull-from-mirror"` // all, digest-only, or tag-only
}

// registriesFiles returns the files that skopeo and podman read, in the same order: a later [[registry]] replaces an earlier
// one with the same prefix.
func registriesFiles(home string, getenv func(string) string) []string {
	var files []string
	main := getenv("CONTAINERS_REGISTRIES_CONF")
	if main == "" {
		main = filepath.Join(home, ".config", "containers", "registries.conf")
		if _, err := os.Stat(main); err != nil || home == "" {
			main = "/etc/containers/registries.conf"
		}
	}
	files = append(files, main)
	dirs := []string{"/etc/containers/registries.conf.d"}
	if home != "" {
		dirs = append(dirs, filepath.Join(home, ".config", "containers", "registries.conf.d"))
	}
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // an unreadable directory counts as empty, as in skopeo
		for _, entry := range entries {
			if !entry.IsDir() && filepath.Ext(entry.Name()) == ".conf" {
				files = append(files, filepath.Join(dir, entry.Name()))
			}
		}
	}
	return files
}

// readRegistries reads the files of containers-registries.conf(5) that exist.
func readRegistries(files []string) ([]rule, error) {
	byPrefix := map[string]rule{}
	for _, file := range files {
		var parsed struct {
			Registries []rule `toml:"registry"`
		}
		if _, err := toml.DecodeFile(file, &parsed); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, invalid(file, err)
		}
		for _, r := range parsed.Registries {
			if err := r.complete(); err != nil {
				return nil, invalid(file, err)
			}
			byPrefix[r.Prefix] = r
		}
	}
	var rules []rule
	for _, r := range byPrefix {
		rules = append(rules, r)
	}
	return rules, nil
}

// invalid returns the error for an invalid file.
func invalid(file string, err error) error {
	return &artifact.Error{Op: "reading", Item: file, Err: fault.Worded(err.Error(), artifact.ErrInvalid)}
}

// complete checks a rule, and fills in the prefix.
func (r *rule) complete() error {
	r.Location = strings.TrimRight(r.Location, "/")
	r.Prefix = strings.TrimRight(r.Prefix, "/")
	wildcard := strings.HasPrefix(r.Prefix, "*.")
	switch {
	case r.Prefix == "" && r.Location == "":
		return errors.New("a [[registry]] has neither a location nor a prefix")
	case r.Prefix == "":
		r.Prefix = r.Location
	case r.Location == "" && !wildcard:
		return fmt.Errorf("the [[registry]] with the prefix %q has no location", r.Prefix)
	}
	for i, m := range r.Mirrors {
		if r.Mirrors[i].Location = strings.TrimRight(m.Location, "/"); m.Location == "" {
			return fmt.Errorf("a mirror of %q has no location", r.Prefix)
		}
		if !slices.Contains([]string{"", "all", "digest-only", "tag-only"}, m.PullFromMirror) {
			return fmt.Errorf("pull-from-mirror of %q: must be all, digest-only, or tag-only", m.Location)
		}
	}
	return nil
}

// matchLength returns the length of the part of HOST/REPOSITORY that the prefix matches, or 0.
func (r *rule) matchLength(name string) int {
	prefix := r.Prefix
	if domain, ok := strings.CutPrefix(prefix, "*"); ok { // "*.example.com" is any subdomain
		host, _, _ := strings.Cut(name, "/")
		domainHost, path, _ := strings.Cut(domain, "/")
		if !strings.HasSuffix(host, domainHost) || len(host) == len(domainHost) {
			return 0
		}
		prefix = host
		if path != "" {
			prefix += "/" + path
		}
	}
	if name == prefix || strings.HasPrefix(name, prefix+"/") {
		return len(prefix)
	}
	return 0
}

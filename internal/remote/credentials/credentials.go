package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/reference"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// helperTimeout limits how long a credential helper may run. A helper that waits for a locked keychain never ends.
const helperTimeout = 30 * time.Second

// helperPattern matches the names allowed after "docker-credential-": the name becomes part of the name of a program.
var helperPattern = lazy.Regexp(`^[a-z0-9._-]+$`)

// Options configure which credentials go to which registry.
type Options struct {
	Registry           string // registry to which Username and Password belong, as in a reference; if empty, they are not used
	Username, Password string // take precedence over Inline and File; a password without a username is an identity token

	Inline string   // content of a Docker config.json, or empty; takes precedence over File
	File   string   // path of Docker's config.json or podman's auth.json, to which Login writes, or empty
	Named  bool     // the user named File, so it must exist when credentials are needed
	Files  []string // files to read after File, in this order, if they exist
}

// Store finds the credentials for a registry: the explicit ones, or those in files and credential helpers. Login and Logout
// change them.
type Store struct {
	Options
	Notify func(format string, args ...any) // receives warnings; may be nil

	configs func() ([]*dockerConfig, error)
	warned  sync.Map // names of helpers for which a warning was sent
}

// NewStore returns a store. The store reads no files before its first use.
func NewStore(given Options) *Store {
	s := &Store{Options: given}
	s.configs = sync.OnceValues(s.read)
	return s
}

// read parses Inline and reads the files that exist. A missing File is an error if Named is set.
func (s *Store) read() ([]*dockerConfig, error) {
	var all []*dockerConfig
	if s.Inline != "" {
		config, err := parseDockerConfig("DOCKER_AUTH_CONFIG", []byte(s.Inline))
		if err != nil {
			return nil, err
		}
		all = append(all, config)
	}
	for i, path := range append([]string{s.File}, s.Files...) {
		config, err := readDockerConfig(path)
		if errors.Is(err, fs.ErrNotExist) && (i > 0 || !s.Named) || i > 0 && errors.Is(err, fs.ErrPermission) {
			continue // another user's file is not needed
		}
		if err != nil {
			return nil, err
		}
		all = append(all, config)
	}
	return all, nil
}

// Hosts returns the registries named in Inline and the files, sorted and without duplicates. It runs no helper.
func (s *Store) Hosts(ctx context.Context) ([]string, error) {
	configs, err := pause.Await(ctx, s.configs)
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, config := range configs {
		for _, keys := range [][]string{slices.Collect(maps.Keys(config.Auths)), slices.Collect(maps.Keys(config.CredHelpers))} {
			for _, key := range keys {
				host, _, _ := strings.Cut(normalKey(key), "/")
				hosts = append(hosts, host)
			}
		}
	}
	return lists.SortUnique(hosts), nil
}

// Find returns the credentials for a repository of a host, or auth.EmptyCredential if it finds none. Explicit credentials are used only for the
// registry in Options.Registry, because other registries that a command uses (for the source of a copy or the base of an image)
// may belong to another operator.
func (s *Store) Find(ctx context.Context, hostport, repository string) (auth.Credential, error) {
	given := s.Username != "" || s.Password != ""
	if given && s.Registry != "" && hostport == (registry.Reference{Registry: s.Registry}).Host() {
		return explicitCredential(s.Username, s.Password), nil
	}
	configs, err := pause.Await(ctx, s.configs)
	if err != nil {
		return auth.EmptyCredential, err
	}
	for _, config := range configs {
		if cred, err := s.lookup(ctx, config, hostport, repository); err != nil || cred != auth.EmptyCredential {
			return cred, err
		}
	}
	return auth.EmptyCredential, nil
}

func explicitCredential(username, password string) auth.Credential {
	if username == "" {
		return auth.Credential{RefreshToken: password}
	}
	return auth.Credential{Username: username, Password: password}
}

// lookup finds the credentials for a repository of a host in one file. It tries the longest path first and the host last; for each,
// it runs the helper before it uses the entry of the file.
func (s *Store) lookup(ctx context.Context, d *dockerConfig, hostport, repository string) (auth.Credential, error) {
	host := normalHost(hostport)
	for path := repository; ; path = parent(path) {
		key := host
		if path != "" {
			key += "/" + path
		}
		helper, address := d.helper(key)
		if helper != "" {
			cred, err := runHelper(ctx, helper, address)
			if err != nil && (ctx.Err() != nil || !s.warn(d, helper, err)) {
				return cred, err
			}
			if err == nil && cred != auth.EmptyCredential {
				return cred, nil
			}
		}
		if cred, ok, err := d.findEntry(key); ok || err != nil || path == "" {
			return cred, err
		}
	}
}

// warn sends a warning about a failed helper, which is not an error: the credentials may be elsewhere, or not needed. It returns
// false if the name of the helper is invalid, which is an error.
func (s *Store) warn(d *dockerConfig, helper string, err error) bool {
	if errors.Is(err, artifact.ErrInvalid) {
		return false
	}
	if _, known := s.warned.LoadOrStore(helper, true); !known && s.Notify != nil {
		s.Notify("warning: docker-credential-%s, named in %s, returned no credentials: %v", helper, d.path, err)
	}
	return true
}

// runHelper runs docker-credential-NAME to get the credentials for an address, and fails if it does not end within helperTimeout.
func runHelper(ctx context.Context, name, address string) (auth.Credential, error) {
	if err := checkHelper(name); err != nil {
		return auth.EmptyCredential, err
	}
	limited, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	// Await is necessary because a process started by the helper may keep the output open after the helper was killed.
	cred, err := pause.Await(limited, func() (auth.Credential, error) { return credentials.NewNativeStore(name).Get(limited, address) })
	switch {
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil && limited.Err() != nil:
		err = fmt.Errorf("no response within %v", helperTimeout)
	}
	return cred, err
}

// checkHelper returns an error if the name of a helper is invalid.
func checkHelper(name string) error {
	if helperPattern().MatchString(name) {
		return nil
	}
	return &artifact.Error{Op: "reading credentials", Item: name,
		Err: reference.Invalid(errors.New("a credential helper's name can contain only a-z, 0-9, '.', '_', and '-'"), artifact.ErrInvalid)}
}

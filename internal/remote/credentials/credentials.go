package credentials

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// dockerHub is the key under which docker keeps the credentials of Docker Hub.
const dockerHub = "https://index.docker.io/v1/"

// helperTimeout limits a credential helper: one that asks a locked keychain would wait forever.
const helperTimeout = 30 * time.Second

// helperPattern matches the names allowed after "docker-credential-": the name becomes part of the name of a program.
var helperPattern = lazy.Regexp(`^[a-z0-9._-]+$`)

// dockerConfig is the part of docker's config.json, or of containers' auth.json, that holds credentials.
type dockerConfig struct {
	path  string
	Auths map[string]struct {
		Auth          string `json:"auth"`
		Username      string `json:"username"`
		Password      string `json:"password"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	} `json:"auths"`
	CredsStore  string            `json:"credsStore"`
	CredHelpers map[string]string `json:"credHelpers"`
}

// Options configure which credentials go to which registry.
type Options struct {
	Registry           string // the one that Username and Password are for, as in a Reference; empty: none
	Username, Password string // take precedence over File. A password alone is an identity token
	File               string // docker's config.json or containers' auth.json; empty: no stored credentials
}

// Store finds the credentials for a host: the explicit ones, or the stored ones.
type Store struct {
	Options
	config func() (*dockerConfig, error)
}

func NewStore(given Options) *Store {
	return &Store{given, sync.OnceValues(func() (*dockerConfig, error) { return readDockerConfig(given.File) })}
}

// Find finds the credentials for a repository of a host, when the host requires them. Explicit credentials go to one
// registry only: other targets of a command (the source of a copy, the base of an image) may belong to another party.
func (s *Store) Find(ctx context.Context, hostport, repository string) (auth.Credential, error) {
	given := s.Username != "" || s.Password != ""
	if given && s.Registry != "" && hostport == (registry.Reference{Registry: s.Registry}).Host() {
		return explicitCredential(s.Username, s.Password), nil
	}
	config, err := s.config()
	if err != nil {
		return auth.EmptyCredential, err
	}
	return config.lookup(ctx, hostport, repository)
}

func explicitCredential(username, password string) auth.Credential {
	if username == "" {
		return auth.Credential{RefreshToken: password}
	}
	return auth.Credential{Username: username, Password: password}
}

func readDockerConfig(path string) (*dockerConfig, error) {
	config := &dockerConfig{path: path}
	if path == "" {
		return config, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(strings.TrimSpace(string(data))) == 0 {
		return config, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	if err := json.Unmarshal(data, config); err != nil {
		return nil, &artifact.Error{Op: "reading credentials", Item: path, Err: reference.Invalid(err, artifact.ErrInvalid)}
	}
	return config, nil
}

// lookup finds the credentials for a repository of a host: those of the longest path, as containers' auth.json has
// them, then the host's, from its helper or from the file.
func (d *dockerConfig) lookup(ctx context.Context, hostport, repository string) (auth.Credential, error) {
	for path := repository; path != ""; path = parent(path) {
		if cred, ok, err := d.entry(hostport + "/" + path); ok || err != nil {
			return cred, err
		}
	}
	address := serverAddress(hostport)
	helper := d.CredHelpers[address]
	if helper == "" {
		helper = d.CredHelpers[hostport]
	}
	if helper == "" {
		helper = d.CredsStore
	}
	if helper != "" {
		if cred, err := askHelper(ctx, helper, address); err != nil || cred != auth.EmptyCredential {
			return cred, err
		}
	}
	for _, key := range []string{address, hostport, "https://" + hostport, "http://" + hostport} {
		for _, slash := range []string{"", "/", "/v1/", "/v2/"} {
			if cred, ok, err := d.entry(key + slash); ok || err != nil {
				return cred, err
			}
		}
	}
	return auth.EmptyCredential, nil
}

func parent(path string) string {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)]
}

// serverAddress returns the key of a host in docker's store.
func serverAddress(hostport string) string {
	if hostport == "registry-1.docker.io" || hostport == "docker.io" {
		return dockerHub
	}
	return hostport
}

// entry reads one key of the file. An empty entry only shows that a helper has the credentials.
func (d *dockerConfig) entry(key string) (auth.Credential, bool, error) {
	e, ok := d.Auths[key]
	if !ok {
		return auth.EmptyCredential, false, nil
	}
	cred := auth.Credential{Username: e.Username, Password: e.Password, RefreshToken: e.IdentityToken, AccessToken: e.RegistryToken}
	if e.Auth != "" {
		decoded, err := base64.StdEncoding.DecodeString(e.Auth)
		username, password, ok := strings.Cut(strings.TrimRight(string(decoded), "\x00"), ":")
		if err != nil || !ok {
			return auth.EmptyCredential, false, &artifact.Error{Op: "reading credentials", Item: d.path,
				Err: reference.Invalid(fmt.Errorf("the auth of %q is not USER:PASSWORD in base64", key), artifact.ErrInvalid)}
		}
		cred.Username, cred.Password = username, password
	}
	return cred, cred != auth.EmptyCredential, nil
}

// askHelper runs docker-credential-NAME. The host is passed exactly as the store knows it.
func askHelper(ctx context.Context, name, address string) (auth.Credential, error) {
	if err := validHelper(name); err != nil {
		return auth.EmptyCredential, err
	}
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	cred, err := credentials.NewNativeStore(name).Get(ctx, address)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %v", helperTimeout)
		}
		return auth.EmptyCredential, &transport.Denied{Host: address, Step: "asking docker-credential-" + name, Err: err}
	}
	return cred, nil
}

func validHelper(name string) error {
	if helperPattern().MatchString(name) {
		return nil
	}
	return &artifact.Error{Op: "reading credentials", Item: name,
		Err: reference.Invalid(errors.New("the name of a credential helper has only a-z, 0-9, '.', '_' and '-'"), artifact.ErrInvalid)}
}

// Login checks a username and password (or, without a username, an identity token) with the registry at host, and keeps
// them in the store that File names: a helper, or the file itself. It returns where they are kept, "" for a
// helper.
func (s *Store) Login(ctx context.Context, t *transport.Transport, host, username, password string) (string, error) {
	name, err := reference.ParseHost(host)
	if err != nil {
		return "", err
	}
	store, helper, err := s.store(name)
	if err != nil {
		return "", err
	}
	cred := explicitCredential(username, password)
	if err := check(ctx, t, name, cred); err != nil {
		return "", err
	}
	if err := store.Put(ctx, serverAddress(name), cred); err != nil {
		return "", &artifact.Error{Op: "keeping the credentials of", Item: name, Err: err}
	}
	if helper {
		return "", nil
	}
	return s.File, nil
}

// check checks whether a registry accepts the credentials.
func check(ctx context.Context, t *transport.Transport, host string, cred auth.Credential) error {
	reg, err := remote.NewRegistry(host)
	if err != nil {
		return reference.Error(host, err)
	}
	reg.Client = &auth.Client{Client: t.Client(), ClientID: "davit", Credential: auth.StaticCredential(host, cred)}
	reg.PlainHTTP = t.Security.Plain(host)
	return transport.Wrap(ctx, host, "logging in", reg.Ping(ctx))
}

// Logout removes the credentials of a host. If there are none, the error is errdef.ErrNotFound.
func (s *Store) Logout(ctx context.Context, host string) error {
	name, err := reference.ParseHost(host)
	if err != nil {
		return err
	}
	store, _, err := s.store(name)
	if err != nil {
		return err
	}
	address := serverAddress(name)
	cred, err := store.Get(ctx, address)
	if err != nil {
		return &transport.Denied{Host: name, Step: "reading credentials", Err: err}
	}
	if cred == auth.EmptyCredential {
		return fmt.Errorf("credentials of %q: %w", name, errdef.ErrNotFound)
	}
	if err := store.Delete(ctx, address); err != nil {
		return &artifact.Error{Op: "removing the credentials of", Item: name, Err: err}
	}
	return nil
}

// store returns where the credentials of a host are kept, and whether that is a helper.
func (s *Store) store(host string) (credentials.Store, bool, error) {
	config, err := s.config()
	if err != nil {
		return nil, false, err
	}
	if s.File == "" {
		return nil, false, errors.New("no file for credentials is known")
	}
	helper := config.CredHelpers[serverAddress(host)]
	if helper == "" {
		helper = config.CredsStore
	}
	if helper != "" {
		if err := validHelper(helper); err != nil {
			return nil, false, err
		}
	}
	store, err := credentials.NewStore(s.File, credentials.StoreOptions{AllowPlaintextPut: true})
	return store, helper != "", err
}

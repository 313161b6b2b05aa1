package credentials

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/reference"

	"github.com/davit-oci/davit/artifact"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// dockerHub is the key under which Docker stores Docker Hub's credentials.
const dockerHub = "https://index.docker.io/v1/"

// dockerConfig has the credential fields of Docker's config.json or podman's auth.json.
type dockerConfig struct {
	path        string
	Auths       map[string]dockerAuth `json:"auths"`
	CredsStore  string                `json:"credsStore"`
	CredHelpers map[string]string     `json:"credHelpers"`
}

// dockerAuth is an entry of dockerConfig.
type dockerAuth struct {
	Auth          string `json:"auth,omitempty"`
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// readDockerConfig reads a file. It returns an empty config if path is empty.
func readDockerConfig(path string) (*dockerConfig, error) {
	if path == "" {
		return &dockerConfig{}, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	return parseDockerConfig(path, data)
}

// isOldFormat reports whether a file has its entries at the top level, like Docker's older ~/.dockercfg.
func isOldFormat(path string, hasAuths bool) bool {
	return strings.HasSuffix(path, ".dockercfg") && !hasAuths
}

// parseDockerConfig parses the content of a file. Blank content results in an empty config.
func parseDockerConfig(path string, data []byte) (*dockerConfig, error) {
	config := &dockerConfig{path: path}
	if len(strings.TrimSpace(string(data))) == 0 {
		return config, nil
	}
	err := json.Unmarshal(data, config)
	if err == nil && isOldFormat(path, config.Auths != nil) {
		err = json.Unmarshal(data, &config.Auths)
	}
	if err != nil {
		return nil, &artifact.Error{Op: "reading credentials", Item: path, Err: reference.Invalid(err, artifact.ErrInvalid)}
	}
	return config, nil
}

// parent returns a path without its last element, or "" if there is only one.
func parent(path string) string {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)]
}

// normalHost returns the normal form of a registry's name: in lower case, without the port 443, and "docker.io" for each of the
// three Docker Hub names.
func normalHost(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	switch host {
	case "index.docker.io", "registry-1.docker.io":
		return "docker.io"
	}
	return host
}

// normalKey returns the normal form of a key in a file: HOST or HOST/PATH. Docker writes some keys as API URLs.
func normalKey(key string) string {
	bare := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	bare = strings.TrimSuffix(bare, "/")
	for _, version := range []string{"/v1", "/v2"} {
		bare = strings.TrimSuffix(bare, version)
	}
	host, path, ok := strings.Cut(bare, "/")
	if !ok {
		return normalHost(host)
	}
	return normalHost(host) + "/" + path
}

// keysOf returns the keys whose normal form is normal: an equal key first, then the others in alphabetical order.
func keysOf[V any](entries map[string]V, normal string) []string {
	var keys []string
	for key := range entries {
		if normalKey(key) == normal {
			keys = append(keys, key)
		}
	}
	lists.Sort(keys, func(a, b string) int {
		if (a == normal) != (b == normal) {
			if a == normal {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return keys
}

// helper returns the credential helper for a normal key, and the registry name to pass to the helper. A host without an entry in
// CredHelpers has the helper in CredsStore. The name is "" if there is no helper.
func (d *dockerConfig) helper(normal string) (name, address string) {
	for _, key := range keysOf(d.CredHelpers, normal) {
		if d.CredHelpers[key] != "" {
			return d.CredHelpers[key], key
		}
	}
	if strings.Contains(normal, "/") {
		return "", ""
	}
	return d.CredsStore, serverAddress(normal)
}

// serverAddress returns the key under which Docker stores the credentials of a host.
func serverAddress(host string) string {
	if normalHost(host) == "docker.io" {
		return dockerHub
	}
	return host
}

// findEntry returns the credentials in the file for a normal key, or false without any. It skips empty entries, which mean
// that a helper has the credentials.
func (d *dockerConfig) findEntry(normal string) (auth.Credential, bool, error) {
	for _, key := range keysOf(d.Auths, normal) {
		e := d.Auths[key]
		cred := auth.Credential{Username: e.Username, Password: e.Password, RefreshToken: e.IdentityToken, AccessToken: e.RegistryToken}
		if e.Auth != "" {
			decoded, err := base64.StdEncoding.DecodeString(e.Auth)
			username, password, ok := strings.Cut(strings.TrimRight(string(decoded), "\x00"), ":")
			if err != nil || !ok {
				return auth.EmptyCredential, false, &artifact.Error{Op: "reading credentials", Item: d.path,
					Err: reference.Invalid(fmt.Errorf("the auth field of %q is not USER:PASSWORD in base64", key), artifact.ErrInvalid)}
			}
			cred.Username, cred.Password = username, password
		}
		if cred != auth.EmptyCredential {
			return cred, true, nil
		}
	}
	return auth.EmptyCredential, false, nil
}

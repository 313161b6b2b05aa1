package registry

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/internal/hostconfig"
)

// FromEnvironment returns the options of the davit command: the user's home directory, the stored credentials of Docker and
// Podman, the cache, and the settings of hosts in davit's own file, registries.conf, and certs.d. It reads HOME,
// REGISTRY_AUTH_FILE, DOCKER_CONFIG, DOCKER_AUTH_CONFIG, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, XDG_CACHE_HOME,
// CONTAINERS_REGISTRIES_CONF, and DAVIT_CACHE_DIR. No other function of this package reads the environment, except that
// connections honor HTTPS_PROXY and SSL_CERT_FILE.
func FromEnvironment() Options {
	home, _ := os.UserHomeDir() // without one, paths with ~ are refused
	cache := os.Getenv("DAVIT_CACHE_DIR")
	if cache == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(dir, "davit")
		}
	}
	hosts := hostconfig.New(hostconfig.FilesIn(home, os.Getenv))
	return Options{Home: home, Credentials: credentialsIn(home, os.Getenv), CacheDir: cache, Hosts: hosts}
}

// credentialsIn returns the places of credentials: the file that REGISTRY_AUTH_FILE names, or else Docker's file and then
// those of containers-auth.json(5).
func credentialsIn(home string, getenv func(string) string) Credentials {
	if file := getenv("REGISTRY_AUTH_FILE"); file != "" {
		return Credentials{File: file, Named: true}
	}
	c := Credentials{Inline: getenv("DOCKER_AUTH_CONFIG")}
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		c.File = filepath.Join(dir, "config.json")
	} else if home != "" {
		c.File = filepath.Join(home, ".docker", "config.json")
	}
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		c.Files = append(c.Files, filepath.Join(dir, "containers", "auth.json"))
	}
	c.Files = append(c.Files, fmt.Sprintf("/run/containers/%d/auth.json", os.Getuid()))
	config := getenv("XDG_CONFIG_HOME")
	if config == "" && home != "" {
		config = filepath.Join(home, ".config")
	}
	if config != "" {
		c.Files = append(c.Files, filepath.Join(config, "containers", "auth.json"))
	}
	if home != "" {
		c.Files = append(c.Files, filepath.Join(home, ".dockercfg"))
	}
	return c
}

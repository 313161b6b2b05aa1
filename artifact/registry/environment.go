package registry

import (
	"os"
	"path/filepath"
)

// FromEnvironment returns the options that the davit command starts with: the user's home directory, the stored
// credentials of docker or podman, and the cache. It reads HOME, REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR,
// XDG_CACHE_HOME, and DAVIT_CACHE_DIR. No other function of this package reads the environment, except that
// connections honor HTTPS_PROXY and SSL_CERT_FILE.
func FromEnvironment() Options {
	home, _ := os.UserHomeDir() // without one, ~ is refused by name
	cache := os.Getenv("DAVIT_CACHE_DIR")
	if cache == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(dir, "davit")
		}
	}
	return Options{Home: home, Credentials: Credentials{File: credentialsFile(home, os.Getenv)}, CacheDir: cache}
}

// credentialsFile returns the file with credentials: the one in the environment, docker's, or podman's if only that exists.
func credentialsFile(home string, getenv func(string) string) string {
	if file := getenv("REGISTRY_AUTH_FILE"); file != "" {
		return file
	}
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	if home == "" {
		return ""
	}
	dockers := filepath.Join(home, ".docker", "config.json")
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		podmans := filepath.Join(dir, "containers", "auth.json")
		if !fileExists(dockers) && fileExists(podmans) {
			return podmans
		}
	}
	return dockers
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

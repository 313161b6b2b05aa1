package reference

import (
	"strings"

	"github.com/davit-oci/davit/internal/shell"
)

// IsImageID reports whether s is the ID of a container image, as Docker and Kubernetes print it: the digest of its config.
func IsImageID(s string) bool {
	encoded := strings.TrimPrefix(s, "sha256:")
	if len(encoded) != 64 && (len(encoded) != 12 || encoded != s) {
		return false
	}
	return strings.Trim(encoded, "0123456789abcdef") == ""
}

// CutHint is the hint for a shortened digest.
const CutHint = "a digest is sha256: and 64 hexadecimal digits; lists on a terminal show the first 12, and all in a pipe and in JSON"

// IsCut reports whether a digest is shortened, as in lists on a terminal.
func IsCut(digest string) bool {
	encoded, ok := strings.CutPrefix(digest, "sha256:")
	return ok && 0 < len(encoded) && len(encoded) < 64 && strings.Trim(encoded, "0123456789abcdef") == ""
}

// PathOfTransport returns the path in a name that skopeo and podman use for files, such as oci:PATH:TAG or docker-archive:FILE.
// It returns "" for any other name.
func PathOfTransport(name string) string {
	transport, path, ok := strings.Cut(name, ":")
	isArchive := transport == "oci-archive" || transport == "docker-archive"
	if !ok || path == "" || strings.HasPrefix(path, "//") || !isArchive && transport != "oci" && transport != "dir" {
		return ""
	}
	if !strings.HasPrefix(path, ".") && !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "~") {
		path = "./" + path
	}
	if file, tag, hasTag := strings.Cut(path, ":"); isArchive && !strings.HasSuffix(file, ".tar") {
		path = file + ".tar"
		if hasTag {
			path += ":" + tag
		}
	}
	return path
}

// HintForStore returns the hint for a name that skopeo uses for an image in the store of a container engine, such as
// docker-daemon:IMAGE. It returns "" for any other name.
func HintForStore(name string) string {
	store, image, _ := strings.Cut(name, ":")
	engine := map[string]string{"docker-daemon": "docker", "containers-storage": "podman"}[store]
	if image == "" || engine == "" {
		return ""
	}
	return "save it first: " + shell.Command(engine, "save", "-o", "image.tar", image) + "; its reference is ./image.tar then"
}

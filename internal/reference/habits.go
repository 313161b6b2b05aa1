package reference

import "strings"

// IsImageID reports whether s is the ID of a container image, as docker and Kubernetes print it: the digest of its config.
func IsImageID(s string) bool {
	encoded := strings.TrimPrefix(s, "sha256:")
	if len(encoded) != 64 && (len(encoded) != 12 || encoded != s) {
		return false
	}
	return strings.Trim(encoded, "0123456789abcdef") == ""
}

// CutHint says where a digest is whole.
const CutHint = "a digest is sha256: and 64 hexadecimal digits; lists on a terminal show the first 12, and all in a pipe and in JSON"

// IsCut reports whether a digest is the beginning of one, as lists on a terminal show it.
func IsCut(digest string) bool {
	encoded, ok := strings.CutPrefix(digest, "sha256:")
	return ok && 0 < len(encoded) && len(encoded) < 64 && strings.Trim(encoded, "0123456789abcdef") == ""
}

// PathOfTransport returns the path in a name of skopeo or podman for a layout or an archive of one, oci:PATH, or "".
func PathOfTransport(name string) string {
	transport, path, ok := strings.Cut(name, ":")
	if !ok || path == "" || transport != "oci" && transport != "oci-archive" || strings.HasPrefix(path, "//") {
		return ""
	}
	if !strings.HasPrefix(path, ".") && !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "~") {
		path = "./" + path
	}
	return path
}

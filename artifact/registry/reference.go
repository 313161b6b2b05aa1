package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/internal/reference"

	"github.com/opencontainers/go-digest"
)

// Reference names a target, which is a repository of a registry or a path, and optionally a tag or digest in it. Either
// Registry and Repository are set, or Path is.
type Reference struct {
	Registry   string // host, with a port if one was given
	Repository string

	Path string // directory of an image layout, or an archive (".tar"), as written

	Tag    string        // empty: none was given
	Digest digest.Digest // takes precedence over Tag; empty: none was given
}

// IsPath reports whether the reference names a layout or an archive on disk.
func (r Reference) IsPath() bool { return r.Path != "" }

// IsArchive reports whether the reference names an archive on disk.
func (r Reference) IsArchive() bool { return strings.HasSuffix(r.Path, ".tar") }

// Name returns the reference without tag and digest.
func (r Reference) Name() string {
	if r.IsPath() {
		return r.Path
	}
	return r.Registry + "/" + r.Repository
}

// Reference returns what to resolve in the target: the digest, else the tag, else "".
func (r Reference) Reference() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// String returns the reference in the syntax of Parse.
func (r Reference) String() string {
	s := r.Name()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}

// Parse parses HOST[:PORT]/REPO[:TAG][@DIGEST], with an optional "oci://" in front, or a path that begins with "./",
// "../", "/" or "~" (or is "." or ".."), with an optional :TAG and @DIGEST after it.
func Parse(s string) (Reference, error) {
	rest, digest, err := cutDigest(s)
	if err != nil {
		return Reference{}, reference.Error(s, err)
	}
	var ref Reference
	if isPath(s) {
		ref, err = parsePath(rest)
	} else {
		ref, err = parseRepository(strings.TrimPrefix(rest, "oci://"))
	}
	if err != nil {
		return Reference{}, reference.Error(s, err)
	}
	ref.Digest = digest
	return ref, nil
}

func isPath(s string) bool {
	if s == "." || s == ".." {
		return true
	}
	for _, prefix := range []string{"./", "../", "/", "~", ".:", "..:", ".@", "..@"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// cutDigest cuts "@ALGORITHM:HEX" off the end. In a path, an @ may occur anywhere else.
func cutDigest(s string) (string, digest.Digest, error) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return s, "", nil
	}
	rest, d := s[:i], digest.Digest(s[i+1:])
	if isPath(s) && (strings.Contains(string(d), "/") || !strings.Contains(string(d), ":")) {
		return s, "", nil
	}
	switch err := d.Validate(); {
	case errors.Is(err, digest.ErrDigestUnsupported):
		return "", "", fmt.Errorf("digest %q: unknown algorithm %q", d, d.Algorithm())
	case err != nil:
		return "", "", reference.WithHint(fmt.Errorf("invalid digest %q", d), "a digest is sha256: and 64 hexadecimal digits in lower case")
	}
	return rest, d, nil
}

func parsePath(s string) (Reference, error) {
	ref := Reference{Path: s}
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, '/') {
		ref.Path, ref.Tag = s[:i], s[i+1:]
		if err := reference.ValidTag(ref.Tag); err != nil {
			return Reference{}, err
		}
	}
	if strings.ContainsRune(ref.Path, 0) || filepath.Clean(ref.Path) == "" {
		return Reference{}, errors.New("invalid path")
	}
	return ref, nil
}

func parseRepository(s string) (Reference, error) {
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		return Reference{}, reference.WithHint(fmt.Errorf("%q is no scheme of a reference", scheme), "leave the scheme out")
	}
	host, rest, ok := strings.Cut(s, "/")
	if !ok || !hostLike(host) {
		return Reference{}, notAHost(s, host, ok)
	}
	ref := Reference{Registry: strings.ToLower(host), Repository: rest}
	if i := strings.IndexByte(rest, ':'); i >= 0 {
		ref.Repository, ref.Tag = rest[:i], rest[i+1:]
		if err := reference.ValidTag(ref.Tag); err != nil {
			return Reference{}, err
		}
	}
	if err := reference.ValidHost(host); err != nil {
		return Reference{}, err
	}
	ref = dockerNames(ref)
	if err := reference.ValidRepository(ref.Registry, ref.Repository, ref.Tag); err != nil {
		return Reference{}, err
	}
	return ref, nil
}

// hostLike follows docker: the first part is a host if it can't be a part of a repository on a default registry.
func hostLike(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:[")
}

// notAHost reports the missing part: the repository after a host, or the registry before a name that docker would look
// up on Docker Hub ("alpine:3").
func notAHost(s, host string, hasPath bool) error {
	if host := strings.TrimSuffix(host, ":"); hostLike(host) && !hasPath && reference.ValidHost(host) == nil {
		return reference.WithHint(errors.New("the repository is missing"), fmt.Sprintf("did you mean %q? A path begins with ./ or /", host+"/NAME"))
	}
	meant := fmt.Sprintf("the path %q?", "./"+s)
	if hub, err := parseRepository("docker.io/" + s); err == nil {
		meant = fmt.Sprintf("%q, or %s", hub, meant)
	}
	return reference.WithHint(errors.New("the registry is missing"), "did you mean "+meant)
}

// dockerNames expands the short names of Docker Hub, as docker does.
func dockerNames(ref Reference) Reference {
	ref.Registry = reference.DockerHost(ref.Registry)
	if ref.Registry == "docker.io" && ref.Repository != "" && !strings.Contains(ref.Repository, "/") {
		ref.Repository = "library/" + ref.Repository
	}
	return ref
}

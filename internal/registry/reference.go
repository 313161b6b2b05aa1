package registry

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
)

// Reference names a target: a repository of a registry or a path, and what is meant in it. Either Registry and
// Repository are set, or Path is.
type Reference struct {
	Registry   string // host, with a port where one was given
	Repository string

	Path string // an image layout's directory, or an archive (".tar"), as it was written

	Tag    string        // empty: none was given
	Digest digest.Digest // wins over Tag; empty: none was given
}

// IsPath tells whether the reference names a layout or an archive on disk.
func (r Reference) IsPath() bool { return r.Path != "" }

// IsArchive tells whether the reference names an archive on disk.
func (r Reference) IsArchive() bool { return strings.HasSuffix(r.Path, ".tar") }

// Name is the reference without tag and digest.
func (r Reference) Name() string {
	if r.IsPath() {
		return r.Path
	}
	return r.Registry + "/" + r.Repository
}

// Reference is what to resolve in the target: the digest, else the tag, else nothing.
func (r Reference) Reference() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// String writes the reference so that Parse reads the same again.
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

// The grammars of the distribution specification, section "Pulling manifests".
var (
	repositoryPattern = onUse(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern        = onUse(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	hostPattern       = onUse(`^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?)*$`)
)

// maxName is the most characters that registries agree on for host and repository together; longer names fail at some
// of them, late and unclearly.
const maxName = 255

// Parse reads HOST[:PORT]/REPO[:TAG][@DIGEST], with an optional "oci://" in front, or a path that begins with "./",
// "../", "/" or "~" (or is "." or ".."), with an optional :TAG and @DIGEST behind it.
func Parse(s string) (Reference, error) {
	rest, digest, err := cutDigest(s)
	if err != nil {
		return Reference{}, badReference(s, err)
	}
	var ref Reference
	if isPath(s) {
		ref, err = parsePath(rest)
	} else {
		ref, err = parseRepository(strings.TrimPrefix(rest, "oci://"))
	}
	if err != nil {
		return Reference{}, badReference(s, err)
	}
	ref.Digest = digest
	return ref, nil
}

// ValidTag tells why a tag is none; nil: it is one.
func ValidTag(tag string) error {
	switch {
	case tagPattern().MatchString(tag):
		return nil
	case tag == "":
		return errors.New("the tag is empty")
	case len(tag) > 128:
		return fmt.Errorf("the tag is longer than 128 characters")
	case strings.Contains(tag, "+"):
		return hinted{fmt.Errorf("invalid tag %q", tag), fmt.Sprintf("a tag has no %q; helm writes _ for it: %s", "+",
			strings.ReplaceAll(tag, "+", "_"))}
	}
	return hinted{fmt.Errorf("invalid tag %q", tag), "a tag has letters, digits, '_', '.' and '-', and begins with none of the last two"}
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

// cutDigest takes "@ALGORITHM:HEX" off the end. In a path an @ may stand anywhere else.
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
		return "", "", hinted{fmt.Errorf("invalid digest %q", d), "a digest is sha256: and 64 hexadecimal digits in lower case"}
	}
	return rest, d, nil
}

func parsePath(s string) (Reference, error) {
	ref := Reference{Path: s}
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, '/') {
		ref.Path, ref.Tag = s[:i], s[i+1:]
		if err := ValidTag(ref.Tag); err != nil {
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
		return Reference{}, hinted{fmt.Errorf("%q is no scheme of a reference", scheme), "leave the scheme out"}
	}
	host, rest, ok := strings.Cut(s, "/")
	if !ok || !hostLike(host) {
		return Reference{}, notAHost(s, host, ok)
	}
	ref := Reference{Registry: strings.ToLower(host), Repository: rest}
	if i := strings.IndexByte(rest, ':'); i >= 0 {
		ref.Repository, ref.Tag = rest[:i], rest[i+1:]
		if err := ValidTag(ref.Tag); err != nil {
			return Reference{}, err
		}
	}
	if err := validHost(host); err != nil {
		return Reference{}, err
	}
	ref = dockerNames(ref)
	if err := validRepository(ref); err != nil {
		return Reference{}, err
	}
	return ref, nil
}

// hostLike follows docker: the first part is a host when it could be no part of a repository on a default registry.
func hostLike(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:[")
}

// notAHost tells what is missing: the repository behind a host, or the registry in front of what docker would look for
// on its own ("alpine:3").
func notAHost(s, host string, hasPath bool) error {
	if host := strings.TrimSuffix(host, ":"); hostLike(host) && !hasPath && validHost(host) == nil {
		return hinted{errors.New("the repository is missing"), fmt.Sprintf("did you mean %q? A path begins with ./ or /", host+"/NAME")}
	}
	meant := fmt.Sprintf("the path %q?", "./"+s)
	if hub, err := parseRepository("docker.io/" + s); err == nil {
		meant = fmt.Sprintf("%q, or %s", hub, meant)
	}
	return hinted{errors.New("the registry is missing"), "did you mean " + meant}
}

// dockerNames writes the short names of Docker Hub in full, as docker does.
func dockerNames(ref Reference) Reference {
	if ref.Registry == "index.docker.io" {
		ref.Registry = "docker.io"
	}
	if ref.Registry == "docker.io" && ref.Repository != "" && !strings.Contains(ref.Repository, "/") {
		ref.Repository = "library/" + ref.Repository
	}
	return ref
}

func validHost(hostport string) error {
	host, port := hostport, ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return fmt.Errorf("invalid registry %q: ']' is missing", hostport)
		}
		addr, err := netip.ParseAddr(host[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return fmt.Errorf("invalid registry %q: no IPv6 address", hostport)
		}
		host, port = "", host[end+1:]
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		host, port = host[:i], host[i:]
	}
	if host != "" && !hostPattern().MatchString(host) || host == "" && !strings.HasPrefix(hostport, "[") {
		return fmt.Errorf("invalid registry %q", hostport)
	}
	if port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(port, ":"), 10, 16); err != nil || n == 0 || port[0] != ':' {
		return fmt.Errorf("invalid registry %q: the port is no number from 1 to 65535", hostport)
	}
	return nil
}

func validRepository(ref Reference) error {
	name := ref.Repository
	switch {
	case len(ref.Registry)+1+len(name) > maxName:
		return fmt.Errorf("registry and repository are longer than %d characters", maxName)
	case repositoryPattern().MatchString(name):
		return nil
	case name == "":
		return errors.New("the repository is missing")
	case name != strings.ToLower(name):
		return hinted{fmt.Errorf("invalid repository %q: it has capitals", name),
			fmt.Sprintf("did you mean %q?", Reference{Registry: ref.Registry, Repository: strings.ToLower(name), Tag: ref.Tag})}
	}
	return hinted{fmt.Errorf("invalid repository %q", name),
		"its parts have lower-case letters and digits, with '.', '_', '__' or '-' between them"}
}

// loopback tells whether a registry is on this machine, where docker and its like speak plain HTTP.
func loopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = strings.Trim(registry, "[]")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// hinted is a cause with advice.
type hinted struct {
	error
	hint string
}

// badReference is the error of Parse: a wrong argument, and oras's "invalid reference".
func badReference(s string, err error) error {
	var h hinted
	errors.As(err, &h)
	return &artifact.Error{Op: "reference", Item: s, Err: marked{err, errdef.ErrInvalidReference}, Hint: h.hint}
}

// marked is an error that is also artifact.ErrInvalid and another sentinel, neither of them in the text.
type marked struct{ err, also error }

func (m marked) Error() string   { return m.err.Error() }
func (m marked) Unwrap() []error { return []error{m.err, m.also, artifact.ErrInvalid} }

// onUse compiles a regular expression when it is first needed: most commands need none, and none should wait for it.
func onUse(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

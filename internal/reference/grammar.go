package reference

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/lazy"
	"oras.land/oras-go/v2/errdef"
)

// The grammars of the distribution specification, section "Pulling manifests".
var (
	repositoryPattern = lazy.Regexp(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	TagPattern        = lazy.Regexp(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	hostPattern       = lazy.Regexp(`^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?)*$`)
)

// maxName is the combined length of host and repository that every registry accepts. Some registries reject longer names late
// and with unclear errors.
const maxName = 255

// ValidateTag returns an error if a tag is invalid.
func ValidateTag(tag string) error {
	switch {
	case TagPattern().MatchString(tag):
		return nil
	case tag == "":
		return errors.New("the tag is empty")
	case len(tag) > 128:
		return fmt.Errorf("the tag is longer than 128 characters")
	case strings.Contains(tag, "+"):
		return hinted{fmt.Errorf("invalid tag %q", tag), fmt.Sprintf("a tag can't contain %q; Helm replaces it with _: %s", "+",
			strings.ReplaceAll(tag, "+", "_"))}
	}
	return hinted{fmt.Errorf("invalid tag %q", tag), "a tag consists of letters, digits, '_', '.', and '-', and can't begin with '.' or '-'"}
}

// ValidateHost returns an error if the name of a registry is invalid.
func ValidateHost(hostport string) error {
	host, port := hostport, ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return fmt.Errorf("invalid registry %q: ']' is missing", hostport)
		}
		addr, err := netip.ParseAddr(host[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return fmt.Errorf("invalid registry %q: not an IPv6 address", hostport)
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
		return fmt.Errorf("invalid registry %q: the port is not a number from 1 to 65535", hostport)
	}
	return nil
}

// ValidateRepository returns an error if the name of a repository is invalid.
func ValidateRepository(host, name, tag string) error {
	switch {
	case len(host)+1+len(name) > maxName:
		return fmt.Errorf("registry and repository together are longer than %d characters", maxName)
	case repositoryPattern().MatchString(name):
		return nil
	case name == "":
		return errors.New("the repository is missing")
	case name != strings.ToLower(name):
		meant := host + "/" + strings.ToLower(name)
		if tag != "" {
			meant += ":" + tag
		}
		return hinted{fmt.Errorf("invalid repository %q: it has uppercase letters", name),
			fmt.Sprintf("did you mean %q?", meant)}
	}
	return hinted{fmt.Errorf("invalid repository %q", name),
		"its parts consist of lower-case letters and digits, with '.', '_', '__', or '-' between them"}
}

// LooksLikeHost reports whether the first part of a reference is a host, by Docker's rule: it is "localhost", or it contains a
// dot, a colon, or a bracket.
func LooksLikeHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:[")
}

// DockerHost returns the name of a registry in references: "docker.io" for index.docker.io, any other host unchanged.
func DockerHost(host string) string {
	if host == "index.docker.io" {
		return "docker.io"
	}
	return host
}

// ParseHost parses the HOST argument of login and logout. It also accepts a URL, such as https://index.docker.io/v1/, which
// Docker uses for Docker Hub.
func ParseHost(host string) (string, error) {
	name := host
	if scheme, rest, ok := strings.Cut(host, "://"); ok && slices.Contains([]string{"oci", "docker", "https", "http"}, strings.ToLower(scheme)) {
		name = rest
	}
	if user, rest, ok := strings.Cut(name, "@"); ok && user != "" { // not printed, because it may include a password
		return "", Error(rest, userNameError(rest))
	}
	name, path, _ := strings.Cut(name, "/")
	if err := ValidateHost(name); err != nil {
		return "", Error(host, err)
	}
	switch strings.Trim(path, "/") {
	case "", "v1", "v2":
		return DockerHost(strings.ToLower(name)), nil
	}
	return "", Error(host, hinted{errors.New("a registry has no path"), fmt.Sprintf("did you mean %q?", name)})
}

// IsLoopback reports whether a registry is on this machine, where Docker and similar tools use plain HTTP.
func IsLoopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = strings.Trim(registry, "[]")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// ErrNoRepository is the cause of the error about a reference that has a registry but no repository.
var ErrNoRepository = errors.New("the repository is missing")

// ErrNoRegistry is the cause of the error about a name without a registry.
var ErrNoRegistry = errors.New("the registry is missing")

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

// Unwrap returns the error.
func (h hinted) Unwrap() error { return h.error }

// Hint returns the advice.
func (h hinted) Hint() string { return h.hint }

// WithHint adds advice to an error.
func WithHint(err error, hint string) error { return hinted{err, hint} }

// userNameError returns the error about a reference with a user name; rest is the reference without it.
func userNameError(rest string) error {
	return hinted{errors.New("the address of a registry has no user name"), fmt.Sprintf("did you mean %q?", rest)}
}

// cutPassword removes the scheme, user name, and password from a reference, and reports whether it has a password.
func cutPassword(s string) (rest string, ok bool) {
	if _, address, hasScheme := strings.Cut(s, "://"); hasScheme {
		s = address
	}
	host, _, _ := strings.Cut(s, "/")
	at := strings.LastIndexByte(host, '@')
	if at < 0 || !strings.Contains(host[:at], ":") || strings.ContainsRune(host, '\\') || strings.HasPrefix(host[at+1:], "sha") && !strings.Contains(s, "/") {
		return s, false // no password, a path, or a digest
	}
	return s[at+1:], true
}

// Error returns an error about the reference s that matches artifact.ErrInvalid and errdef.ErrInvalidReference. It removes a
// password in s from the message.
func Error(s string, err error) error {
	if rest, ok := cutPassword(s); ok {
		s, err = rest, userNameError(rest)
	}
	var h hinted
	errors.As(err, &h)
	return &artifact.Error{Op: "reference", Item: s, Err: Invalid(err, errdef.ErrInvalidReference), Hint: h.hint}
}

// Invalid returns an error with the text of err that also matches artifact.ErrInvalid and the sentinel also. Inlined, it would add 3 KB to
// the program.
//
//go:noinline
func Invalid(err, also error) error { return fault.As(err, also, artifact.ErrInvalid) }

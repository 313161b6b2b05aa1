package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/opencontainers/go-digest"
)

// Reference names a target, which is a repository of a registry or a path, and optionally a tag or digest in it. Either Registry
// and Repository are set, or Path is. With Path, Registry and Repository may name one of several repositories in a layout.
type Reference struct {
	Registry   string // host, with a port if one was given
	Repository string
	Path       string        // directory of an image layout, or an archive (".tar"), as written
	Tag        string        // empty if none was given
	Digest     digest.Digest // takes precedence over Tag; empty if none was given
}

// IsPath reports whether the reference names a layout or an archive on disk.
func (r Reference) IsPath() bool { return r.Path != "" }

// IsArchive reports whether the reference names an archive on disk.
func (r Reference) IsArchive() bool { return strings.HasSuffix(r.Path, ".tar") }

// Name returns the reference without tag and digest. Inlined, it would add 10 KB to the program.
//
//go:noinline
func (r Reference) Name() string {
	if r.IsPath() {
		return r.Path
	}
	return r.Registry + "/" + r.Repository
}

// InLayout returns the name of the repository in a layout, or "" if the reference has none. Inlined, it would add 33 KB to the program.
//
//go:noinline
func (r Reference) InLayout() string {
	if !r.IsPath() || r.Registry == "" {
		return r.Repository
	}
	return r.Registry + "/" + r.Repository
}

// TagName returns the tag or, if the reference names one of several repositories in a layout, HOST/REPO:TAG. Without a tag it is "".
// Inlined, it would add 4 KB to the program.
//
//go:noinline
func (r Reference) TagName() string { return r.Named(r.Tag) }

// Named is like TagName, for another tag.
func (r Reference) Named(tag string) string {
	if r.IsPath() && r.Repository != "" && tag != "" {
		return r.InLayout() + ":" + tag
	}
	return tag
}

// Reference returns the reference to resolve in the target: the digest, else the tag, else "". Inlined, it would add 5 KB to the program.
//
//go:noinline
func (r Reference) Reference() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.TagName()
}

// String returns the reference in the syntax of Parse.
func (r Reference) String() string {
	s := r.Name()
	if r.IsPath() && r.Repository != "" {
		s += ":" + r.InLayout()
	}
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}

// Parse parses HOST[:PORT]/REPO[:TAG][@DIGEST], or a path that begins with "./", "../", "/" or "~" (or is "." or ".."),
// with an optional :TAG and @DIGEST after it. In a layout with several repositories, the tag may be a full name:
// PATH:HOST/REPO:TAG. Windows paths are accepted on every system: ".\", "..\", "\", and "C:\" or "C:/". A scheme that other tools write
// before a reference is dropped; "http://" does not choose plain HTTP. Errors wrap artifact.ErrInvalid and errdef.ErrInvalidReference.
func Parse(s string) (Reference, error) {
	if scheme, rest, ok := strings.Cut(s, "://"); ok && slices.Contains(schemes, scheme) && !isPath(rest) {
		return parse(s, strings.TrimRight(rest, "/"))
	}
	return parse(s, s)
}

// ParseSource parses the reference of a source, which is only read. Besides the syntax of Parse it accepts the name that
// Docker prints for a Docker Hub image: with a digest and without the host. Its errors are those of Parse.
func ParseSource(s string) (Reference, error) {
	ref, err := Parse(s)
	if err == nil {
		return ref, nil
	}
	for _, scheme := range schemes {
		s = strings.TrimPrefix(s, scheme+"://")
	}
	name, _, ok := strings.Cut(s, "@sha256:")
	if host, _, _ := strings.Cut(name, "/"); !ok || reference.LooksLikeHost(host) && strings.Contains(name, "/") || isPath(s) {
		return ref, err
	}
	if hub, hubErr := Parse(dockerHub + "/" + s); hubErr == nil {
		return hub, nil
	}
	return ref, err
}

// schemes are written before references by Helm and Flux, Skopeo and crictl, Kubernetes in the status of a pod, and browsers.
var schemes = []string{"oci", "docker", "docker-pullable", "https", "http"}

const dockerHub = "docker.io"

// parse parses a reference without its scheme; given is the original, for errors.
func parse(given, s string) (Reference, error) {
	rest, digest, err := cutDigest(s)
	if err != nil {
		return Reference{}, reference.Error(given, err)
	}
	var ref Reference
	switch {
	case isPath(s):
		ref, err = parsePath(rest)
	case reference.PathOfTransport(s) != "":
		err = reference.WithHint(reference.ErrNoRegistry, fmt.Sprintf("did you mean the path %q?", reference.PathOfTransport(s)))
	case reference.HintForStore(s) != "":
		err = reference.WithHint(errors.New("an image in the store of a container engine"), reference.HintForStore(s))
	case reference.IsImageID(s):
		hint := fmt.Sprintf("docker inspect --format '{{index .RepoDigests 0}}' %s", s)
		if strings.HasPrefix(s, "sha256:") {
			hint = fmt.Sprintf("write REPOSITORY@%s; for the ID of an image in Docker: %s", s, hint)
		}
		err = reference.WithHint(errors.New("an image ID or digest without a repository"), hint)
	default:
		ref, err = parseRepository(rest, digest)
	}
	if err != nil {
		return Reference{}, reference.Error(given, err)
	}
	ref.Digest = digest
	return ref, nil
}

func isPath(s string) bool {
	if s == "." || s == ".." {
		return true
	}
	for _, prefix := range []string{"./", "../", "/", "~", ".:", "..:", ".@", "..@", `.\`, `..\`, `\`} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return hasDrive(s)
}

// hasDrive reports whether s begins with a Windows drive and a separator: C:\ or C:/. No registry can have that name: its
// port would not be a number.
func hasDrive(s string) bool {
	return len(s) >= 3 && s[1] == ':' && (s[2] == '\\' || s[2] == '/') && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z')
}

const digestHint = `a digest is sha256: and 64 hexadecimal digits in lower case; the name of a repository has no "@"`

// cutDigest cuts "@ALGORITHM:HEX" off the end. In a path, an @ may occur anywhere else.
func cutDigest(s string) (string, digest.Digest, error) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return s, "", nil
	}
	rest, d := s[:i], digest.Digest(s[i+1:])
	if isPath(s) && (strings.ContainsAny(string(d), `/\`) || !strings.Contains(string(d), ":")) {
		return s, "", nil
	}
	switch err := d.Validate(); {
	case errors.Is(err, digest.ErrDigestUnsupported):
		return "", "", fmt.Errorf("digest %q: unknown algorithm %q", d, d.Algorithm())
	case reference.IsCut(string(d)):
		return "", "", reference.WithHint(fmt.Errorf("invalid digest %q", d), reference.CutHint)
	case err != nil:
		return "", "", reference.WithHint(fmt.Errorf("invalid digest %q", d), digestHint)
	}
	return rest, d, nil
}

func parsePath(s string) (Reference, error) {
	if ref, ok := parseNameInPath(s); ok {
		return ref, nil
	}
	ref := Reference{Path: s}
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexAny(s, `/\`) {
		ref.Path, ref.Tag = s[:i], s[i+1:]
		if err := reference.ValidateTag(ref.Tag); err != nil {
			return Reference{}, err
		}
	}
	if strings.ContainsRune(ref.Path, 0) || filepath.Clean(ref.Path) == "" {
		return Reference{}, errors.New("invalid path")
	}
	return ref, nil
}

// parseNameInPath parses PATH:HOST/REPO[:TAG] or PATH:REPO:TAG. Other colons are part of the path.
func parseNameInPath(s string) (Reference, bool) {
	start := 0
	if hasDrive(s) {
		start = 2
	}
	for i := start + 1; i < len(s); i++ {
		name := s[i+1:]
		if s[i] != ':' || strings.ContainsRune(name, '\\') || !strings.ContainsAny(name, "/:") {
			continue
		}
		var ref Reference
		host, rest, isLonger := strings.Cut(name, "/") // a time, as in /backups/2026-11-30T10:24:05/oci, is not a host
		if isLonger && strings.Trim(host, "0123456789:") != "" && reference.LooksLikeHost(host) && reference.ValidateHost(host) == nil {
			ref.Registry, name = strings.ToLower(host), rest
		}
		at := strings.LastIndexByte(name, ':')
		if at < 0 && ref.Registry == "" {
			continue
		}
		if ref.Repository = name; at >= 0 {
			ref.Repository, ref.Tag = name[:at], name[at+1:]
			if reference.ValidateTag(ref.Tag) != nil {
				continue
			}
		}
		ref = dockerNames(ref) // /backups/2026-11-30T10:24:latest has no repository, but a time
		if strings.Trim(ref.Repository, "0123456789") != "" && reference.ValidateRepository(ref.Registry, ref.Repository, "") == nil {
			ref.Path = s[:i]
			return ref, true
		}
	}
	return Reference{}, false
}

// parseRepository parses a reference whose digest d has been cut off. The digest is used only in the suggestions of errors.
func parseRepository(s string, d digest.Digest) (Reference, error) {
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		return Reference{}, reference.WithHint(fmt.Errorf("unsupported scheme %q", scheme), "leave the scheme out")
	}
	host, rest, ok := strings.Cut(s, "/")
	if !ok || !reference.LooksLikeHost(host) {
		return Reference{}, missingPartError(s, d)
	}
	ref := Reference{Registry: strings.ToLower(host), Repository: rest}
	if i := strings.IndexByte(rest, ':'); i >= 0 {
		ref.Repository, ref.Tag = rest[:i], rest[i+1:]
		if err := reference.ValidateTag(ref.Tag); err != nil {
			return Reference{}, err
		}
	}
	if err := reference.ValidateHost(host); err != nil {
		return Reference{}, err
	}
	ref = dockerNames(ref)
	if err := reference.ValidateRepository(ref.Registry, ref.Repository, ref.Tag); err != nil {
		return Reference{}, err
	}
	return ref, nil
}

// missingPartError returns an error that names the missing part of s: the repository after a host, or the registry before a
// name that Docker would look up on Docker Hub ("alpine:3").
func missingPartError(s string, d digest.Digest) error {
	host, _, hasPath := strings.Cut(s, "/")
	if host := strings.TrimSuffix(host, ":"); reference.LooksLikeHost(host) && !hasPath && reference.ValidateHost(host) == nil && !strings.HasSuffix(host, ".tar") {
		return reference.WithHint(reference.ErrNoRepository, fmt.Sprintf("did you mean %q? A path begins with ./ or /", host+"/NAME"))
	}
	whole := s
	if d != "" {
		whole += "@" + d.String()
	}
	meant := fmt.Sprintf("the path %q?", "./"+whole)
	if hub, err := parseRepository(dockerHub+"/"+s, d); err == nil && !strings.HasSuffix(hub.Repository, ".tar") {
		hub.Digest = d
		meant = fmt.Sprintf("%q, or %s", hub, meant)
	}
	return reference.WithHint(reference.ErrNoRegistry, "did you mean "+meant)
}

// dockerNames expands Docker Hub's short names, like Docker.
func dockerNames(ref Reference) Reference {
	ref.Registry = reference.DockerHost(ref.Registry)
	if ref.Registry == dockerHub && ref.Repository != "" && !strings.Contains(ref.Repository, "/") {
		ref.Repository = "library/" + ref.Repository
	}
	return ref
}

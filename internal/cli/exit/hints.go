package exit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Hints returns what the user can do about an error. Libraries state facts; only the commands name commands and flags.
func Hints(err error) []string {
	return splitLines(hintFor(err))
}

// splitLines returns the lines of a hint, or nil for an empty hint.
func splitLines(hint string) []string {
	if hint == "" {
		return nil
	}
	return strings.Split(hint, "\n")
}

// hintFor returns the hint for an error: its own, or that for its cause. The lines of a hint are separate hints.
func hintFor(err error) string {
	var usage *UsageError
	var known *artifact.Error
	var advising interface{ Hint() string }
	switch {
	case isMissingFile(err) && isDirectoryGone():
		return directoryGone
	case errors.As(err, &usage) && usage.Hint != "":
		return usage.Hint
	case errors.Is(err, errdef.ErrInvalidReference) && errors.As(err, &known) && known.Op == "reference" && existingPath(known.Item) != "":
		return fmt.Sprintf("did you mean the path %q?", existingPath(known.Item))
	case errors.Is(err, reference.ErrNoRepository) && errors.As(err, &known):
		return fmt.Sprintf("did you mean %q? \"%s\" lists the names; a path begins with ./ or /", known.Item+"/NAME",
			shell.Command("davit", "repos", known.Item))
	case errors.As(err, &advising) && advising.Hint() != "":
		return advising.Hint()
	case errors.As(err, &known) && known.Hint != "":
		return known.Hint
	}
	return hintForCause(err)
}

// existingPath returns the path of a layout or archive that was typed without "./", or "".
func existingPath(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	if _, err := os.Stat(name); err != nil || strings.HasPrefix(name, ".") || filepath.IsAbs(name) {
		return ""
	}
	return "./" + reference
}

// hintForCause returns the hint for an error that has none of its own.
func hintForCause(err error) string {
	var ambiguous *artifact.AmbiguousError
	var shared *index.AmbiguousError
	var unavailable *registry.Unavailable
	var missing *registry.Missing
	var elsewhere *registry.Elsewhere
	var authority x509.UnknownAuthorityError
	var otherName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	var known *artifact.Error
	if hint, ok := hintForRefusal(err); ok {
		return hint
	}
	switch {
	case errors.As(err, &authority):
		return hintForAuthority(err)
	case errors.As(err, &otherName):
		return hintForName(otherName)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the operator of the registry has to renew its certificate, unless the clock of this machine is wrong; --insecure skips the check"
	case errors.As(err, &ambiguous):
		return "an artifact has one kind: choose it with --kind, or take all files with --kind generic"
	case errors.As(err, &shared):
		return hintForSharedTag(shared)
	case isForbidden(err) && errors.As(err, &unavailable) && unavailable.Answer.Method == http.MethodDelete:
		return "this registry disallows deletion; its operator can enable it (distribution: storage.delete.enabled)"
	case errors.As(err, &missing) && missing.Answer.Method == http.MethodPost:
		return "create the repository first: this registry does not create it on a push"
	case errors.As(err, &elsewhere) && IsNotTLS(err):
		return "nothing speaks TLS there: the operator of the registry, or of the proxy in front of it, has to change that redirect"
	case errors.As(err, &elsewhere):
		return "this machine has to reach that address, too; if it is wrong, the operator of the registry has to change it (distribution: http.host, auth.token.realm)"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "check the name of the registry; if only a proxy resolves it, name that in HTTPS_PROXY"
	case errors.Is(err, syscall.ECONNREFUSED) && !hasStopped(err):
		return hintToServe(err)
	case isUnknownType(err):
		return "this registry accepts only known types, as GitLab's does: --kind image packs the same files as an image, which it accepts"
	case errors.As(err, &unavailable):
		return hintForScheme(unavailable)
	case errors.Is(err, catalog.ErrNoLayout):
		return hintForFiles(err, errors.Is(err, errdef.ErrNotFound))
	case errors.As(err, &known) && known.Op == "serving" && errors.Is(err, errdef.ErrNotFound):
		return HintToPackIn(known.Item)
	case errors.As(err, &known) && known.Op == "layout" && errors.Is(err, errdef.ErrNotFound):
		return hintForLayout(known.Item)
	case errors.Is(err, archive.ErrLimit) && errors.Is(err, artifact.ErrRefused):
		return "if you trust it, pull it with a higher --max-files, --max-size, or --max-ratio"
	case errors.Is(err, archive.ErrOutward):
		return "if you trust it, pull it with --preserve: links are restored as they were packed, wherever they lead"
	case errors.Is(err, artifact.ErrKept):
		return "overwrite it with --force, or pull into another directory with -o"
	case errors.Is(err, syscall.ENOSPC):
		return "free disk space and run the same command again"
	case errors.Is(err, artifact.ErrChanged):
		return "run the command again once nothing writes to the file"
	}
	return ""
}

// hintForSharedTag returns the hint for a tag of several repositories in a layout or archive.
func hintForSharedTag(e *index.AmbiguousError) string {
	if e.Path == "" || len(e.Names) == 0 {
		return ""
	}
	separator, name := ":", e.Names[0]
	if digest.Digest(name).Validate() == nil {
		separator = "@"
	}
	return fmt.Sprintf("name a repository, such as %s; \"%s\" lists the repositories", shell.Quote(e.Path+separator+name), shell.Command("davit", "repos", e.Path))
}

// hintForAuthority returns the hint for a certificate that no known authority signed, for this command and for all later ones.
func hintForAuthority(err error) string {
	hint := "pass the certificate authority of the registry with --ca-file, or skip the check with --insecure"
	var unavailable *registry.Unavailable
	if errors.As(err, &unavailable) && unavailable.Host != "" {
		hint += fmt.Sprintf("\nto trust it from now on, copy the authority to ~/.config/containers/certs.d/%s/ca.crt", unavailable.Host)
	}
	return hint
}

// hintForName returns the hint for a certificate that is for other names than that of the registry.
func hintForName(e x509.HostnameError) string {
	names := slices.Clone(e.Certificate.DNSNames)
	for _, ip := range e.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "the operator of the registry has to name it in its certificate; --insecure skips the check"
	}
	return fmt.Sprintf("call the registry by a name in its certificate (%s), or skip the check with --insecure", textdist.FirstFew(names))
}

// hintToServe returns the hint for a refused connection. For an address of this machine, it names the command that serves a layout there.
func hintToServe(err error) string {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Addr != nil && reference.IsLoopback(dial.Addr.String()) {
		return "no registry listens there; to serve a layout there: " + shell.Command("davit", "serve", "./oci", "--addr", dial.Addr.String())
	}
	return "no registry listens there"
}

// hintForFiles returns the hint for a directory of files that was used as a layout to read or to write.
func hintForFiles(err error, isRead bool) string {
	var known *artifact.Error
	if !errors.As(err, &known) {
		return ""
	}
	if info, err := os.Stat(known.Item); err != nil || !info.IsDir() {
		return ""
	}
	if layouts := layoutsIn(known.Item); len(layouts) > 0 {
		return fmt.Sprintf("it is a directory of layouts: name one of %s; \"%s\" lists them all", textdist.FirstFew(layouts), shell.Command("davit", "repos", known.Item))
	}
	if isRead {
		return fmt.Sprintf("it is a directory of files, not an artifact: \"%s\" shows what a push of them packs", shell.Command("davit", "check", known.Item))
	}
	return fmt.Sprintf("it has other files: as a target, name another directory, such as %s; \"%s\" shows what a push of its files packs",
		shell.Quote(strings.TrimRight(known.Item, "/")+"/oci"), shell.Command("davit", "check", known.Item))
}

// layoutsIn returns layouts near the top of a directory: looking through all of it would take too long for a hint.
func layoutsIn(dir string) []string {
	var found []string
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		names, _ := fs.Glob(os.DirFS(dir), pattern+"/"+ocispec.ImageLayoutFile)
		for _, name := range names {
			found = append(found, shell.Quote(strings.TrimRight(dir, "/")+"/"+path.Dir(name)))
		}
	}
	return found
}

// hintForLayout returns the hint for a layout that does not exist.
func hintForLayout(name string) string {
	dir, base := filepath.Split(name)
	if isDirectoryGone() {
		return directoryGone
	}
	if near := tree.Nearby(os.DirFS(filepath.Clean(dir)), base); near != "" {
		return fmt.Sprintf("did you mean %q?", dir+near)
	}
	return HintToPack(name)
}

// HintToPack returns the hint for a layout that does not exist.
func HintToPack(name string) string {
	return fmt.Sprintf("\"%s\" makes a layout there", shell.Command("davit", "pack", "SOURCE", "-o", name))
}

// HintToPackIn is like HintToPack, for a directory with other files.
func HintToPackIn(dir string) string { return HintToPack(strings.TrimRight(dir, "/") + "/oci") }

const directoryGone = "the working directory was removed: change to another one"

// isDirectoryGone reports whether the working directory was removed, so that no relative path can be opened.
func isDirectoryGone() bool {
	_, err := os.Getwd()
	return errors.Is(err, fs.ErrNotExist)
}

// isUnknownType reports whether a registry refuses a manifest for its artifactType or the media type of its config.
func isUnknownType(err error) bool {
	var answered *registry.Unavailable
	return errors.As(err, &answered) && answered.Answer.Status == http.StatusBadRequest &&
		strings.Contains(answered.Answer.String(), "unknown media type")
}

// IsNotTLS reports whether the other side does not speak TLS.
func IsNotTLS(err error) bool {
	var header tls.RecordHeaderError
	return err != nil && (errors.As(err, &header) || strings.Contains(err.Error(), "HTTP response to HTTPS client")) // net/http has no type for it
}

// hintForScheme returns the hint for a registry that was reached over plain HTTP and requires TLS, or the reverse.
func hintForScheme(e *registry.Unavailable) string {
	switch {
	case e.Answer.Status == http.StatusBadRequest && strings.HasPrefix(e.Answer.URL, "http://") && len(e.Answer.Errors) == 0:
		return "if the registry speaks TLS, add --plain-http=false, or name its certificate authority with --ca-file"
	case IsNotTLS(e):
		return "if the registry speaks plain HTTP, add --plain-http"
	case strings.Contains(e.Error(), "the redirect of ") && strings.Contains(e.Error(), " to https://"):
		return "the registry speaks TLS: leave out --plain-http, and for a registry on this machine add --plain-http=false"
	}
	return ""
}

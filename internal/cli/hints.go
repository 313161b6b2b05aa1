package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"syscall"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/registry"
)

// hints says what to try after an error. The libraries state facts; this is the only place that names commands and
// flags.
func hints(err error) []string {
	var usage *usageError
	var several *severalError
	var known *artifact.Error
	var advising interface{ hint() string }
	switch {
	case errors.Is(err, errInterrupted):
		return []string{"run the same command again: what is there already is not transferred again"}
	case errors.As(err, &several):
		return several.hints()
	case errors.As(err, &usage):
		return oneHint(usage.hint)
	case errors.As(err, &advising) && advising.hint() != "":
		return oneHint(advising.hint())
	case errors.As(err, &known) && known.Hint != "":
		return oneHint(known.Hint)
	}
	return oneHint(hintFor(err))
}

func oneHint(hint string) []string {
	if hint == "" {
		return nil
	}
	return []string{hint}
}

func hintFor(err error) string {
	var ambiguous *artifact.AmbiguousError
	var denied *registry.Denied
	var unavailable *registry.Unavailable
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &authority):
		return "name the registry's certificate authority with --ca-file, or trust anything with --insecure"
	case errors.As(err, &ambiguous):
		return "choose one with --kind"
	case errors.As(err, &denied):
		return "log in with \"davit login " + denied.Host + "\", or ask for the permission"
	case isForbidden(err):
		return "this registry does that for nobody; whoever runs it can allow it (distribution: storage.delete.enabled)"
	case errors.As(err, &unavailable):
		return hintForScheme(unavailable)
	case errors.Is(err, archive.ErrLimit) && errors.Is(err, artifact.ErrRefused):
		return "if you trust it, pull it with a higher --max-files, --max-size or --max-ratio"
	case errors.Is(err, artifact.ErrKept):
		return "overwrite it with --force, or pull into another directory with -o"
	case errors.Is(err, syscall.ENOSPC):
		return "make room and run the same command again"
	case errors.Is(err, artifact.ErrChanged):
		return "run the command again once nothing writes to the file"
	}
	return ""
}

// hintForScheme is for a registry that was spoken to in plain HTTP and wants TLS, or the other way round.
func hintForScheme(e *registry.Unavailable) string {
	var notTLS tls.RecordHeaderError
	switch {
	case e.Answer.Status == http.StatusBadRequest && strings.HasPrefix(e.Answer.URL, "http://"):
		return "if the registry speaks TLS, say --plain-http=false, or name its certificate authority with --ca-file"
	case errors.As(e, &notTLS) || strings.Contains(e.Error(), "HTTP response to HTTPS client"): // net/http has no type for it
		return "if the registry speaks plain HTTP, say --plain-http"
	}
	return ""
}

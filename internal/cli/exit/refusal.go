package exit

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/shell"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// hintForRefusal returns the hint for a request that a registry refused, and reports whether err is such a refusal. The hint is to log in
// only if the answer is about credentials.
func hintForRefusal(err error) (hint string, ok bool) {
	var denied *registry.Denied
	answer := lastAnswer(err)
	isDenied := errors.As(err, &denied)
	switch {
	case isDenied && strings.Contains(denied.Error(), "started without --write"): // as davit serve says
		return "the operator of that registry can start it with --write", true
	case isAboutTag(answer):
		return "the registry refuses to write that tag, which may be immutable: push with another tag", true
	case !isDenied:
		return "", false
	case isPolicy(answer):
		return "", true
	case answer.Status == http.StatusUnauthorized: // with or without credentials
		return fmt.Sprintf("log in with \"%s\"; if you did, check the user name and the password, or request access", shell.Command("davit", "login", denied.Host)), true
	}
	return fmt.Sprintf("log in with \"%s\", or request access", shell.Command("davit", "login", denied.Host)), true
}

// UnauthorizedAt returns the host of a registry that refused credentials or required them, and "" for other errors.
func UnauthorizedAt(err error) string {
	var denied *registry.Denied
	if errors.As(err, &denied) && (denied.Answer.Status == http.StatusUnauthorized || denied.Answer.Status == 0) {
		return denied.Host
	}
	return ""
}

// lastAnswer returns the last answer of a registry that refused a request, or the zero value.
func lastAnswer(err error) registry.Answer {
	var denied *registry.Denied
	var unavailable *registry.Unavailable
	switch {
	case errors.As(err, &denied):
		return denied.Answer
	case errors.As(err, &unavailable):
		return unavailable.Answer
	}
	return registry.Answer{}
}

// isAboutTag reports whether a registry refuses to write a tag that other content has, to every user. There is no status and no code
// that all registries use for that.
func isAboutTag(answer registry.Answer) bool {
	if answer.Method != http.MethodPut || !strings.Contains(answer.URL, "/manifests/") || strings.Contains(path.Base(answer.URL), ":") {
		return false
	}
	return slices.ContainsFunc(answer.Errors, func(e errcode.Error) bool {
		return strings.HasPrefix(e.Code, "TAG_") || saysOneOf(e, "immutab", "overwrit")
	})
}

// isPolicy reports whether an answer is about a rule that credentials do not change: its code is not about access, or its message names
// another cause.
func isPolicy(answer registry.Answer) bool {
	return slices.ContainsFunc(answer.Errors, func(e errcode.Error) bool {
		isAccess := e.Code == "" || e.Code == errcode.ErrorCodeDenied || e.Code == errcode.ErrorCodeUnauthorized || e.Code == "FORBIDDEN"
		return !isAccess || !saysOneOf(e, "not authorized") && saysOneOf(e, "quota", "exceed", "read only", "read-only", "readonly", "immutab", "overwrit", "policy", "archived", "maintenance", "firewall", "with ip ")
	})
}

// saysOneOf reports whether the code or the message of an error contains one of the phrases, which are in lower case.
func saysOneOf(e errcode.Error, phrases ...string) bool {
	text := strings.ToLower(e.Code + " " + e.Message)
	return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(text, phrase) })
}

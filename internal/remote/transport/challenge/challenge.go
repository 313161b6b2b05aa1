// Package challenge chooses among the authentication challenges of a registry, and explains errors about token servers.
package challenge

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

// schemePattern matches the start of a challenge, with its scheme. It does not match a parameter.
var schemePattern = lazy.Regexp(`^\s*([A-Za-z0-9!#$%&'*+.^_|~-]+)(\s+[^=\s]|\s*$)`)

// Choose keeps only the first Bearer or Basic challenge of a 401 response. It is necessary because oras-go reads only the first
// challenge, and proxies put others before it.
func Choose(h http.Header) {
	const name = "Www-Authenticate"
	for _, value := range h[name] {
		for _, challenge := range Split(value) {
			scheme, _, _ := strings.Cut(challenge, " ")
			if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Basic") {
				h.Set(name, challenge)
				return
			}
		}
	}
}

// Split splits a header into its challenges (RFC 9110, section 11.6.1). Commas separate both challenges and the parameters of a
// challenge.
func Split(value string) []string {
	var all []string
	for _, part := range splitUnquoted(value) {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
		case schemePattern().MatchString(part) || len(all) == 0:
			all = append(all, part)
		default:
			all[len(all)-1] += "," + part
		}
	}
	return all
}

// splitUnquoted splits a string at the commas outside of quotes.
func splitUnquoted(s string) []string {
	var parts []string
	quoted, escaped, start := false, false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case escaped:
			escaped = false
		case quoted && s[i] == '\\':
			escaped = true
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}

// Violation is the error about a response that violates the protocol. It is not retried.
type Violation string

// Error returns the text.
func (v Violation) Error() string { return string(v) }

// AnswersWithPage is part of the text of a Violation about a web page, such as a sign-in page in front of a registry or its
// token server.
const AnswersWithPage = "answers with a web page"

// NotToken returns a Violation for an error of oras-go's client about a token server whose response is not JSON. It returns any
// other error unchanged. The error of oras-go has no type, but its text has the URLs of all requests; the last URL is that of the
// token server.
func NotToken(err error) error {
	requests, cause, found := strings.Cut(err.Error(), "\": failed to decode response: ")
	at, parseErr := url.Parse(requests[strings.LastIndex(requests, "\"")+1:])
	if !found || parseErr != nil {
		return err
	}
	server := (&url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path}).String()
	switch {
	case strings.HasPrefix(cause, "invalid character '<'"):
		return Violation(server + " " + AnswersWithPage + ", not with a token")
	case cause == io.EOF.Error():
		return Violation(server + " answers with an empty body, not with a token")
	}
	return Violation(server + " answers with something other than a token: it is not JSON: " + cause)
}

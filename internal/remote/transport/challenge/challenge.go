// Package challenge chooses among the ways to authenticate that a registry offers, and explains answers of token servers.
package challenge

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

// schemePattern finds the scheme at the start of a challenge, which a parameter does not have.
var schemePattern = lazy.Regexp(`^\s*([A-Za-z0-9!#$%&'*+.^_|~-]+)(\s+[^=\s]|\s*$)`)

// Choose reduces the challenges of a 401 to the first one with a scheme that registries have: oras-go reads only the
// first of them, but proxies put others in front.
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

// Split splits a header into its challenges (RFC 9110, section 11.6.1): both challenges and the parameters of one
// are separated by commas.
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

// splitUnquoted splits at commas that are outside of quotes.
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

// Violation is a response that violates the protocol, which retries do not change.
type Violation string

// Error returns the text.
func (v Violation) Error() string { return string(v) }

// AnswersWithPage is the part of a violation about a page for signing in, which is in front of a registry or its token server.
const AnswersWithPage = "answers with a web page"

// NotToken explains an error of oras-go's client about a token server whose answer is not JSON; it returns any other error as it is.
// The error has no type, but the address of each request: the last is that of the token server.
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
		return Violation(server + " answers with nothing, not with a token")
	}
	return Violation(server + " answers with something other than a token: it is not JSON: " + cause)
}

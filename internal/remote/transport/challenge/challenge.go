// Package challenge chooses among the ways to authenticate that a registry offers.
package challenge

import (
	"net/http"
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

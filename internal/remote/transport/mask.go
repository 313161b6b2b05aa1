package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

const (
	// maxErrorBody limits the bytes that are read of an error body, which is usually a few hundred bytes long.
	maxErrorBody = 64 << 10
	// leastSecret is the length of the shortest credential that is masked. A shorter one also occurs in ordinary words.
	leastSecret = 4
	masked      = "***"
)

// maskEcho masks the credentials of a request in an error response, because some servers echo requests, and errors are printed.
func maskEcho(req *http.Request, resp *http.Response) {
	if resp.StatusCode < http.StatusBadRequest || resp.Body == nil {
		return
	}
	secrets := secretsOf(req)
	if len(secrets) == 0 {
		return
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	changed := mask(data, secrets)
	rest := io.Reader(resp.Body)
	if err != nil || len(changed) != len(data) {
		resp.ContentLength = -1
		rest = io.MultiReader() // empty: the rest may begin with the end of a secret
	}
	resp.Body = body{io.MultiReader(bytes.NewReader(changed), rest), resp.Body}
}

// secretsOf returns the credentials in a request: tokens, passwords (plain and encoded), and secret values of its query.
func secretsOf(req *http.Request) (secrets []string) {
	if _, value, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok {
		secrets = append(secrets, strings.TrimSpace(value))
	}
	if user, password, ok := req.BasicAuth(); ok {
		secrets = append(secrets, user+":"+password, password)
	}
	for name, values := range req.URL.Query() {
		if !isPublic(name) {
			secrets = append(secrets, values...)
		}
	}
	if password, ok := req.URL.User.Password(); ok {
		secrets = append(secrets, password)
	}
	if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" && req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			data, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
			body.Close()
			form, _ := url.ParseQuery(string(data)) // returns the valid parameters
			secrets = append(append(secrets, form["password"]...), form["refresh_token"]...)
		}
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return len(s) < leastSecret })
}

// mask replaces secrets, also as they are encoded in JSON, URLs, and base64.
func mask(data []byte, secrets []string) []byte {
	for _, s := range secrets {
		quoted, _ := json.Marshal(s) // never fails
		for _, form := range []string{
			s, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)),
			base64.RawURLEncoding.EncodeToString([]byte(s)),
		} {
			data = bytes.ReplaceAll(data, []byte(form), []byte(masked))
		}
	}
	return data
}

// urlPattern finds a URL of any scheme inside a text.
var urlPattern = lazy.Regexp(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>\x60]*`)

// redact removes the parts of URLs in a text that may be secret: users, queries, fragments, and parameters of paths.
func redact(text string) string {
	return urlPattern().ReplaceAllStringFunc(text, func(u string) string {
		scheme, rest, _ := strings.Cut(u, "://")
		if i := strings.IndexAny(rest, "?#;"); i >= 0 {
			rest = rest[:i]
		}
		host, path, hasPath := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(rest, '@'); at > len(host) && strings.ContainsRune(host, ':') && !isPort(host) {
			return scheme + "://" + rest[at+1:] // a password with a slash
		}
		host = host[strings.LastIndexByte(host, '@')+1:]
		if hasPath {
			host += "/"
		}
		return scheme + "://" + host + path
	})
}

// isPort reports whether the part after the last colon of a host is a port, not a password.
func isPort(host string) bool {
	port := host[strings.LastIndexByte(host, ':')+1:]
	return port != "" && strings.Trim(port, "0123456789") == ""
}

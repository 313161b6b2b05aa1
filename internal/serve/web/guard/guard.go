// Package guard protects pages that show untrusted content. It decides which requests are answered, and limits how a browser may
// use the responses.
package guard

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Options determine who may read the pages. The zero value allows only this machine.
type Options struct {
	Prefix string   // "/WORD", a secret prefix of every path; empty if none
	Hosts  []string // host names of the pages, besides localhost
	Remote bool     // also allow IP addresses that other machines can reach
}

// policy lets a page load its style sheet, its script, and images from this server, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Sandboxed is the policy for an untrusted file that a browser may render: it has no script and no origin, and loads nothing.
const Sandboxed = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Wrap returns a handler that answers the requests that opts allow, with the prefix cut off.
func Wrap(next http.Handler, opts Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		rest, known := cutPrefix(r.URL.Path, opts.Prefix)
		switch {
		case !opts.allows(r.Host):
			http.Error(w, "these pages are not for this host name: use localhost, or start davit with --allow-host", http.StatusForbidden)
		case isForeign(r):
			http.Error(w, "these pages do not answer other sites", http.StatusForbidden)
		case !known:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "these pages are for reading", http.StatusMethodNotAllowed)
		default:
			inner := new(http.Request)
			*inner = *r
			inner.URL = &url.URL{Path: rest, RawQuery: r.URL.RawQuery}
			next.ServeHTTP(w, inner)
		}
	})
}

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// cutPrefix cuts the prefix off a path, in a time that does not reveal how much of it was right.
func cutPrefix(path, prefix string) (string, bool) {
	if len(path) < len(prefix) || subtle.ConstantTimeCompare([]byte(path[:len(prefix)]), []byte(prefix)) != 1 {
		return "", false
	}
	rest := path[len(prefix):]
	if rest == "" {
		return "/", true
	}
	return rest, rest[0] == '/'
}

// allows reports whether requests for a host are answered. Others are refused because a foreign site can make its own name resolve
// to this machine, so that its scripts would have the same origin as the pages (DNS rebinding).
func (o Options) allows(hostport string) bool {
	if IsLocal(hostport) {
		return true
	}
	host := hostOf(hostport)
	if slices.ContainsFunc(o.Hosts, func(name string) bool { return strings.EqualFold(name, host) }) {
		return true
	}
	_, err := netip.ParseAddr(host)
	return o.Remote && err == nil
}

// isForeign reports whether a page of another origin makes the request. Following a link from such a page is allowed.
func isForeign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || u.Host != r.Host
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// IsLocal reports whether HOST or HOST:PORT can only mean this machine.
func IsLocal(hostport string) bool {
	host := hostOf(hostport)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return strings.Trim(hostport, "[]")
	}
	return host
}

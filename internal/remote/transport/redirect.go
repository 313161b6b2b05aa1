package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// maxRedirects is the same limit as in net/http.
const maxRedirects = 10

// RedirectRefused is the reason why a redirect is not followed.
type RedirectRefused string

// Error returns the text.
func (r RedirectRefused) Error() string { return string(r) }

// Client returns an HTTP client that sends no credentials.
func (t *Transport) Client() *http.Client {
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// checkRedirect limits the number of redirects. It refuses a redirect from https to http, and one that changes the method.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return RedirectRefused(fmt.Sprintf("stopped after %d redirects", maxRedirects))
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return RedirectRefused("redirect from https to " + req.URL.Scheme + " is refused")
	}
	if method := via[0].Method; method != req.Method {
		return RedirectRefused(fmt.Sprintf("the redirect of %s %s to %s would lose the request body", method, BareURL(via[0].URL), BareURL(req.URL)))
	}
	req.Header.Del("Referer") // it has the query of the previous URL
	return nil
}

// addRedirect adds the URL to the error of a request that was redirected from http to https.
func addRedirect(req *http.Request, err error) error {
	if err == nil || req.Response == nil || req.URL.Scheme != "https" || req.Response.Request.URL.Scheme != "http" {
		return err
	}
	return &Elsewhere{What: "clients", URL: BareURL(req.URL).String(), Err: err}
}

// hasAnswered reports whether the host of a failed request has answered before: the registry, or the host of an Elsewhere.
func (t *Retrier) hasAnswered(err error) bool {
	var at *Elsewhere
	if errors.As(err, &at) {
		if named, err := url.Parse(at.URL); err == nil {
			return t.transport.Limiter(named.Host).HasAnswered()
		}
	}
	return t.limiter.HasAnswered()
}

package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/remote/transport"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// maxPages limits the number of pages of a list, which may have no end. Registries return 50 to 1000 entries per page.
const maxPages = 10_000

// IsNotFound reports whether an error means that the registry does not have the requested resource.
func IsNotFound(err error) bool {
	var answer *errcode.ErrorResponse
	return errors.Is(err, errdef.ErrNotFound) || errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// Pages requests all pages of a list, which begins at a resource of the repository, and passes each response with status 200 to
// read. Only the first page can make it return a "not found" error, which means that the list does not exist. A later page that
// does not exist is a transport.Violation.
func (r *Repository) Pages(ctx context.Context, resource string, query url.Values, read func(resp *http.Response) error) error {
	return r.PagesAt(ctx, r.URL(resource), query, read)
}

// PagesAt is like Pages, for a list at any URL of the registry.
func (r *Repository) PagesAt(ctx context.Context, address string, query url.Values, read func(resp *http.Response) error) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	at.RawQuery = query.Encode()
	seen := map[string]bool{}
	for page := 1; page <= maxPages; page++ {
		seen[at.String()] = true
		next, err := r.page(ctx, at, read)
		switch {
		case IsNotFound(err) && page > 1:
			return transport.Violationf("page %d of the list does not exist: %s", page, transport.BareURL(at))
		case err != nil || next == nil:
			return err
		case seen[next.String()]:
			return transport.Violationf("page %d of the list links back to an earlier page: %s", page, transport.BareURL(next))
		}
		at = next
	}
	return errdef.ErrTooManyPages
}

// page requests one page and returns the URL of the next one, or nil.
func (r *Repository) page(ctx context.Context, at *url.URL, read func(resp *http.Response) error) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, transport.ResponseError(resp)
	}
	if err := read(resp); err != nil {
		return nil, err
	}
	link := nextLink(resp.Header.Values("Link"))
	if link == "" {
		return nil, nil
	}
	next, err := at.Parse(link)
	if err != nil {
		return nil, transport.Violationf("the link of %s to the next page is not a URL", transport.BareURL(at))
	}
	return checkHost(at, next)
}

// checkHost returns the URL of the next page, with the scheme and host of the page at: behind a proxy that terminates TLS,
// registries link to http. It fails if the next page is on another host, which would need credentials.
func checkHost(at, next *url.URL) (*url.URL, error) {
	if next.Hostname() != at.Hostname() || next.Port() != at.Port() && next.Port() != "" && next.Port() != "80" && next.Port() != "443" {
		return nil, transport.Violationf("%s links to a next page on another host: %s", transport.BareURL(at), transport.BareURL(next))
	}
	next.Scheme, next.Host, next.User, next.Fragment = at.Scheme, at.Host, nil, ""
	return next, nil
}

// nextLink returns the target of the link with the relation "next" (RFC 8288). One header may have several links.
func nextLink(headers []string) string {
	for _, header := range headers {
		for header != "" {
			var target, params string
			target, params, header = cutLink(header)
			for param := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(param, "=")
				relations := strings.Fields(strings.Trim(strings.TrimSpace(value), `"`))
				if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.ContainsFunc(relations, isNext) {
					return target
				}
			}
		}
	}
	return ""
}

func isNext(relation string) bool { return strings.EqualFold(relation, "next") }

// cutLink splits a header into its first link and the rest. Some registries omit the angle brackets around the target.
func cutLink(s string) (target, params, rest string) {
	s = strings.TrimLeft(s, ", \t")
	if bracketed, ok := strings.CutPrefix(s, "<"); ok {
		target, s, ok = strings.Cut(bracketed, ">")
		if !ok {
			return "", "", ""
		}
	} else {
		i := strings.IndexAny(s, ";,")
		if i < 0 {
			return "", "", ""
		}
		target, s = s[:i], s[i:]
	}
	quoted := false
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return strings.TrimSpace(target), s[:i], s[i+1:]
		}
	}
	return strings.TrimSpace(target), s, ""
}

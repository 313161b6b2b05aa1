package transport

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/untrusted"
)

// traceLine describes a request and its response without secrets: it masks secret query values, and has only harmless headers.
func traceLine(req *http.Request, resp *http.Response, err error, took time.Duration) string {
	line := req.Method + " " + BareURL(req.URL).String()
	if len(req.URL.RawQuery) > 0 {
		line += "?" + maskedQuery(req.URL.Query())
	}
	for _, name := range []string{"Range", "Content-Range"} {
		if v := req.Header.Get(name); v != "" {
			line += fmt.Sprintf(" [%s: %s]", name, v)
		}
	}
	if req.Header.Get("Authorization") != "" {
		line += " [Authorization: ***]"
	}
	if req.ContentLength > 0 {
		line += fmt.Sprintf(" (%d bytes)", req.ContentLength)
	}
	line += " → "
	if err != nil {
		line += untrusted.Line(redact(err.Error()), 300)
	} else {
		line += resp.Status
		if resp.ContentLength > 0 {
			line += fmt.Sprintf(", %d bytes", resp.ContentLength)
		}
		if to, err := resp.Location(); err == nil {
			line += ", to " + BareURL(to).String()
		}
	}
	return line + fmt.Sprintf(", %d ms", took.Milliseconds())
}

// maskedQuery returns a query with secret values masked.
func maskedQuery(q url.Values) string {
	var parts []string
	for name, values := range q {
		for _, v := range values {
			if !isPublic(name) {
				v = masked
			}
			parts = append(parts, name+"="+untrusted.Line(v, 200))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// isPublic reports whether the values of a query parameter may be printed. Others may be secret, such as signatures.
func isPublic(parameter string) bool {
	return slices.Contains([]string{"digest", "mount", "from", "n", "last", "artifactType", "scope", "service"}, parameter)
}

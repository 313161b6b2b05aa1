package serve

import (
	"net/http"
	"time"

	"github.com/davit-oci/davit/internal/serve/answer"
)

// serveBlob sends a blob or ranges of it.
func (h *handler) serveBlob(c *call) error {
	if err := allow(c.Request, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	d, err := c.digestOf()
	if err != nil {
		return err
	}
	repo, err := h.openRepository(c)
	if err != nil {
		return err
	}
	body, err := repo.OpenBlob(d)
	if err != nil {
		return answer.OrUnknown(err, answer.BlobUnknown(c.last))
	}
	defer body.Close()
	header := c.w.Header()
	header.Set("Content-Type", octetStream)
	header.Set("Docker-Content-Digest", d.String())
	header.Set("Etag", `"`+d.String()+`"`)
	header.Set("Location", c.URL.Path) // Ollama requests ranges at this address, even without a redirect
	http.ServeContent(c.w, c.Request, "", time.Time{}, body)
	return nil
}

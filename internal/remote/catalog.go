package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/transport"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// maxRepositories limits the length of a list of repositories, because a malicious registry may send an endless list.
const maxRepositories = 1_000_000

// Repositories calls fn with each page of a registry's list of repositories. Few public registries allow listing them.
func (c *Client) Repositories(ctx context.Context, host string, fn func(names []string) error) error {
	if err := c.connect(ctx); err != nil {
		return err
	}
	r := api.NewRepository(c.http, host, "", false)
	ctx = auth.AppendScopes(ctx, auth.ScopeRegistryCatalog)
	total := 0
	var fnErr error
	err := r.PagesAt(ctx, r.CatalogURL(), url.Values{"n": {"1000"}}, func(resp *http.Response) error {
		data, err := api.ReadBounded(resp.Body, manifest.MaxSize)
		if err != nil {
			return err
		}
		var page struct {
			Repositories []string `json:"repositories"`
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return cmp.Or(transport.WebPage(resp), error(transport.Violationf("%s is not a list of repositories: %v", transport.BareURL(resp.Request.URL), err)))
		}
		for _, name := range page.Repositories {
			if err := reference.ValidateRepository(host, name, ""); err != nil {
				return artifact.Refused(host, "list of repositories: %w", err)
			}
		}
		if total += len(page.Repositories); total > maxRepositories {
			return artifact.Refused(host, "too many repositories: limit is %d", maxRepositories)
		}
		fnErr = fn(page.Repositories)
		return fnErr
	})
	if fnErr != nil {
		return fnErr
	}
	return r.Wrap(ctx, "listing the repositories of "+host, err)
}

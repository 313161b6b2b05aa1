package manifest

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/davit-oci/davit/internal/untrusted"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// WithAddress adds the first URL in the descriptor of a blob to the error that the blob was not found. It omits the user and the
// query of the URL. Other errors are returned unchanged.
func WithAddress(desc ocispec.Descriptor, err error) error {
	if !errors.Is(err, errdef.ErrNotFound) || len(desc.URLs) == 0 {
		return err
	}
	u, parseErr := url.Parse(desc.URLs[0])
	if parseErr != nil {
		return err
	}
	where := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return fmt.Errorf("%w; its descriptor has the URL %s", err, untrusted.Line(where.String(), 200))
}

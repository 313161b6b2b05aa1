package manifest

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/davit-oci/davit/internal/untrusted"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// WithAddress adds to the error that a blob was not found the address that its descriptor has for it, without user and query.
func WithAddress(desc ocispec.Descriptor, err error) error {
	if !errors.Is(err, errdef.ErrNotFound) || len(desc.URLs) == 0 {
		return err
	}
	u, parseErr := url.Parse(desc.URLs[0])
	if parseErr != nil {
		return err
	}
	where := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return fmt.Errorf("%w; its manifest names another place: %s", err, untrusted.Line(where.String(), 200))
}

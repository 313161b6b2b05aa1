// Package mirrors reads a repository from its mirrors first.
package mirrors

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/hostconfig"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/remote"
	"github.com/davit-oci/davit/internal/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// Repository is a repository that is read from mirrors first. A mirror that fails, lacks something, or sends bytes that the digest does
// not vouch for is skipped, and the next one is asked, at last the registry itself.
type Repository struct {
	*remote.Repository
	mirrors []*mirror
	notify  func(string)
}

// New returns a repository without mirrors. notify, which may be nil, receives what the user should know.
func New(repository *remote.Repository, notify func(string)) *Repository {
	return &Repository{Repository: repository, notify: notify}
}

// Add adds a mirror, which is asked after those that were added before.
func (r *Repository) Add(repository *remote.Repository, when hostconfig.When) {
	r.mirrors = append(r.mirrors, &mirror{Repository: repository, when: when})
}

// mirror is one of the repositories.
type mirror struct {
	*remote.Repository
	when   hostconfig.When
	broken atomic.Bool // it did not answer: it is not asked again in this run
}

// answers reports whether the mirror is asked about a reference.
func (m *mirror) answers(byDigest bool) bool {
	return !m.broken.Load() && (m.when == hostconfig.Always || byDigest == (m.when == hostconfig.ForDigests))
}

// try calls use with the repositories in their order until one succeeds, and returns the last error: that of the registry itself.
func (r *Repository) try(ctx context.Context, byDigest bool, use func(*remote.Repository) error) error {
	for _, m := range r.mirrors {
		if !m.answers(byDigest) {
			continue
		}
		err := use(m.Repository)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var unavailable *transport.Unavailable
		if errors.As(err, &unavailable) && unavailable.Answer.Status == 0 && !m.broken.Swap(true) || errors.Is(err, artifact.ErrRefused) {
			r.note(err)
		}
	}
	return use(r.Repository)
}

func (r *Repository) note(err error) {
	if r.notify != nil {
		r.notify("not using a mirror: " + err.Error())
	}
}

// Resolve returns the descriptor of a tag or digest.
func (r *Repository) Resolve(ctx context.Context, ref string) (desc ocispec.Descriptor, err error) {
	err = r.try(ctx, isDigest(ref), func(one *remote.Repository) error {
		desc, err = one.Resolve(ctx, ref)
		return err
	})
	return desc, err
}

func isDigest(ref string) bool { return digest.Digest(ref).Validate() == nil }

// FetchReference returns the manifest of a tag or digest.
func (r *Repository) FetchReference(ctx context.Context, ref string) (desc ocispec.Descriptor, rc io.ReadCloser, err error) {
	err = r.try(ctx, isDigest(ref), func(one *remote.Repository) error {
		desc, rc, err = one.FetchReference(ctx, ref)
		if err == nil {
			rc, err = verify(desc, rc)
		}
		return err
	})
	return desc, rc, err
}

// Exists reports whether a blob or manifest exists in one of the repositories.
func (r *Repository) Exists(ctx context.Context, desc ocispec.Descriptor) (ok bool, err error) {
	for _, m := range r.mirrors {
		if m.answers(true) {
			if ok, err := m.Exists(ctx, desc); err == nil && ok {
				return true, nil
			}
		}
	}
	return r.Repository.Exists(ctx, desc)
}

// Fetch returns a blob or manifest. What is small is verified here, so that another repository can be asked.
func (r *Repository) Fetch(ctx context.Context, desc ocispec.Descriptor) (rc io.ReadCloser, err error) {
	err = r.try(ctx, true, func(one *remote.Repository) error {
		if rc, err = one.Fetch(ctx, desc); err == nil && isSmall(desc) {
			rc, err = verify(desc, rc)
		}
		return err
	})
	return rc, err
}

// verifiedSize is the size of blobs up to which they are held in memory to be verified.
const verifiedSize = 1 << 20

// isSmall reports whether a blob or manifest is held in memory. A descriptor may claim to be of a manifest that no registry takes.
func isSmall(desc ocispec.Descriptor) bool {
	return desc.Size <= verifiedSize || manifest.Is(desc.MediaType) && desc.Size <= manifest.MaxSize
}

func verify(desc ocispec.Descriptor, rc io.ReadCloser) (io.ReadCloser, error) {
	defer rc.Close()
	data, err := content.ReadAll(rc, desc)
	if err != nil {
		return nil, artifact.Refused(desc.Digest.String(), "%v", err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FetchFile writes a verified blob to a file.
func (r *Repository) FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error {
	return r.try(ctx, true, func(one *remote.Repository) error { return one.FetchFile(ctx, desc, dst, name, report) })
}

// FetchRange returns a part of a blob.
func (r *Repository) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (rc io.ReadCloser, err error) {
	err = r.try(ctx, true, func(one *remote.Repository) error {
		rc, err = one.FetchRange(ctx, desc, offset, length)
		return err
	})
	return rc, err
}

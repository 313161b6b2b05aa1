// Package mirrors reads a repository from its mirrors, and from its registry if they fail.
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
)

// Repository is a repository that is read from mirrors first. If a mirror fails, lacks the requested object, or sends bytes that do
// not match the digest, the next mirror is tried, and finally the registry itself.
type Repository struct {
	*remote.Repository
	mirrors []*mirror
	notify  func(string)
}

// New returns a repository without mirrors. The function notify, which may be nil, receives messages for the user.
func New(repository *remote.Repository, notify func(string)) *Repository {
	return &Repository{Repository: repository, notify: notify}
}

// Add adds a mirror, which is tried after those added before.
func (r *Repository) Add(repository *remote.Repository, when hostconfig.When) {
	r.mirrors = append(r.mirrors, &mirror{Repository: repository, when: when})
}

// mirror is a mirror of the repository.
type mirror struct {
	*remote.Repository
	when   hostconfig.When
	broken atomic.Bool // the mirror did not answer, so it is not used again
}

// isUsed reports whether the mirror is used for a request by digest, or for one by tag.
func (m *mirror) isUsed(byDigest bool) bool {
	return !m.broken.Load() && (m.when == hostconfig.Always || byDigest == (m.when == hostconfig.ForDigests))
}

// try calls use with the mirrors and then the registry's repository, until a call succeeds. If none does, it returns the
// registry's error.
func (r *Repository) try(ctx context.Context, byDigest bool, use func(*remote.Repository) error) error {
	for _, m := range r.mirrors {
		if !m.isUsed(byDigest) {
			continue
		}
		err := use(m.Repository)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var unavailable *transport.Unavailable
		if errors.As(err, &unavailable) && unavailable.Answer.Status == 0 && !m.broken.Swap(true) || errors.Is(err, artifact.ErrRefused) {
			r.notifySkipped(err)
		}
	}
	return use(r.Repository)
}

func (r *Repository) notifySkipped(err error) {
	if r.notify != nil {
		r.notify("not using a mirror: " + err.Error())
	}
}

// Resolve returns the descriptor of a tag or digest.
func (r *Repository) Resolve(ctx context.Context, ref string) (desc ocispec.Descriptor, err error) {
	err = r.try(ctx, isDigest(ref), func(repo *remote.Repository) error {
		desc, err = repo.Resolve(ctx, ref)
		return err
	})
	return desc, err
}

func isDigest(ref string) bool { return digest.Digest(ref).Validate() == nil }

// FetchReference returns the manifest of a tag or digest.
func (r *Repository) FetchReference(ctx context.Context, ref string) (desc ocispec.Descriptor, rc io.ReadCloser, err error) {
	err = r.try(ctx, isDigest(ref), func(repo *remote.Repository) error {
		desc, rc, err = repo.FetchReference(ctx, ref)
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
		if m.isUsed(true) {
			if ok, err := m.Exists(ctx, desc); err == nil && ok {
				return true, nil
			}
		}
	}
	return r.Repository.Exists(ctx, desc)
}

// Fetch returns a reader of a blob or manifest. It verifies small ones, so that the next repository is tried if one is damaged.
func (r *Repository) Fetch(ctx context.Context, desc ocispec.Descriptor) (rc io.ReadCloser, err error) {
	err = r.try(ctx, true, func(repo *remote.Repository) error {
		if rc, err = repo.Fetch(ctx, desc); err == nil && isSmall(desc) {
			rc, err = verify(desc, rc)
		}
		return err
	})
	return rc, err
}

// verifiedSize is the maximum size of a blob that Fetch reads into memory to verify it.
const verifiedSize = 1 << 20

// isSmall reports whether Fetch reads a blob or manifest into memory. A manifest beyond the size limit is not small: its descriptor
// may be forged.
func isSmall(desc ocispec.Descriptor) bool {
	return desc.Size <= verifiedSize || manifest.Is(desc.MediaType) && desc.Size <= manifest.MaxSize
}

func verify(desc ocispec.Descriptor, rc io.ReadCloser) (io.ReadCloser, error) {
	defer rc.Close()
	data, err := manifest.ReadAll(rc, desc)
	if err != nil {
		return nil, artifact.Refused(desc.Digest.String(), "%v", err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FetchFile writes a verified blob to a file.
func (r *Repository) FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error {
	return r.try(ctx, true, func(repo *remote.Repository) error { return repo.FetchFile(ctx, desc, dst, name, report) })
}

// FetchRange returns a reader of a part of a blob, without verifying it.
func (r *Repository) FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (rc io.ReadCloser, err error) {
	err = r.try(ctx, true, func(repo *remote.Repository) error {
		rc, err = repo.FetchRange(ctx, desc, offset, length)
		return err
	})
	return rc, err
}

package pull

import (
	"context"
	"errors"
	"os"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/attached"
	"github.com/davit-oci/davit/pull/internal/place"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// PreviewReferrers adds to listed the referrers that Artifact would pull with Options.Referrers. root is the manifest or index that the
// reference led to. PreviewReferrers calls preview with the digest of each referrer and the name of its directory in the destination. It
// fails with the errors of src, and with those of preview unless they are about an artifact without files.
func PreviewReferrers(ctx context.Context, src oras.ReadOnlyTarget, root ocispec.Descriptor, listed *Result,
	preview func(digest, dir string) (*Result, error),
) error {
	return eachReferrer(ctx, src, root, listed, func(m *fetch.Manifest, dir string) (*Result, error) {
		return preview(m.Desc.Digest.String(), dir)
	})
}

// pullReferrers pulls the referrers of an artifact that was pulled.
func (p *puller) pullReferrers(ctx context.Context, root ocispec.Descriptor, result *Result) error {
	err := eachReferrer(ctx, p.src, root, result, func(m *fetch.Manifest, dir string) (*Result, error) {
		return p.pullReferrer(ctx, m, dir)
	})
	if err != nil || p.opts.NoSync || len(result.Referrers) == 0 {
		return err
	}
	return durable.SyncDirs(p.dst, []string{attached.Dir, "."})
}

// eachReferrer calls pull for the referrers of an artifact, and adds what it returns to the result. It skips referrers without files.
func eachReferrer(ctx context.Context, src oras.ReadOnlyTarget, root ocispec.Descriptor, result *Result,
	pull func(m *fetch.Manifest, dir string) (*Result, error),
) (err error) {
	result.Gone, err = attached.Each(ctx, src, root, result.Descriptor(), func(m *fetch.Manifest, dir string) error {
		pulled, err := pull(m, dir)
		if errors.As(err, &noFilesError{}) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range pulled.Files {
			pulled.Files[i].Path = path.Join(dir, pulled.Files[i].Path)
		}
		result.Referrers = append(result.Referrers, pulled)
		result.Skipped = result.Skipped && pulled.Skipped
		return nil
	})
	return err
}

// pullReferrer pulls one referrer into its directory. It removes the directory of a referrer without files.
func (p *puller) pullReferrer(ctx context.Context, m *fetch.Manifest, name string) (*Result, error) {
	err := p.dst.MkdirAll(name, 0o777)
	var dst *os.Root
	if err == nil {
		dst, err = p.dst.OpenRoot(name)
	}
	if err != nil {
		return nil, &artifact.Error{Op: "writing to", Item: name, Err: place.Bare(err)}
	}
	defer dst.Close()
	opts := p.opts
	opts.Referrers, opts.State, opts.Include, opts.Roles, opts.Platform = false, "", nil, nil, nil
	pulled, err := (&puller{src: p.src, dst: dst, opts: opts}).pull(ctx, m, record.ReadState(opts.State))
	if errors.As(err, &noFilesError{}) {
		p.dst.Remove(name)
		p.dst.Remove(attached.Dir)
	}
	return pulled, err
}

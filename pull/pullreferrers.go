package pull

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// referrersDir is the directory in the destination for the referrers of an artifact.
const referrersDir = "referrers"

// pullReferrers pulls the referrers of the manifest that was pulled and of the index it was chosen from, and the
// attestations for it in that index.
func (p *puller) pullReferrers(ctx context.Context, root ocispec.Descriptor, result *Result) error {
	graph, ok := p.src.(oras.ReadOnlyGraphTarget)
	if !ok {
		return fmt.Errorf("listing referrers: %w", errdef.ErrUnsupported)
	}
	found, err := referrers.List(ctx, graph, result.Descriptor(), referrers.Options{Tags: true})
	if err != nil {
		return err
	}
	if root.Digest != result.Digest {
		more, err := p.listInIndex(ctx, graph, root, result)
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	seen := make(map[digest.Digest]bool)
	for _, r := range found {
		if seen[r.Digest] {
			continue
		}
		seen[r.Digest] = true
		if err := p.pullReferrer(ctx, r, result); err != nil {
			return err
		}
	}
	if p.opts.NoSync || len(result.Referrers) == 0 {
		return nil
	}
	return durable.SyncDirs(p.dst, []string{referrersDir, "."})
}

// listInIndex lists the referrers of the index, and its attestations for the chosen manifest.
func (p *puller) listInIndex(ctx context.Context, graph oras.ReadOnlyGraphTarget, root ocispec.Descriptor, result *Result) ([]*referrers.Referrer, error) {
	index, err := fetch.Load(ctx, p.src, root)
	if err != nil {
		return nil, err
	}
	found, err := referrers.List(ctx, graph, index.Desc, referrers.Options{})
	if err != nil {
		return nil, err
	}
	attestation, _ := kinds.Recognize(mediatypes.Traits{ArtifactType: mediatypes.BuildKitAttestation})
	for _, e := range index.Manifests {
		if oci.IsAttestation(e) && e.Annotations[oci.AnnotationReferenceDigest] == result.Digest.String() {
			found = append(found, &referrers.Referrer{
				Digest: e.Digest, MediaType: e.MediaType, ArtifactType: e.ArtifactType, Size: e.Size, Kind: attestation.Name,
			})
		}
	}
	return found, nil
}

// pullReferrer pulls one referrer into its directory. It skips a referrer without files, and adds one that does not exist to
// result.Gone.
func (p *puller) pullReferrer(ctx context.Context, r *referrers.Referrer, result *Result) error {
	m, err := fetch.Load(ctx, p.src, r.Descriptor())
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		result.Gone = append(result.Gone, r.Descriptor())
		return nil
	case err != nil:
		return &artifact.Error{Op: "pulling referrer", Item: r.Digest.String(), Err: err}
	}
	name := path.Join(referrersDir, r.Kind+"-"+r.Digest.Encoded()[:12])
	if err := p.dst.MkdirAll(name, 0o777); err != nil {
		return &artifact.Error{Op: "writing to", Item: name, Err: place.Bare(err)}
	}
	dst, err := p.dst.OpenRoot(name)
	if err != nil {
		return &artifact.Error{Op: "writing to", Item: name, Err: place.Bare(err)}
	}
	defer dst.Close()
	opts := p.opts
	opts.Referrers, opts.State, opts.Include, opts.Roles, opts.Platform = false, "", nil, nil, nil
	pulled, err := (&puller{src: p.src, dst: dst, opts: opts}).pull(ctx, m, record.ReadState(opts.State))
	switch {
	case errors.As(err, &noFilesError{}):
		p.dst.Remove(name)
		p.dst.Remove(referrersDir)
		return nil
	case err != nil:
		return &artifact.Error{Op: "pulling referrer", Item: r.Digest.String(), Err: err}
	}
	for i := range pulled.Files {
		pulled.Files[i].Path = path.Join(name, pulled.Files[i].Path)
	}
	result.Referrers = append(result.Referrers, pulled)
	result.Skipped = result.Skipped && pulled.Skipped
	return nil
}

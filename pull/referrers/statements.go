package referrers

import (
	"cmp"
	"context"
	"slices"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// Statement is an in-toto statement that BuildKit put into an index.
type Statement struct {
	Manifest digest.Digest // the manifest that contains it
	Path     string        // as in read.ReadableOptions
}

// FindStatement finds a statement that BuildKit put into an index about the manifest for a platform. Nil means the platform
// of this machine. It returns the first statement of the kind in opts, or a *NoneAttachedError if there is no such statement.
func FindStatement(ctx context.Context, src oras.ReadOnlyTarget, ref string, platform *ocispec.Platform, opts AttachedOptions) (
	*Statement, error) {
	index, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	none := &NoneAttachedError{Subject: index.Desc.Digest, Options: opts}
	if !index.IsIndex() || opts.Alert != "" || !slices.ContainsFunc(index.Manifests, oci.IsAttestation) {
		return nil, none
	}
	of, err := fetch.EntryFor(index, platform)
	if err != nil {
		return nil, err
	}
	found, err := findStatementAbout(ctx, src, index, of.Digest, opts.Kind)
	if found == nil && err == nil {
		err = none
	}
	return found, err
}

// findStatementAbout returns the first statement of some kinds that an index has about one of its manifests, or nil.
func findStatementAbout(ctx context.Context, src content.Fetcher, index *fetch.Manifest, of digest.Digest, kind string) (*Statement, error) {
	for _, e := range oci.AttestationsOf(index.Manifests, of) {
		m, err := fetch.Load(ctx, src, e)
		if err != nil {
			return nil, err
		}
		for _, layer := range m.Layers {
			if kinds.AnyOf(kind, func(one string) bool { return isStatement(layer, m.Kind(), one) }) {
				return &Statement{Manifest: e.Digest, Path: cmp.Or(fetch.LayerName(layer), fetch.DerivedName(layer))}, nil
			}
		}
	}
	return nil, nil
}

// isStatement reports whether a layer is a statement of a kind, by its predicate type, its media type, or the kind of
// its manifest.
func isStatement(layer ocispec.Descriptor, of mediatypes.Kind, kind string) bool {
	predicate := layer.Annotations[mediatypes.PredicateType]
	return kind == kinds.KindOfPredicate(predicate) || kind == of.Name || kind == layer.MediaType || kind == predicate && predicate != ""
}

// predicates returns the predicate types of the statements of a manifest.
func predicates(m *fetch.Manifest) []string {
	var types []string
	for _, layer := range m.Layers {
		if predicate := layer.Annotations[mediatypes.PredicateType]; predicate != "" && !slices.Contains(types, predicate) {
			types = append(types, predicate)
		}
	}
	return types
}

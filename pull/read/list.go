// Package read lists, prints, and shows the files of an artifact without placing them.
package read

import (
	"context"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/listing"
	"github.com/davit-oci/davit/pull"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// ListOptions configure a listing. The zero value lists every file.
type ListOptions struct {
	Platform *ocispec.Platform // for an index; nil means that of this machine
	Include  []string          // see pull.Selection
	Roles    []string          // see pull.Selection
	NoUnpack bool              // list tar layers as single files
	Inside   bool              // list the files in tars that a pull leaves packed, such as those of charts
	Dirs     bool              // list the directories in tars, too
	Digests  bool              // also compute the digests of files in large uncompressed tar layers, which are then read to the end
	Limits   pull.Limits
}

// A Listing holds the files of an artifact.
type Listing struct {
	*pull.Result
	// Verified reports whether all layers that were read were verified.
	Verified bool `json:"verified"`
}

// List returns the files that a pull would place, sorted by path, without writing anything. Tar layers are read to the end
// and verified. If an uncompressed one is larger than 32 MiB, the source can fetch ranges, and Digests is not set, only its
// headers are fetched: they are not verified, and their files have no digests. See Cat for the errors.
func List(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts ListOptions) (*Listing, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	m, platform, err := fetch.Choose(ctx, src, m, opts.Platform)
	if err != nil {
		return nil, err
	}
	result := &pull.Result{
		Described: m.Described(), Kind: m.Kind().Name, Platform: platform, Config: m.OwnConfig(), Layers: m.Layers, Annotations: m.Annotations, Subject: m.Subject,
	}
	l := &Listing{Result: result}
	l.Files, l.Verified, err = listing.Files(ctx, src, m, listing.Options{
		Include: opts.Include, Roles: opts.Roles, NoUnpack: opts.NoUnpack, Inside: opts.Inside, Dirs: opts.Dirs, Digests: opts.Digests, Limits: tarLimits(opts.Limits),
	})
	return l, err
}

// tarLimits converts limits to those of package archive.
func tarLimits(l pull.Limits) archive.Limits {
	return archive.Limits{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles, MaxRatio: l.MaxRatio}
}

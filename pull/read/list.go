// Package read lists, prints, and shows the files of an artifact without placing them.
package read

import (
	"cmp"
	"context"
	"errors"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/listing"
	"github.com/davit-oci/davit/internal/missing"
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
	Archives bool              // also list the files in archives that the kind packs and a pull leaves packed, such as charts
	Dirs     bool              // list the directories in tars, too
	Digests  bool              // also compute the digests of files in large uncompressed tar layers, which are then read to the end
	Limits   pull.Limits
}

// A Listing holds the files of an artifact.
type Listing struct {
	*pull.Result
	// Verified reports whether all layers that were read were verified.
	Verified bool `json:"verified"`
	// Archives are those of the files that are archives of at most 32 MiB, with ListOptions.Archives. Cat prints the files in them.
	Archives []Archive `json:"archives,omitempty"`
}

// Archive is a file of an artifact that is an archive, with the files in it.
type Archive = listing.Archive

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
	list := listing.Options{
		Include: opts.Include, Roles: opts.Roles, NoUnpack: opts.NoUnpack, Inside: opts.Inside, Dirs: opts.Dirs, Digests: opts.Digests, Limits: tarLimits(opts.Limits),
	}
	l.Files, l.Verified, err = listing.Files(ctx, src, m, list)
	if !opts.Archives || err != nil && !errors.As(err, new(*missing.NameError)) {
		return l, err
	}
	archives, archivesErr := listing.Archives(ctx, src, m, list)
	if len(archives) > 0 { // the patterns may match only files in them
		l.Archives, l.Verified, err = archives, l.Verified || err != nil, nil
	}
	return l, cmp.Or(err, archivesErr)
}

// tarLimits converts limits to those of package archive.
func tarLimits(l pull.Limits) archive.Limits {
	return archive.Limits{MaxSize: l.MaxSize, MaxFiles: l.MaxFiles, MaxRatio: l.MaxRatio}
}

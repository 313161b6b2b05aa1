package registry

import (
	"context"
	"io"
	"os"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/layout/archive"
	"github.com/davit-oci/davit/internal/remote"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry"
)

// Target is a store that artifacts are read from and written to: an oras target with tags and referrers that can be
// listed and removed.
type Target interface {
	oras.GraphTarget
	registry.ReferrerLister
	registry.TagLister
	content.Deleter
	content.Untagger

	// Close ends the use of the target. It writes the complete archive, unless err is set: then the file of the archive is
	// unchanged. Close returns err or, if err is nil, its own error. A second call does nothing and returns err. A function
	// that writes ends with
	//
	//	return target.Close(ctx, err)
	//
	// and defers target.Close(ctx, context.Canceled), which discards the unfinished work after an early return or a panic.
	Close(ctx context.Context, err error) error
}

// BlobPusher stores a blob that can be read from any offset, so that a broken upload can resume. All targets implement it.
type BlobPusher interface {
	PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error)
}

// BlobKeeper reports whether the target stores a manifest only together with all blobs that it lists. Repositories do.
type BlobKeeper interface {
	KeepsBlobs() bool
}

// BlobFetcher stores a blob that a function of the caller writes into the target's files. Layouts and archives implement it.
type BlobFetcher interface {
	FetchBlob(ctx context.Context, desc ocispec.Descriptor, fetch func(dst *os.Root, name string) error) (artifact.Step, error)
}

// FileFetcher downloads a blob into a file, verifies it, and resumes an interrupted download. Repositories implement it.
type FileFetcher interface {
	FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error
}

// Ranger reads a part of a blob, unverified. Repositories implement it.
type Ranger interface {
	FetchRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error)
}

// Inventory lists the manifests of a layout or archive, and lists or removes the files that nothing refers to.
type Inventory interface {
	Roots(ctx context.Context) ([]ocispec.Descriptor, error)
	Unreferenced(ctx context.Context) ([]UnreferencedFile, error)
	Repair(ctx context.Context) ([]UnreferencedFile, error)
}

var (
	_ interface {
		Target
		BlobPusher
		FileFetcher
		Ranger
		BlobKeeper
	} = (*remote.Repository)(nil)
	_ interface {
		Target
		BlobPusher
		BlobFetcher
		Inventory
	} = (*layout.Layout)(nil)
	_ interface {
		Target
		BlobPusher
		BlobFetcher
		Inventory
	} = (*archive.Archive)(nil)
)

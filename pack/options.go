package pack

import (
	"context"
	"time"

	"github.com/davit-oci/davit/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// defaultConcurrency is how many blobs are sent at once. Half as many fill most lines; with more, there is most often
// another to be hashed beside one.
const defaultConcurrency = 8

// Options say how an artifact is packed. The zero value is good.
type Options struct {
	// Base is what an image or volume builds on: its layers come first, its config is completed.
	Base *Base
	// Created is written as org.opencontainers.image.created and as the time of tar entries. The zero time leaves the
	// annotation out, so that equal files give equal digests.
	Created time.Time
	// Concurrency is how many blobs are sent at once. 0: eight.
	Concurrency int
	// Progress is told every step. nil: nobody is.
	Progress artifact.Progress
	// Cache remembers what files and directories were packed into. nil: everything is read.
	Cache *Cache
}

// Base is a manifest at a target that an image builds on.
type Base struct {
	Source     oras.ReadOnlyTarget
	Descriptor ocispec.Descriptor
}

// PushOptions say how an artifact is packed and pushed. The zero value pushes it without a tag, unless the plan has
// some.
type PushOptions struct {
	Options
	// Subject makes the artifact a referrer of this manifest. nil: it refers to none.
	Subject *ocispec.Descriptor
	// Tags are moved to the artifact when everything else is done, besides those of the plan.
	Tags []string
}

// BlobKeeper is a target that says whether it stores a manifest only together with all blobs that the manifest names. A
// registry does; files of a layout may be deleted behind its back. Push then asks for fewer blobs.
type BlobKeeper interface {
	KeepsBlobs() bool
}

// BlobPusher is what a target offers that can take a blob better than oras's Push does: its digest may be unknown, an
// interrupted upload goes on, and a blob that is there is not sent. report is told how many bytes are done.
type BlobPusher interface {
	PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error)
}

func (o Options) concurrency() int {
	if o.Concurrency > 0 {
		return o.Concurrency
	}
	return defaultConcurrency
}

func (o Options) report(e artifact.Event) {
	if o.Progress != nil {
		o.Progress.Report(e)
	}
}

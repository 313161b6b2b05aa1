package pack

import (
	"context"
	"time"

	"github.com/davit-oci/davit/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// defaultConcurrency is the number of blobs that are sent at once. Four saturate most connections; with eight, some can be
// hashed while others are sent.
const defaultConcurrency = 8

// Options configure how an artifact is packed. The zero value is usable.
type Options struct {
	// Base is the base of an image or volume: its layers come first, and the new config is merged into its config. Nil means no base.
	Base *Base
	// Created is written as org.opencontainers.image.created and as the time of tar entries. The zero time leaves the
	// annotation out, so that equal files have equal digests.
	Created time.Time
	// Concurrency is the number of blobs that are sent at once. Zero means eight.
	Concurrency int
	// Progress receives every step, unless nil.
	Progress artifact.Progress
	// Cache remembers the digests of files and directories. If it is nil, all files are read.
	Cache *Cache
}

// Base is the manifest that an image builds on, and its target.
type Base struct {
	Source     oras.ReadOnlyTarget
	Descriptor ocispec.Descriptor
}

// PushOptions configure how an artifact is packed and pushed. The zero value adds no tags to those of the plan.
type PushOptions struct {
	Options
	// Subject makes the artifact a referrer of this manifest, unless nil.
	Subject *ocispec.Descriptor
	// Tags are moved to the artifact, along with those of the plan, once everything else is done.
	Tags []string
	// BeforeSend is called with the manifest before anything is sent. Its error ends the push. It requires all files to be
	// read first; without it, large files are hashed while they are sent. It may be nil.
	BeforeSend func(ctx context.Context, manifest ocispec.Descriptor) error
	// BeforeTag is called once the artifact is stored, and before a tag moves to it, so that a signature is in place when the
	// artifact can be found by name. Its error ends the push, and no tag moves. It may be nil.
	BeforeTag func(ctx context.Context, manifest ocispec.Descriptor) error
}

// BlobKeeper is a target that reports whether it stores a manifest only together with all blobs that the manifest names. If
// so, Push checks for fewer blobs. A registry does; in a layout, other programs may delete blobs.
type BlobKeeper interface {
	// KeepsBlobs reports whether the blobs of a stored manifest are certain to exist.
	KeepsBlobs() bool
}

// BlobPusher is implemented by targets that can do more than oras's Push: the digest may be unknown, an interrupted upload
// resumes, and an existing blob is not sent.
type BlobPusher interface {
	// PushBlob sends a blob, and calls report with the number of bytes done. It returns the descriptor with the digest.
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

package registry

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry"
)

// Target is where artifacts are read from and written to: an oras target with tags and referrers that can be listed and
// removed. Close ends its use; an archive is written then, whole or not at all.
type Target interface {
	oras.GraphTarget
	registry.ReferrerLister
	registry.TagLister
	content.Deleter
	content.Untagger
	Close() error
}

// BlobWriter takes a blob piece by piece. Commit makes it one, if it has the digest; Close discards what was not
// committed.
type BlobWriter interface {
	io.WriteCloser
	Commit(ctx context.Context, want digest.Digest) error
}

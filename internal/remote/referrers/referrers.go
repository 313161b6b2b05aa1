package referrers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Lister lists the referrers of a manifest, and maintains the lists of registries without the referrers API.
type Lister struct {
	API       *api.Repository
	Remote    *remote.Repository
	Manifests *api.Manifests
	Serial    func(name string) (unlock func()) // one goroutine of the client at a time
	LockDir   string                            // one process of this machine at a time; empty: no lock
}

// List lists the manifests whose subject is desc, by the referrers API or, if the registry has no such API, by the tag
// schema.
func (r *Lister) List(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	ctx = r.API.WithScope(ctx)
	step := "listing the referrers of " + r.API.Named(desc.Digest.String())
	var own error
	err := r.Remote.Referrers(ctx, desc, artifactType, func(page []ocispec.Descriptor) error {
		own = fn(page)
		return own
	})
	switch {
	case err == nil || own != nil:
		return own
	case !withoutReferrersAPI(err):
		return r.API.Wrap(ctx, step, err)
	}
	list, _, err := r.referrerIndex(ctx, desc.Digest)
	if err != nil {
		return r.API.Wrap(ctx, step, err)
	}
	list, err = r.filtered(ctx, list, artifactType)
	if err != nil || len(list) == 0 {
		return r.API.Wrap(ctx, step, err)
	}
	return fn(list)
}

// withoutReferrersAPI reports whether a response means that the registry has no referrers API.
func withoutReferrersAPI(err error) bool {
	if errors.Is(err, errdef.ErrUnsupported) {
		return true
	}
	var answer *errcode.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// maxLookedAt limits the manifests that are opened for a list of the tag schema.
const maxLookedAt = 1000

// filtered is list without other artifact types. Some clients list a referrer without its type; the referrer has it.
func (r *Lister) filtered(ctx context.Context, list []ocispec.Descriptor, artifactType string) ([]ocispec.Descriptor, error) {
	var out []ocispec.Descriptor
	for i, desc := range list {
		if desc.ArtifactType == "" && manifest.Is(desc.MediaType) && i < maxLookedAt {
			_, data, err := r.Manifests.Get(ctx, desc.Digest.String())
			switch {
			case isNotFound(err):
				continue // listed, but deleted since
			case err != nil:
				return nil, err
			}
			if entry, _ := manifest.ReferrerEntry(desc, data); entry.ArtifactType != "" {
				desc = entry
			}
		}
		if artifactType == "" || desc.ArtifactType == artifactType {
			out = append(out, desc)
		}
	}
	return out, nil
}

func isNotFound(err error) bool {
	var answer *errcode.ErrorResponse
	return errors.Is(err, errdef.ErrNotFound) || errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// referrerTag is the tag of the list of a subject's referrers (distribution specification, "Referrers Tag Schema").
func referrerTag(subject digest.Digest) string {
	cut := func(s string, n int) string {
		s = strings.Map(func(r rune) rune {
			if r < 0x80 && reference.TagPattern().MatchString("a"+string(r)) {
				return r
			}
			return '-'
		}, s)
		return s[:min(len(s), n)]
	}
	return cut(string(subject.Algorithm()), 32) + "-" + cut(subject.Encoded(), 64)
}

// referrerIndex reads the list of a subject's referrers from its tag, and the list's ETag. A missing tag is an empty
// list.
func (r *Lister) referrerIndex(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, string, error) {
	desc, data, etag, err := r.Manifests.GetOnce(ctx, referrerTag(subject))
	switch {
	case isNotFound(err):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case desc.MediaType != ocispec.MediaTypeImageIndex || desc.Digest == subject:
		return nil, "", nil // the registry returns the subject for any tag
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, "", artifact.Refused(desc.Digest.String(), "the list of referrers: %w", err)
	}
	return index.Manifests, etag, nil
}

// Add adds a manifest that was pushed to the list of its subject's referrers.
func (r *Lister) Add(ctx context.Context, desc ocispec.Descriptor, data []byte) error {
	entry, subject := manifest.ReferrerEntry(desc, data)
	if subject == "" {
		return nil
	}
	return r.editReferrers(ctx, subject, func(list []ocispec.Descriptor) ([]ocispec.Descriptor, bool) {
		for _, d := range list {
			if d.Digest == entry.Digest {
				return list, false
			}
		}
		return append(list, entry), true
	})
}

// Remove removes a manifest that is about to be deleted from the list of its subject's referrers, if the registry does
// not maintain one itself.
func (r *Lister) Remove(ctx context.Context, desc ocispec.Descriptor) error {
	data, ok := r.Manifests.Cached(desc.Digest)
	if !ok {
		var err error
		if _, data, err = r.Manifests.Get(ctx, desc.Digest.String()); err != nil {
			return r.API.Wrap(ctx, "fetching "+r.API.Named(desc.Digest.String()), err)
		}
	}
	_, subject := manifest.ReferrerEntry(desc, data)
	if subject == "" {
		return nil
	}
	switch err := r.Remote.Referrers(ctx, ocispec.Descriptor{Digest: subject}, "", func([]ocispec.Descriptor) error { return errEnough }); {
	case err == nil || errors.Is(err, errEnough):
		return nil
	case !withoutReferrersAPI(err):
		return r.API.Wrap(ctx, "listing the referrers of "+r.API.Named(subject.String()), err)
	}
	return r.editReferrers(ctx, subject, func(list []ocispec.Descriptor) ([]ocispec.Descriptor, bool) {
		kept := []ocispec.Descriptor{}
		for _, d := range list {
			if d.Digest != desc.Digest {
				kept = append(kept, d)
			}
		}
		return kept, len(kept) < len(list)
	})
}

// errEnough ends a listing after the first page, when the others do not matter.
var errEnough = errors.New("enough")

// maxEdits limits how often an edit that others undo is repeated. In each round of n writers at least one succeeds.
const maxEdits = 200

// The time after which a written list is checked again: several times as long as another writer needs between reading
// and writing, estimated from our own time.
const (
	minSettle = 40 * time.Millisecond
	maxSettle = 2 * time.Second
)

// editReferrers changes the list of a subject's referrers in the tag schema. The registry can't change a list in place,
// so two writers may overwrite each other: after writing, the list is read again, until it was seen unchanged for long
// enough that no writer who had read the older one is still about to write. edit reports whether it changed anything.
func (r *Lister) editReferrers(ctx context.Context, subject digest.Digest, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) error {
	step := "updating the referrers of " + r.API.Named(subject.String())
	for range maxEdits {
		wrote, settle, err := r.editOnce(ctx, subject, edit)
		if err != nil {
			return r.API.Wrap(ctx, step, err)
		}
		if wrote == "" {
			return nil
		}
		kept, err := r.settled(ctx, subject, wrote, settle, edit)
		if err != nil || kept {
			return r.API.Wrap(ctx, step, err)
		}
	}
	return &transport.Unavailable{Host: r.API.Name.Registry, Step: step, Err: fmt.Errorf("others overwrote the list %d times", maxEdits)}
}

// editOnce reads, edits and writes. It returns the digest of the written list ("": no change was needed) and how long
// to wait before checking it again.
func (r *Lister) editOnce(ctx context.Context, subject digest.Digest, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) (digest.Digest, time.Duration, error) {
	name := r.API.Origin.Host + "/" + r.API.Name.Repository + "@" + subject.String()
	defer r.Serial(name)()
	lock := filelock.Wait(ctx, r.LockDir, name)
	defer lock.Release()
	for range maxEdits {
		start := time.Now()
		list, etag, err := r.referrerIndex(ctx, subject)
		if err != nil {
			return "", 0, err
		}
		list, changed := edit(list)
		if !changed {
			return "", 0, nil
		}
		wrote, err := r.putIndex(ctx, referrerTag(subject), list, etag)
		if errors.Is(err, errOvertaken) {
			if err := pause.For(ctx, rand.N(minSettle)); err != nil {
				return "", 0, err
			}
			continue
		}
		settle := min(max(4*time.Since(start), minSettle), maxSettle)
		return wrote, settle + rand.N(settle), err
	}
	return "", 0, fmt.Errorf("others changed the list %d times", maxEdits)
}

// settled watches a list that was just written until it has been unchanged for the time of settle. It reports whether
// the edit is still in it.
func (r *Lister) settled(ctx context.Context, subject, wrote digest.Digest, settle time.Duration, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) (bool, error) {
	for range maxEdits {
		if err := pause.For(ctx, settle); err != nil {
			return false, err
		}
		desc, data, _, err := r.Manifests.GetOnce(ctx, referrerTag(subject))
		if err != nil && !isNotFound(err) {
			return false, err
		}
		if err == nil && desc.Digest == wrote {
			return true, nil
		}
		var index ocispec.Index
		if err == nil && json.Unmarshal(data, &index) != nil {
			return false, artifact.Refused(desc.Digest.String(), "the list of referrers can't be read")
		}
		if _, changed := edit(index.Manifests); changed {
			return false, nil
		}
		wrote = desc.Digest
	}
	return true, nil
}

// errOvertaken reports that the list is no longer the one that was read.
var errOvertaken = errors.New("changed by another writer")

// putIndex writes a list of referrers under its tag.
func (r *Lister) putIndex(ctx context.Context, tag string, list []ocispec.Descriptor, etag string) (digest.Digest, error) {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: list}
	data, err := json.Marshal(index)
	if err != nil {
		return "", err
	}
	if len(data) > manifest.MaxSize {
		return "", fmt.Errorf("%w: the list of referrers would have %d bytes", errdef.ErrSizeExceedsLimit, len(data))
	}
	desc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageIndex, data)
	_, err = r.Manifests.Put(ctx, desc, data, tag, etag)
	if answer := transport.AsResponse(err); answer != nil && answer.StatusCode == http.StatusPreconditionFailed {
		err = errOvertaken
	}
	return desc.Digest, err
}

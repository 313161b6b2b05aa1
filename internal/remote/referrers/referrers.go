package referrers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
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
)

// Lister lists the referrers of a manifest, and maintains the lists of registries without the referrers API.
type Lister struct {
	API       *api.Repository
	Manifests *api.Manifests
	Lock      func(name string) (unlock func()) // locks a name among the goroutines that use the client
	LockDir   string                            // directory for locks among the processes of this machine; no locks if empty

	hasAPI  atomic.Bool // the registry has answered a request to the referrers API
	hasList atomic.Bool // a list of the tag schema was found
	noPath  atomic.Bool // the registry does not know the path of the referrers API

	batch batch
	tags  atomic.Pointer[map[string]bool] // all tags of the repository; nil if unknown
}

// referrerTag returns the tag of the list of a subject's referrers (distribution specification, section "Referrers Tag Schema").
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

// readList returns the list of a subject's referrers from its tag, and its ETag. If the tag does not exist, the list is
// empty. If the tag does not refer to a list, readList fails with a *notAList.
func (r *Lister) readList(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, string, error) {
	desc, data, etag, err := r.Manifests.GetOnce(ctx, referrerTag(subject))
	switch {
	case api.IsNotFound(err):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case desc.MediaType != ocispec.MediaTypeImageIndex || desc.Digest == subject:
		return nil, "", &notAList{tag: referrerTag(subject), desc: desc}
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, "", artifact.Refused(desc.Digest.String(), "invalid list of referrers: %w", err)
	}
	return index.Manifests, etag, nil
}

// notAList is the error about a tag of the tag schema that has another use. GitLab resolves every tag of that form to the subject.
type notAList struct {
	tag  string
	desc ocispec.Descriptor
}

// Error returns a message with the tag and the manifest to which it refers.
func (n *notAList) Error() string {
	return fmt.Sprintf("the tag %s refers to %s (%s), not to a list of referrers", n.tag, n.desc.Digest, n.desc.MediaType)
}

// Add adds a pushed manifest to the list of its subject's referrers, unless the registry lists it itself. If claimed is set, the
// response had the header OCI-Subject, and Add checks whether the registry has the referrers API.
func (r *Lister) Add(ctx context.Context, desc ocispec.Descriptor, data []byte, claimed bool) error {
	entry, subject := manifest.ReferrerEntry(desc, data)
	if subject == "" {
		return nil
	}
	if claimed {
		if listed, err := r.hasOwnList(ctx, subject); listed || err != nil {
			return err
		}
	}
	if r.deferEntry(subject, entry) {
		return nil
	}
	return r.addAll(ctx, subject, []ocispec.Descriptor{entry})
}

// Remove removes a manifest from the list of a subject's referrers, unless the registry has the referrers API. It reports whether
// the list has changed.
func (r *Lister) Remove(ctx context.Context, subject digest.Digest, referrer digest.Digest) (bool, error) {
	ctx = r.API.WithScope(ctx)
	if hasOwn, err := r.hasOwnList(ctx, subject); hasOwn || err != nil {
		return false, err
	}
	return r.editList(ctx, subject, func(list []ocispec.Descriptor) ([]ocispec.Descriptor, bool) {
		kept := []ocispec.Descriptor{}
		for _, d := range list {
			if d.Digest != referrer {
				kept = append(kept, d)
			}
		}
		return kept, len(kept) < len(list)
	})
}

// maxEdits limits the repetitions of an edit that other writers overwrite. In each round of n writers, at least one succeeds.
const maxEdits = 200

// Limits of the time after which a written list is checked. The time is several times as long as a writer takes from reading to
// writing, which is estimated by the time that this process took.
const (
	minQuiet = 40 * time.Millisecond
	maxQuiet = 2 * time.Second
)

// editList changes the list of a subject's referrers in the tag schema. Two writers may overwrite each other's list. So editList
// reads the written list again, until it is unchanged for so long that no writer can still be about to write a change of an older
// list. Both edit and editList report whether they changed the list.
func (r *Lister) editList(ctx context.Context, subject digest.Digest, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) (bool, error) {
	step := "updating the referrers of " + r.API.Named(subject.String())
	changed := false
	for range maxEdits {
		wrote, quiet, err := r.editOnce(ctx, subject, edit)
		var other *notAList
		switch {
		case errors.As(err, &other):
			return changed, artifact.Refused(r.API.Named(other.tag), "%w", err)
		case err != nil || wrote == "":
			return changed, r.API.Wrap(ctx, step, err)
		}
		kept, err := r.watchEdit(ctx, subject, wrote, quiet, edit)
		if err != nil || kept {
			return true, r.API.Wrap(ctx, step, err)
		}
		changed = true
	}
	return false, &transport.Unavailable{Host: r.API.Name.Registry, Step: step, Err: fmt.Errorf("other writers overwrote the list %d times", maxEdits)}
}

// editOnce reads, edits, and writes the list. It returns the digest of the written list ("" if no change was needed), and how long to
// wait before the list is checked.
func (r *Lister) editOnce(ctx context.Context, subject digest.Digest, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) (digest.Digest, time.Duration, error) {
	name := r.API.Origin.Host + "/" + r.API.Name.Repository + "@" + subject.String()
	defer r.Lock(name)() // locks now, and unlocks at the end
	lock := filelock.Wait(ctx, r.LockDir, name)
	defer lock.Release()
	for range maxEdits {
		start := time.Now()
		list, etag, err := r.readList(ctx, subject)
		if err != nil {
			return "", 0, err
		}
		list, changed := edit(list)
		if !changed {
			return "", 0, nil
		}
		wrote, err := r.putIndex(ctx, referrerTag(subject), list, etag)
		if isRefused(err) { // possibly because another client deleted a manifest in the list
			if kept, pruneErr := r.dropMissing(ctx, list); pruneErr == nil && len(kept) < len(list) {
				wrote, err = r.putIndex(ctx, referrerTag(subject), kept, etag)
			}
		}
		if errors.Is(err, errOvertaken) {
			if err := pause.For(ctx, rand.N(minQuiet)); err != nil {
				return "", 0, err
			}
			continue
		}
		quiet := min(max(4*time.Since(start), minQuiet), maxQuiet)
		return wrote, quiet + rand.N(quiet), err
	}
	return "", 0, fmt.Errorf("other writers changed the list %d times", maxEdits)
}

// isRefused reports whether the registry has refused the content of a list.
func isRefused(err error) bool {
	answer := transport.AsResponse(err)
	return answer != nil && answer.StatusCode/100 == 4 && !transport.IsTransient(answer.StatusCode) && !transport.IsDenied(err)
}

// dropMissing returns the entries of a list whose manifests exist.
func (r *Lister) dropMissing(ctx context.Context, list []ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	kept := []ocispec.Descriptor{}
	for _, desc := range list {
		ok, err := r.Manifests.Has(ctx, desc.Digest)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, desc)
		}
	}
	return kept, nil
}

// watchEdit waits until a written list has not changed for the time quiet. It returns false if another writer has undone the edit.
func (r *Lister) watchEdit(ctx context.Context, subject, wrote digest.Digest, quiet time.Duration, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) (bool, error) {
	for range maxEdits {
		if err := pause.For(ctx, quiet); err != nil {
			return false, err
		}
		desc, data, _, err := r.Manifests.GetOnce(ctx, referrerTag(subject))
		if err != nil && !api.IsNotFound(err) {
			return false, err
		}
		if err == nil && desc.Digest == wrote {
			return true, nil
		}
		var index ocispec.Index
		if err == nil && json.Unmarshal(data, &index) != nil {
			return false, artifact.Refused(desc.Digest.String(), "invalid list of referrers")
		}
		if _, changed := edit(index.Manifests); changed {
			return false, nil
		}
		wrote = desc.Digest
	}
	return true, nil
}

// errOvertaken means that the list has changed since it was read.
var errOvertaken = errors.New("changed by another writer")

// putIndex writes a list of referrers under its tag. If etag is not empty and the tag has another ETag, it fails with errOvertaken.
func (r *Lister) putIndex(ctx context.Context, tag string, list []ocispec.Descriptor, etag string) (digest.Digest, error) {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: list}
	data, err := json.Marshal(index)
	if err != nil {
		return "", err
	}
	if len(data) > manifest.MaxSize {
		return "", fmt.Errorf("%w: the list of referrers would be %d bytes long", errdef.ErrSizeExceedsLimit, len(data))
	}
	desc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageIndex, data)
	_, err = r.Manifests.Put(ctx, desc, data, tag, etag)
	if answer := transport.AsResponse(err); answer != nil && answer.StatusCode == http.StatusPreconditionFailed && etag != "" {
		err = errOvertaken
	}
	return desc.Digest, err
}

package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// referrerLister lists the referrers of a manifest, and keeps the lists of registries that don't.
type referrerLister struct {
	api       *apiRepository
	remote    *remote.Repository
	manifests *manifestStore
	serial    func(name string) (unlock func()) // one goroutine of the client at a time
	lockDir   string                            // one process of this machine at a time; empty: no lock
}

// referrers lists the manifests whose subject is desc, by the referrers API or, where there is none, by the tag schema.
func (r *referrerLister) referrers(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	ctx = r.api.scoped(ctx)
	step := "listing the referrers of " + r.api.named(desc.Digest.String())
	var own error
	err := r.remote.Referrers(ctx, desc, artifactType, func(page []ocispec.Descriptor) error {
		own = fn(page)
		return own
	})
	switch {
	case err == nil || own != nil:
		return own
	case !withoutReferrersAPI(err):
		return r.api.fail(ctx, step, err)
	}
	list, _, err := r.referrerIndex(ctx, desc.Digest)
	if err != nil {
		return r.api.fail(ctx, step, err)
	}
	list, err = r.filtered(ctx, list, artifactType)
	if err != nil || len(list) == 0 {
		return r.api.fail(ctx, step, err)
	}
	return fn(list)
}

// withoutReferrersAPI tells whether an answer means that the registry has no referrers API.
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

// maxLookedAt bounds the manifests that are opened for a list of the tag schema.
const maxLookedAt = 1000

// filtered is list without other artifact types. Some clients list a referrer without its type; the referrer has it.
func (r *referrerLister) filtered(ctx context.Context, list []ocispec.Descriptor, artifactType string) ([]ocispec.Descriptor, error) {
	var out []ocispec.Descriptor
	for i, desc := range list {
		if desc.ArtifactType == "" && manifest.Is(desc.MediaType) && i < maxLookedAt {
			_, data, err := r.manifests.get(ctx, desc.Digest.String())
			switch {
			case isNotFound(err):
				continue // listed, and deleted since
			case err != nil:
				return nil, err
			}
			if entry, _ := referrerEntry(desc, data); entry.ArtifactType != "" {
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
			if r < 0x80 && tagPattern().MatchString("a"+string(r)) {
				return r
			}
			return '-'
		}, s)
		return s[:min(len(s), n)]
	}
	return cut(string(subject.Algorithm()), 32) + "-" + cut(subject.Encoded(), 64)
}

// referrerIndex reads the list of a subject's referrers from its tag, and the list's ETag. There being none is an empty
// list.
func (r *referrerLister) referrerIndex(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, string, error) {
	desc, data, etag, err := r.manifests.getOnce(ctx, referrerTag(subject))
	switch {
	case isNotFound(err):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case desc.MediaType != ocispec.MediaTypeImageIndex || desc.Digest == subject:
		return nil, "", nil // a registry that answers any tag with the subject
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, "", artifact.Refused(desc.Digest.String(), "the list of referrers: %w", err)
	}
	return index.Manifests, etag, nil
}

// referrerEntry is what a list of referrers says of a manifest, and its subject's digest ("": it has none).
func referrerEntry(desc ocispec.Descriptor, data []byte) (ocispec.Descriptor, digest.Digest) {
	var m struct {
		ArtifactType string              `json:"artifactType"`
		Config       *ocispec.Descriptor `json:"config"`
		Subject      *ocispec.Descriptor `json:"subject"`
		Annotations  map[string]string   `json:"annotations"`
	}
	if json.Unmarshal(data, &m) != nil {
		return desc, ""
	}
	entry := ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		ArtifactType: m.ArtifactType, Annotations: m.Annotations}
	if entry.ArtifactType == "" && m.Config != nil {
		entry.ArtifactType = m.Config.MediaType
	}
	if m.Subject == nil || m.Subject.Digest.Validate() != nil {
		return entry, ""
	}
	return entry, m.Subject.Digest
}

// listReferrer adds a manifest that was pushed to the list of its subject's referrers.
func (r *referrerLister) listReferrer(ctx context.Context, desc ocispec.Descriptor, data []byte) error {
	entry, subject := referrerEntry(desc, data)
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

// unlistReferrer removes a manifest that is about to be deleted from the list of its subject's referrers, where the
// registry keeps none itself.
func (r *referrerLister) unlistReferrer(ctx context.Context, desc ocispec.Descriptor) error {
	data, ok := r.manifests.cached(desc.Digest)
	if !ok {
		var err error
		if _, data, err = r.manifests.get(ctx, desc.Digest.String()); err != nil {
			return r.api.fail(ctx, "fetching "+r.api.named(desc.Digest.String()), err)
		}
	}
	_, subject := referrerEntry(desc, data)
	if subject == "" {
		return nil
	}
	switch err := r.remote.Referrers(ctx, ocispec.Descriptor{Digest: subject}, "", func([]ocispec.Descriptor) error { return errEnough }); {
	case err == nil || errors.Is(err, errEnough):
		return nil
	case !withoutReferrersAPI(err):
		return r.api.fail(ctx, "listing the referrers of "+r.api.named(subject.String()), err)
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

// errEnough ends a listing of which only the first page matters.
var errEnough = errors.New("enough")

// maxEdits bounds how often an edit is repeated that others undo. Each round of n writers settles at least one of them.
const maxEdits = 200

// The time after which a written list is looked at again: several times what another writer needs between reading and
// writing, judged by what we needed.
const (
	minSettle = 40 * time.Millisecond
	maxSettle = 2 * time.Second
)

// editReferrers changes the list of a subject's referrers in the tag schema. The registry can't change a list in
// place, so two writers may overwrite each other: after writing, the list is read again, until it was seen unchanged
// for long enough that no writer who had read the older one is still about to write. edit tells whether it changed
// anything.
func (r *referrerLister) editReferrers(ctx context.Context, subject digest.Digest, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) error {
	step := "updating the referrers of " + r.api.named(subject.String())
	for range maxEdits {
		wrote, settle, err := r.editOnce(ctx, subject, edit)
		if err != nil {
			return r.api.fail(ctx, step, err)
		}
		if wrote == "" {
			return nil
		}
		kept, err := r.settled(ctx, subject, wrote, settle, edit)
		if err != nil || kept {
			return r.api.fail(ctx, step, err)
		}
	}
	return &Unavailable{Host: r.api.name.Registry, Step: step, Err: fmt.Errorf("others overwrote the list %d times", maxEdits)}
}

// editOnce reads, edits and writes. It returns the digest of what it wrote ("": nothing was to do) and how long to
// wait before looking at it again.
func (r *referrerLister) editOnce(ctx context.Context, subject digest.Digest, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) (digest.Digest, time.Duration, error) {
	name := r.api.origin.Host + "/" + r.api.name.Repository + "@" + subject.String()
	defer r.serial(name)()
	lock := waitLock(ctx, r.lockDir, name)
	defer lock.release()
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
			if err := sleep(ctx, rand.N(minSettle)); err != nil {
				return "", 0, err
			}
			continue
		}
		settle := min(max(4*time.Since(start), minSettle), maxSettle)
		return wrote, settle + rand.N(settle), err
	}
	return "", 0, fmt.Errorf("others changed the list %d times", maxEdits)
}

// settled watches a list that was just written until it has been the same for the time of settle. It tells whether the
// edit is still in it.
func (r *referrerLister) settled(ctx context.Context, subject, wrote digest.Digest, settle time.Duration, edit func([]ocispec.Descriptor) ([]ocispec.Descriptor, bool)) (bool, error) {
	for range maxEdits {
		if err := sleep(ctx, settle); err != nil {
			return false, err
		}
		desc, data, _, err := r.manifests.getOnce(ctx, referrerTag(subject))
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

// errOvertaken: the list is no longer the one that was read.
var errOvertaken = errors.New("changed by another writer")

// putIndex writes a list of referrers under its tag.
func (r *referrerLister) putIndex(ctx context.Context, tag string, list []ocispec.Descriptor, etag string) (digest.Digest, error) {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: list}
	data, err := json.Marshal(index)
	if err != nil {
		return "", err
	}
	if len(data) > manifest.MaxSize {
		return "", fmt.Errorf("%w: the list of referrers would have %d bytes", errdef.ErrSizeExceedsLimit, len(data))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, r.api.url("manifests/"+tag), bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", ocispec.MediaTypeImageIndex)
	if etag != "" {
		req.Header.Set("If-Match", etag)
	}
	resp, err := r.api.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusPreconditionFailed:
		return "", errOvertaken
	case resp.StatusCode/100 != 2:
		return "", answered(resp)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return digest.FromBytes(data), nil
}

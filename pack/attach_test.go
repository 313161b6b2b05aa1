package pack

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
)

// newSubject pushes an artifact. Tests attach others to it.
func newSubject(t *testing.T) (*oci.Store, ocispec.Descriptor) {
	t.Helper()
	dst, err := oci.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r, err := Push(t.Context(), files, plan(file("a.txt")), dst, PushOptions{Tags: []string{"v1"}})
	if err != nil {
		t.Fatal(err)
	}
	return dst, r.Descriptor()
}

// planNamed returns a plan of one file. The title is that of the artifact.
func planNamed(title, path string) *artifact.Plan {
	p := plan(file(path))
	p.ArtifactType = "application/vnd.example.sbom"
	p.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	return p
}

func TestAttach(t *testing.T) {
	t.Parallel()
	dst, subject := newSubject(t)
	steps := []struct {
		plan    *artifact.Plan
		opts    AttachOptions
		skipped bool
		total   int
	}{
		{planNamed("one", "sbom.js"), AttachOptions{}, false, 1},
		{planNamed("one", "sbom.js"), AttachOptions{}, true, 1},
		{planNamed("one", "sbom.js"), AttachOptions{Options: Options{Created: time.Unix(1, 0)}}, true, 1},
		{planNamed("two", "b.txt"), AttachOptions{}, false, 2},
		{planNamed("one", "b.txt"), AttachOptions{Replace: true}, false, 2},
		{planNamed("one", "b.txt"), AttachOptions{Replace: true}, true, 2},
		{planNamed("one", "sbom.js"), AttachOptions{}, false, 3},
		{planNamed("one", "sbom.js"), AttachOptions{Replace: true}, false, 2},
	}
	for i, step := range steps {
		r, err := Attach(t.Context(), files, step.plan, Attachment{dst, subject}, step.opts)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		found, err := dst.Predecessors(t.Context(), subject)
		if err != nil || r[0].Skipped != step.skipped || len(found) != step.total {
			t.Errorf("step %d: got skipped %t, %d referrers, %v, want %t, %d", i, r[0].Skipped, len(found), err, step.skipped, step.total)
		}
	}
}

// TestSetTime checks which referrers with the same content a given time replaces. A target that can't delete keeps what it has.
func TestSetTime(t *testing.T) {
	t.Parallel()
	times := []string{"", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "soon"}
	for _, replace := range []bool{false, true} {
		for _, canDelete := range []bool{true, false} {
			for _, before := range times {
				for _, now := range times[1:] {
					attached := func(given string, opts AttachOptions, dst oras.GraphTarget, subject ocispec.Descriptor) *Attached {
						p := planNamed("one", "sbom.js")
						if given != "" {
							p.Annotations[ocispec.AnnotationCreated] = given
						}
						r, err := Attach(t.Context(), files, p, Attachment{dst, subject}, opts)
						if err != nil {
							t.Fatal(err)
						}
						return r[0]
					}
					store, subject := newSubject(t)
					var dst oras.GraphTarget = store
					if !canDelete {
						dst = struct{ oras.GraphTarget }{store}
					}
					if replace && !canDelete {
						continue
					}
					other := planNamed("one", "b.txt")
					if _, err := Attach(t.Context(), files, other, Attachment{store, subject}, AttachOptions{}); err != nil {
						t.Fatal(err)
					}
					first := attached(before, AttachOptions{}, dst, subject)
					second := attached(now, AttachOptions{Replace: replace, ReplaceTime: true}, dst, subject)
					isDated := func(date string) bool { return date != "" && date != "soon" }
					want := 0
					switch {
					case replace && before != now:
						want = 2 // the other content, too
					case replace:
						want = 1
					case canDelete && !isDated(before) && isDated(now):
						want = 1
					}
					if len(second.Replaced) != want || (second.Digest == first.Digest) != (want == 0 || before == now) {
						t.Errorf("replace %t, can delete %t, %q after %q: replaced %d, want %d", replace, canDelete, now, before, len(second.Replaced), want)
					}
					if found, err := store.Predecessors(t.Context(), subject); err != nil || !replace && len(found) != 2 {
						t.Errorf("replace %t, can delete %t, %q after %q: %d attached, %v", replace, canDelete, now, before, len(found), err)
					}
				}
			}
		}
	}
}

func TestAttachEachPlatform(t *testing.T) {
	t.Parallel()
	dst := memory.New()
	one, other := plan(file("a.txt")), plan(file("b.txt"))
	one.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	other.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	p := plan()
	p.Platforms = []*artifact.Plan{one, other}
	idx, err := Push(t.Context(), files, p, dst, PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Attach(t.Context(), files, planNamed("x", "sbom.js"), Attachment{dst, idx.Descriptor()}, AttachOptions{EachPlatform: true})
	if err != nil || len(r) != 1 || r[0].Subject.Digest != idx.Manifests[0].Digest {
		t.Errorf("got %+v, %v, want one referrer of %s", r, err, idx.Manifests[0].Digest)
	}
}

func TestReplaceNeedsDeleting(t *testing.T) {
	t.Parallel()
	dst := struct{ *memory.Store }{memory.New()}
	_, err := Attach(t.Context(), files, planNamed("x", "sbom.js"), Attachment{dst, ocispec.Descriptor{}}, AttachOptions{Replace: true})
	if !errors.Is(err, errdef.ErrUnsupported) {
		t.Errorf("got %v, want ErrUnsupported", err)
	}
}

// TestReplaceKeepsOtherStatements checks that Replace removes only attestations with the same predicate type, and no signatures.
func TestReplaceKeepsOtherStatements(t *testing.T) {
	t.Parallel()
	dst, subject := newSubject(t)
	const provenance = "https://slsa.dev/provenance/v1"
	for i, step := range []struct {
		file, predicate string
		total           int
	}{
		{"sbom.js", mediatypes.CosignStatement, 1}, {"sbom.js", "https://spdx.dev/Document", 2}, {"sbom.js", provenance, 3}, {"b.txt", provenance, 3},
	} {
		p := plan(file(step.file))
		p.ArtifactType = mediatypes.SigstoreBundle
		p.Annotations = map[string]string{mediatypes.BundleContent: "dsse-envelope", mediatypes.BundlePredicateType: step.predicate}
		if _, err := Attach(t.Context(), files, p, Attachment{dst, subject}, AttachOptions{Replace: true}); err != nil {
			t.Fatal(err)
		}
		if found, err := dst.Predecessors(t.Context(), subject); err != nil || len(found) != step.total {
			t.Errorf("step %d: got %d referrers, %v, want %d", i, len(found), err, step.total)
		}
	}
}

// pushAttested pushes an index of image and a BuildKit attestation about image.
func pushAttested(t *testing.T, dst oras.Target, image ocispec.Descriptor) Member {
	t.Helper()
	p := plan(file("sbom.js"))
	r, err := Push(t.Context(), files, p, dst, PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	attestation := r.Descriptor()
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{
		"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.Digest.String(),
	}
	b, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{image, attestation},
	})
	if err != nil {
		t.Fatal(err)
	}
	desc, err := oras.PushBytes(t.Context(), dst, ocispec.MediaTypeImageIndex, b)
	if err != nil {
		t.Fatal(err)
	}
	return Member{Descriptor: desc}
}

func TestIndexOfSeparatePushes(t *testing.T) {
	t.Parallel()
	dst := memory.New()
	var members []Member
	for path, arch := range map[string]string{"a.txt": "amd64", "b.txt": "arm64"} {
		p := plan(file(path))
		p.ConfigType = ocispec.MediaTypeImageConfig
		p.Finish = func([]artifact.Packed) (artifact.Finished, error) {
			return artifact.Finished{Config: []byte(`{"os":"linux","architecture":"` + arch + `"}`)}, nil
		}
		r, err := Push(t.Context(), files, p, dst, PushOptions{})
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, Member{Descriptor: r.Descriptor()})
	}
	opts := IndexOptions{Tags: []string{"v1"}}
	for _, skipped := range []bool{false, true} {
		r, err := Index(t.Context(), dst, members, opts)
		if err != nil || r.Skipped != skipped || len(r.Manifests) != 2 {
			t.Fatalf("got %+v, %v, want two manifests, skipped %t", r, err, skipped)
		}
		if p := r.Manifests[0].Platform; p == nil || p.OS != "linux" {
			t.Errorf("platform: got %v, want one with OS linux", p)
		}
		if r.ArtifactType != "application/vnd.example.thing" {
			t.Errorf("artifactType: got %q, want that of the manifests", r.ArtifactType)
		}
	}
	r, err := Index(t.Context(), dst, members, opts)
	if err != nil {
		t.Fatal(err)
	}
	attested := pushAttested(t, dst, r.Manifests[0])
	opts.Tags = []string{"v2"}
	if r, err = Index(t.Context(), dst, []Member{attested, {Descriptor: r.Manifests[1]}}, opts); err != nil || len(r.Manifests) != 3 {
		t.Fatalf("with an attestation: got %+v, %v, want three manifests", r, err)
	}
	if entry := r.Manifests[1]; !manifest.IsAttestation(entry) || entry.Annotations["vnd.docker.reference.digest"] != r.Manifests[0].Digest.String() {
		t.Errorf("entry of the attestation: got %+v, want an attestation about %s", entry, r.Manifests[0].Digest)
	}
	if _, err := Index(t.Context(), dst, append(members, members[0]), opts); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("one manifest twice: got %v, want ErrInvalid", err)
	}
	if _, err := Index(t.Context(), dst, nil, opts); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("no manifests: got %v, want ErrInvalid", err)
	}
}

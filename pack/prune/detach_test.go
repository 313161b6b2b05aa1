package prune_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack/prune"
	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	oras "oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// store is a layout with methods that push manifests.
type store struct {
	*oci.Store
	t *testing.T
}

func newStore(t *testing.T) store {
	t.Helper()
	s, err := oci.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oras.PushBytes(t.Context(), s, ocispec.MediaTypeEmptyJSON, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	return store{s, t}
}

// push pushes a manifest or index and tags it.
func (s store) push(mediaType string, body any, tags ...string) ocispec.Descriptor {
	s.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	desc, err := oras.PushBytes(s.t.Context(), s.Store, mediaType, data)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, tag := range tags {
		if err := s.Tag(s.t.Context(), desc, tag); err != nil {
			s.t.Fatal(err)
		}
	}
	return desc
}

// manifest pushes an untagged manifest with the title name, if it is not empty, and more annotations as pairs of key and value.
func (s store) manifest(artifactType, name string, subject *ocispec.Descriptor, more ...string) ocispec.Descriptor {
	annotations := map[string]string{ocispec.AnnotationTitle: name}
	if name == "" {
		delete(annotations, ocispec.AnnotationTitle)
	}
	for i := 0; i+1 < len(more); i += 2 {
		annotations[more[i]] = more[i+1]
	}
	return s.push(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{ocispec.DescriptorEmptyJSON}, Subject: subject, Annotations: annotations,
	})
}

const reportType = "application/sarif+json"

func annotateCreated(day int) []string {
	return []string{ocispec.AnnotationCreated, time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)}
}

func TestDetach(t *testing.T) {
	t.Parallel()
	dst := newStore(t)
	subject := dst.manifest("application/vnd.example.app", "app", nil)
	var attached []digest.Digest
	for _, name := range []string{"one", "two"} {
		attached = append(attached, dst.manifest(reportType, name, &subject).Digest)
	}
	if _, err := prune.Detach(t.Context(), dst, subject, prune.Selection{}); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("zero selection: got %v, want ErrInvalid", err)
	}
	for _, s := range []prune.Selection{{Kind: "runbook"}, {Digests: []digest.Digest{subject.Digest}}} {
		if _, err := prune.Detach(t.Context(), dst, subject, s); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("%+v: got %v, want not found", s, err)
		}
	}
	for _, s := range []prune.Selection{{Digests: attached[:1]}, {Kind: "report"}} {
		gone, err := prune.Detach(t.Context(), dst, subject, s)
		if err != nil || len(gone) != 1 {
			t.Errorf("%+v: got removed %v, %v, want one", s, gone, err)
		}
	}
	if left, err := dst.Predecessors(t.Context(), subject); err != nil || len(left) != 0 {
		t.Errorf("got referrers %v, %v, want none", left, err)
	}
}

// TestChooseByAge checks which referrers are chosen for removal among the reports of two tools, some without a time, and an SBOM.
func TestChooseByAge(t *testing.T) {
	t.Parallel()
	dst := newStore(t)
	subject := dst.manifest("application/vnd.example.app", "app", nil)
	names := map[digest.Digest]string{}
	for day := 1; day <= 3; day++ {
		names[dst.manifest(reportType, "Trivy", &subject, annotateCreated(day)...).Digest] = fmt.Sprint("trivy", day)
	}
	names[dst.manifest(reportType, "CodeQL", &subject, annotateCreated(1)...).Digest] = "codeql1"
	names[dst.manifest(reportType, "Trivy", &subject).Digest] = "undated"
	names[dst.manifest("application/spdx+json", "app", &subject, annotateCreated(2)...).Digest] = "sbom2"
	number := func(n int) *int { return &n }
	for _, test := range []struct {
		name      string
		selection prune.Selection
		want      []string
	}{
		{"all but the newest of each tool and kind", prune.Selection{Keep: number(1)}, []string{"trivy1", "trivy2", "undated"}},
		{"all but the newest two reports of each tool", prune.Selection{Kind: "report", Keep: number(2)}, []string{"trivy1", "undated"}},
		{"all SBOMs", prune.Selection{Kind: "sbom", Keep: number(0)}, []string{"sbom2"}},
		{"older than a day", prune.Selection{OlderThan: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}, []string{"codeql1", "trivy1"}},
		{"old, except the newest of each", prune.Selection{All: true, Keep: number(1), OlderThan: time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC)}, []string{"trivy1", "trivy2"}},
		{"keep more than exist", prune.Selection{Keep: number(9)}, nil},
		{"older than all", prune.Selection{OlderThan: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, nil},
	} {
		for listing, src := range map[string]oras.ReadOnlyGraphTarget{"full": dst, "terse": terse{dst.Store}} {
			chosen, err := prune.Choose(t.Context(), src, subject, test.selection)
			var got []string
			if err == nil {
				for _, d := range chosen.Referrers {
					got = append(got, names[d.Digest])
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) || (err != nil) != (test.want == nil) {
				t.Errorf("%s, %s listing: got %v, %v, want %v", test.name, listing, got, err, test.want)
			}
		}
	}
}

// TestChooseGuessesNothing checks that referrers without a time are undecided if Keep would remove only some of them.
func TestChooseGuessesNothing(t *testing.T) {
	t.Parallel()
	dst := newStore(t)
	subject := dst.manifest("application/vnd.example.app", "app", nil)
	for _, rule := range []string{"a", "b", "c"} {
		dst.manifest(reportType, "Trivy", &subject, "rule", rule)
		dst.manifest(reportType, "CodeQL", &subject, append(annotateCreated(4), "rule", rule)...)
	}
	dst.manifest(reportType, "CodeQL", &subject, annotateCreated(3)...)
	for keep, want := range map[int]string{0: "7 []", 1: "1 [3 3]", 2: "1 [3 3]", 3: "1 []"} {
		choice, err := prune.Choose(t.Context(), dst, subject, prune.Selection{Keep: &keep})
		if err != nil {
			t.Fatal(err)
		}
		sizes := []int{}
		for _, list := range choice.Undecided {
			sizes = append(sizes, len(list))
		}
		if got := fmt.Sprint(len(choice.Referrers), sizes); got != want {
			t.Errorf("keep %d: got %s, want %s", keep, got, want)
		}
	}
}

// terse is a store that lists referrers without annotations, as in the index that cosign writes for registries without the
// referrers API.
type terse struct{ *oci.Store }

func (s terse) Referrers(ctx context.Context, desc ocispec.Descriptor, _ string, fn func([]ocispec.Descriptor) error) error {
	found, err := registry.Referrers(ctx, s.Store, desc, "")
	if err != nil {
		return err
	}
	for i := range found {
		found[i].Annotations = nil
	}
	return fn(found)
}

// TestDetachDistinguishesSignatures checks that cosign signatures and attestations, which have the same artifactType, are detached
// separately.
func TestDetachDistinguishesSignatures(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	subject := store.manifest("application/vnd.example.app", "app", nil)
	dst := terse{store.Store}
	attached := map[string]digest.Digest{}
	for kind, predicate := range map[string]string{"signature": mediatypes.CosignStatement, "attestation": "https://slsa.dev/provenance/v1"} {
		attached[kind] = store.manifest(mediatypes.SigstoreBundle, "", &subject, mediatypes.BundleContent, "dsse-envelope",
			mediatypes.BundlePredicateType, predicate).Digest
	}
	for _, kind := range []string{"attestation", "signature"} {
		gone, err := prune.Detach(t.Context(), dst, subject, prune.Selection{Kind: kind})
		if err != nil || len(gone) != 1 || gone[0].Digest != attached[kind] {
			t.Errorf("%s: got removed %v, %v, want %s", kind, gone, err, attached[kind])
		}
	}
}

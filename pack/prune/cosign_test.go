package prune_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/davit-oci/davit/pack/prune"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// cosignWorld is a random repository with artifacts, referrers, and manifests under tags of cosign.
type cosignWorld struct {
	store
	all      []ocispec.Descriptor
	subjects map[digest.Digest]digest.Digest   // of referrers
	tags     map[string]digest.Digest          // of versions
	cosign   map[string]digest.Digest          // tags of cosign
	named    map[digest.Digest][]digest.Digest // manifests under tags of cosign, by the manifest that the tag names
}

func newCosignWorld(t *testing.T, r *rand.Rand) *cosignWorld {
	t.Helper()
	w := &cosignWorld{newStore(t), nil, map[digest.Digest]digest.Digest{}, map[string]digest.Digest{}, map[string]digest.Digest{}, map[digest.Digest][]digest.Digest{}}
	for i := range 12 {
		what := r.IntN(4)
		if i < 2 {
			what = 0
		}
		var about ocispec.Descriptor
		if i > 0 {
			about = w.all[r.IntN(i)]
		}
		name := fmt.Sprint(i)
		switch what {
		case 0:
			desc := w.manifest("application/vnd.example.app", name, nil)
			w.add(desc, "v"+name)
			w.tags["v"+name] = desc.Digest
		case 1:
			desc := w.manifest("application/vnd.example.report", name, &about)
			w.add(desc, "")
			w.subjects[desc.Digest] = about.Digest
		default:
			tag := "sha256-" + about.Digest.Encoded() + "." + []string{"sig", "att", "sbom"}[r.IntN(3)]
			if w.cosign[tag] != "" {
				tag = "x" + name // a tag that only looks similar
			}
			desc := w.manifest("", name, nil)
			w.add(desc, tag)
			if tag[0] == 'x' {
				w.tags[tag] = desc.Digest
			} else {
				w.cosign[tag] = desc.Digest
				w.named[about.Digest] = append(w.named[about.Digest], desc.Digest)
			}
		}
	}
	return w
}

func (w *cosignWorld) add(desc ocispec.Descriptor, tag string) {
	w.t.Helper()
	w.all = append(w.all, desc)
	if tag == "" {
		return
	}
	if err := w.Tag(w.t.Context(), desc, tag); err != nil {
		w.t.Fatal(err)
	}
}

// needed returns everything that the kept tags lead to, through subjects, referrers, and tags of cosign.
func (w *cosignWorld) needed(kept []string) map[digest.Digest]bool {
	needed := map[digest.Digest]bool{}
	for _, tag := range kept {
		needed[w.tags[tag]] = true
	}
	for n := -1; n != len(needed); {
		n = len(needed)
		for referrer, subject := range w.subjects {
			if needed[referrer] || needed[subject] {
				needed[referrer], needed[subject] = true, true
			}
		}
		for about, list := range w.named {
			for _, d := range list {
				if needed[about] {
					needed[d] = true
				}
			}
		}
	}
	return needed
}

// TestCosignTags checks that prune removes signatures, attestations, and SBOMs under tags of cosign together with the manifests that the tags
// name, including those of referrers and of other signatures, and keeps the others.
func TestCosignTags(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := newCosignWorld(t, r)
		var names, all, keep []string
		for tag := range w.tags {
			names = append(names, tag)
		}
		slices.Sort(names)
		for _, tag := range names {
			if r.IntN(2) == 0 {
				keep = append(keep, tag)
			}
		}
		if len(keep) == 0 {
			keep = names[:1]
		}
		all = slices.Clone(names)
		for tag := range w.cosign {
			all = append(all, tag)
		}
		list := func(names []string) func(context.Context) ([]string, error) {
			return func(context.Context) ([]string, error) { return names, nil }
		}
		repo := prune.Repository{Target: w, Tags: list(names), AllTags: list(all)}
		plan, err := prune.NewPlan(t.Context(), repo, prune.Policy{KeepTags: keep})
		if err != nil {
			t.Fatal(err)
		}
		if err := plan.Apply(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
		needed := w.needed(keep)
		for _, desc := range w.all {
			isReferrer := w.subjects[desc.Digest] != ""
			exists, err := w.Exists(t.Context(), desc)
			if err != nil || exists != needed[desc.Digest] {
				t.Errorf("seed %d: manifest %s, referrer %t: exists %t, %v, want %t", seed, desc.Digest, isReferrer, exists, err, needed[desc.Digest])
			}
		}
		for tag, d := range w.cosign {
			desc, err := w.Resolve(t.Context(), tag)
			if isKept := needed[about(tag)]; isKept && desc.Digest != d || !isKept && !errors.Is(err, errdef.ErrNotFound) {
				t.Errorf("seed %d: %s: got %s, %v, want it to be kept: %t", seed, tag, desc.Digest, err, isKept)
			}
		}
	}
}

// about returns the digest in a tag of cosign.
func about(tag string) digest.Digest {
	return digest.NewDigestFromEncoded(digest.SHA256, tag[len("sha256-"):len("sha256-")+64])
}

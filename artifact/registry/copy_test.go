package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// TestCopy copies an artifact with its referrers and a cosign signature twice, between all pairs of target types. The second copy
// sends nothing.
func TestCopy(t *testing.T) {
	t.Parallel()
	places := func(t *testing.T) map[string]func() registry.Target {
		return map[string]func() registry.Target{
			"layout":   opener(t, filepath.Join(t.TempDir(), "oci")),
			"archive":  opener(t, filepath.Join(t.TempDir(), "oci.tar")),
			"registry": opener(t, registrytest.Start(t, registrytest.Options{}).Host+"/some/repo"),
		}
	}
	for from, src := range places(t) {
		target := src()
		subject := pushArtifact(t, target, "subject", nil)
		referrer := pushArtifact(t, target, "referrer", &subject)
		second := pushArtifact(t, target, "referrer of the referrer", &referrer)
		signature := pushArtifact(t, target, "signature", nil)
		signatureTag := manifest.CosignTags(subject.Digest)[0]
		for tag, desc := range map[string]ocispec.Descriptor{"v1": subject, signatureTag: signature} {
			if err := target.Tag(t.Context(), desc, tag); err != nil {
				t.Fatal(err)
			}
		}
		closeTarget(t, target)
		for to, dst := range places(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				opts := registry.CopyOptions{Reference: "v1", Tags: []string{"v1", "new", "v1"}, Referrers: true}
				for _, skipped := range []bool{false, true} {
					one := copyOne(t, src(), dst(), opts)
					if one.Descriptor.Digest != subject.Digest || !slices.Equal(one.Tags, []string{"v1", "new"}) || one.Skipped != skipped {
						t.Errorf("got %+v, want %s as v1 and new, skipped %t", one, subject.Digest, skipped)
					}
					if got, want := digests(one.Referrers), digests([]ocispec.Descriptor{referrer, second, signature}); !slices.Equal(got, want) {
						t.Errorf("got referrers %v, want %v", got, want)
					}
				}
				target := dst()
				defer closeTarget(t, target)
				for reference, want := range map[string]digest.Digest{"new": subject.Digest, signatureTag: signature.Digest} {
					if got, err := target.Resolve(t.Context(), reference); err != nil || got.Digest != want {
						t.Errorf("%s: got %v, %v, want %v", reference, got.Digest, err, want)
					}
				}
				found, err := registry.Referrers(t.Context(), target, referrer, "application/vnd.test")
				if err != nil || !slices.Equal(digests(found), []digest.Digest{second.Digest}) {
					t.Errorf("referrers of the referrer: got %v, %v, want %v", digests(found), err, second.Digest)
				}
				signed, err := registry.CosignManifests(t.Context(), target, subject)
				if err != nil || len(signed) != 1 || signed[0].Tag != signatureTag || signed[0].Desc.Digest != signature.Digest {
					t.Errorf("cosign manifests: got %v, %v, want %s", signed, err, signature.Digest)
				}
			})
		}
	}
}

// copyOne copies one artifact and closes both targets.
func copyOne(t *testing.T, src, dst registry.Target, opts registry.CopyOptions) registry.Copied {
	t.Helper()
	result, err := registry.Copy(t.Context(), src, dst, opts)
	if err := dst.Close(t.Context(), err); err != nil {
		t.Fatal(err)
	}
	closeTarget(t, src)
	if len(result.Artifacts) != 1 {
		t.Fatalf("got %d artifacts, want 1", len(result.Artifacts))
	}
	return result.Artifacts[0]
}

// digests returns the sorted digests of descriptors.
func digests(list []ocispec.Descriptor) []digest.Digest {
	var all []digest.Digest
	for _, desc := range list {
		all = append(all, desc.Digest)
	}
	slices.Sort(all)
	return all
}

// TestCopySelects copies all tags, one platform of an index, and a digest that gets no tag. Copying a tag or platform that does not
// exist fails.
func TestCopySelects(t *testing.T) {
	t.Parallel()
	src := opener(t, filepath.Join(t.TempDir(), "oci"))()
	defer closeTarget(t, src)
	amd, arm := pushArtifact(t, src, "amd64", nil), pushArtifact(t, src, "arm64", nil)
	amd.Platform, arm.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}, &ocispec.Platform{OS: "linux", Architecture: "arm64"}
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{amd, arm}}
	index.SchemaVersion = 2
	both, err := oras.PushBytes(t.Context(), src, ocispec.MediaTypeImageIndex, marshal(t, index))
	if err != nil {
		t.Fatal(err)
	}
	for tag, desc := range map[string]ocispec.Descriptor{"both": both, "arm": arm} {
		if err := src.Tag(t.Context(), desc, tag); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		opts registry.CopyOptions
		want map[string]digest.Digest
	}{
		{"all tags", registry.CopyOptions{AllTags: true}, map[string]digest.Digest{"both": both.Digest, "arm": arm.Digest}},
		{"a platform", registry.CopyOptions{Reference: "both", Platform: arm.Platform, Tags: []string{"x"}}, map[string]digest.Digest{"x": arm.Digest}},
		{"a digest", registry.CopyOptions{Reference: both.Digest.String()}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dst := opener(t, filepath.Join(t.TempDir(), "oci"))()
			defer closeTarget(t, dst)
			if _, err := registry.Copy(t.Context(), src, dst, test.opts); err != nil {
				t.Fatal(err)
			}
			if got := listTags(t, dst); len(got) != len(test.want) {
				t.Errorf("got tags %q, want those of %v", got, test.want)
			}
			for tag, want := range test.want {
				if got, err := dst.Resolve(t.Context(), tag); err != nil || got.Digest != want {
					t.Errorf("%s: got %v, %v, want %v", tag, got.Digest, err, want)
				}
			}
		})
	}
	for name, opts := range map[string]registry.CopyOptions{
		"a tag":      {Reference: "none"},
		"a platform": {Reference: "both", Platform: &ocispec.Platform{OS: "plan9", Architecture: "386"}},
	} {
		dst := opener(t, filepath.Join(t.TempDir(), "oci"))()
		if _, err := registry.Copy(t.Context(), src, dst, opts); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("copying %s that does not exist: got %v, want not found", name, err)
		}
		closeTarget(t, dst)
	}
}

// TestCopyOfUnknownManifests checks that Copy refuses manifests of unknown types, because it can't find their blobs. It copies other
// content that a tag or an index points to.
func TestCopyOfUnknownManifests(t *testing.T) {
	t.Parallel()
	inner := digest.FromString("layer")
	for name, test := range map[string]struct {
		mediaType, text string
		refused         bool
	}{
		"docker schema 1": {"application/vnd.docker.distribution.manifest.v1+prettyjws", fmt.Sprintf(`{"schemaVersion":1,"fsLayers":[{"blobSum":%q}]}`, inner), true},
		"OCI manifest v2": {"application/vnd.oci.image.manifest.v2+json", fmt.Sprintf(`{"parts":{"a":%q}}`, inner), true},
		"any JSON":        {"application/vnd.example+json", `{"name":"sha256:none"}`, false},
		"a file":          {"text/plain", "see " + string(inner), false},
	} {
		for _, inIndex := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " in index ", inIndex), func(t *testing.T) {
				t.Parallel()
				src := opener(t, filepath.Join(t.TempDir(), "oci"))()
				defer closeTarget(t, src)
				push := func(mediaType string, data []byte) ocispec.Descriptor {
					desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
					if err := src.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
						t.Fatal(err)
					}
					return desc
				}
				desc := push(test.mediaType, []byte(test.text))
				if inIndex {
					desc = push(ocispec.MediaTypeImageIndex, marshal(t, ocispec.Index{
						Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{desc}}))
				}
				if err := src.Tag(t.Context(), desc, "v1"); err != nil {
					t.Fatal(err)
				}
				dst := opener(t, filepath.Join(t.TempDir(), "copy"))()
				defer closeTarget(t, dst)
				_, err := registry.Copy(t.Context(), src, dst, registry.CopyOptions{Reference: "v1", Tags: []string{"v1"}})
				if refused := errors.Is(err, artifact.ErrRefused); refused != test.refused || err != nil && !refused {
					t.Errorf("got %v, want refused %t", err, test.refused)
				}
			})
		}
	}
}

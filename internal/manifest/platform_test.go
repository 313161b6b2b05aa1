package manifest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

func TestPlatformSyntax(t *testing.T) {
	for _, s := range []string{"linux/amd64", "linux/arm/v7", "windows/amd64:10.0.17763.1", "linux/arm64/v8:1"} {
		p, ok := manifest.ParsePlatform(s)
		if !ok || manifest.FormatPlatform(&p) != s {
			t.Errorf("%q: got %+v, %t, want the same platform", s, p, ok)
		}
	}
	for _, s := range []string{"", "linux", "linux/", "/amd64", "linux/amd64/", "linux/arm/v7/x", "Linux/amd64", "linux/amd64:", "linux/amd64:a:b", "linux amd64"} {
		if p, ok := manifest.ParsePlatform(s); ok {
			t.Errorf("%q: got %+v, want false", s, p)
		}
	}
	if got := manifest.FormatPlatform(nil); got != "any" {
		t.Errorf("nil: got %q, want any", got)
	}
}

// TestPlatformIn checks the platforms in names of files and directories.
func TestPlatformIn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"tool_1.2.3_Linux_x86_64.tar.gz": "linux/amd64", "tool-Darwin-x86-64": "darwin/amd64", "linux/arm64/v8": "linux/arm64", "linux_arm_v7": "linux/arm/v7",
		"tool-v7-linux-arm": "linux/arm", "tool-linux-arm-v6.1.0": "linux/arm", "tool_v7.0_linux_arm_v6.tar.gz": "linux/arm/v6", "linux-arm-v7.exe": "linux/arm/v7",
		"tool-v1.2.linux.arm64": "linux/arm64", "tool-arm-v5.0.linux": "linux/arm", "linux-armv7.1": "linux/arm/v7", "linux-arm64v8": "linux/arm64", "linux.armel": "linux/arm/v5", "freebsd-riscv64": "freebsd/riscv64",
		"amd64": "/amd64", "windows": "windows/", "armour": "/", "": "/",
	} {
		p := manifest.PlatformIn(name)
		got := p.OS + "/" + p.Architecture
		if p.Variant != "" {
			got += "/" + p.Variant
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}

// entries returns the entries of an index with these platforms. "" is an entry without a platform. The size of an entry is its
// position.
func entries(platforms ...string) []ocispec.Descriptor {
	var list []ocispec.Descriptor
	for i, s := range platforms {
		entry := ocispec.Descriptor{Size: int64(i)}
		if p, ok := manifest.ParsePlatform(s); ok {
			entry.Platform = &p
		}
		list = append(list, entry)
	}
	return list
}

func TestSelect(t *testing.T) {
	tests := map[string]struct {
		have []string
		want string
		at   int64 // -1: none
	}{
		"exact":                        {[]string{"linux/arm64", "linux/amd64"}, "linux/amd64", 1},
		"exact before loose":           {[]string{"linux/arm/v6", "linux/arm"}, "linux/arm", 1},
		"any variant":                  {[]string{"linux/amd64", "linux/arm/v7"}, "linux/arm", 1},
		"default variant":              {[]string{"linux/arm64"}, "linux/arm64/v8", 0},
		"other variant":                {[]string{"linux/arm/v6"}, "linux/arm/v7", -1},
		"any version":                  {[]string{"windows/amd64:10.0.1"}, "windows/amd64", 0},
		"other version":                {[]string{"windows/amd64:10.0.1"}, "windows/amd64:10.0.2", -1},
		"single without platform":      {[]string{""}, "linux/amd64", 0},
		"several without platforms":    {[]string{"", ""}, "linux/amd64", -1},
		"attestation is not a choice":  {[]string{"unknown/unknown"}, "unknown/unknown", -1},
		"single beside an attestation": {[]string{"unknown/unknown", ""}, "linux/amd64", 1},
		"empty index":                  {nil, "linux/amd64", -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, _ := manifest.ParsePlatform(test.want)
			got, err := manifest.Select(entries(test.have...), &p)
			if test.at >= 0 {
				if err != nil || got.Size != test.at {
					t.Errorf("got entry %d, %v, want %d", got.Size, err, test.at)
				}
				return
			}
			var missing *manifest.PlatformError
			if !errors.As(err, &missing) || !errors.Is(err, errdef.ErrNotFound) || missing.Platform != test.want {
				t.Errorf("got %v, want a PlatformError for %s", err, test.want)
			}
		})
	}
}

func TestPlatformErrorListsPlatforms(t *testing.T) {
	tests := map[string]struct {
		have []string
		want string
	}{
		"platforms":                  {[]string{"linux/amd64", "linux/arm/v7", "linux/amd64"}, "it has linux/amd64, linux/arm/v7"},
		"no manifests":               {nil, "it is an empty index"},
		"attestations":               {[]string{"unknown/unknown"}, "it is an empty index"},
		"no platforms":               {[]string{"", "", ""}, "it has 3 manifests without a platform: name one by its digest"},
		"one without a platform":     {[]string{"", "linux/arm64"}, "it has linux/arm64, and a manifest without a platform"},
		"several without a platform": {[]string{"", "linux/arm64", ""}, "it has linux/arm64, and 2 manifests without a platform"},
	}
	for name, test := range tests {
		var missing *manifest.PlatformError
		_, err := manifest.Select(entries(test.have...), &ocispec.Platform{OS: "plan9", Architecture: "amd64"})
		if !errors.As(err, &missing) || missing.Has() != test.want || !strings.HasSuffix(err.Error(), " has nothing for plan9/amd64: "+test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func TestTypes(t *testing.T) {
	const artifactManifest = "application/vnd.oci.artifact.manifest.v1+json"
	tests := map[string]struct{ manifest, index bool }{
		ocispec.MediaTypeImageManifest: {true, false},
		ocispec.MediaTypeImageIndex:    {true, true},
		mediatypes.DockerManifest:      {true, false},
		mediatypes.DockerIndex:         {true, true},
		artifactManifest:               {true, false},
		ocispec.MediaTypeImageConfig:   {false, false},
		"":                             {false, false},
	}
	for mediaType, want := range tests {
		if manifest.Is(mediaType) != want.manifest || manifest.IsIndex(mediaType) != want.index {
			t.Errorf("%q: got manifest %t, index %t, want %t, %t", mediaType, manifest.Is(mediaType), manifest.IsIndex(mediaType), want.manifest, want.index)
		}
	}
	for body, want := range map[string]string{
		`{"mediaType":"x"}`: "x", `{"manifests":[]}`: ocispec.MediaTypeImageIndex, `{}`: ocispec.MediaTypeImageManifest,
	} {
		if got := manifest.TypeOf([]byte(body)); got != want {
			t.Errorf("TypeOf(%s) = %q, want %q", body, got, want)
		}
	}
	attestation := ocispec.Descriptor{Annotations: map[string]string{manifest.AnnotationReferenceType: "attestation-manifest"}}
	if !manifest.IsAttestation(attestation) || manifest.IsAttestation(ocispec.Descriptor{}) {
		t.Error("IsAttestation: want true for an attestation, and false for a manifest")
	}
}

func TestTags(t *testing.T) {
	d := digest.FromString("x")
	tag := manifest.ReferrersTag(d)
	if tag != "sha256-"+d.Encoded() || !manifest.IsReferrersTag(tag) || manifest.IsCosignTag(tag) {
		t.Errorf("got the referrers tag %q, want one that IsReferrersTag recognizes", tag)
	}
	tags := manifest.CosignTags(d)
	if !slices.Equal(tags, []string{tag + ".sig", tag + ".att", tag + ".sbom"}) {
		t.Errorf("got the cosign tags %q, want three", tags)
	}
	for _, tag := range tags {
		if !manifest.IsCosignTag(tag) || manifest.IsReferrersTag(tag) {
			t.Errorf("%q is not recognized as only a cosign tag", tag)
		}
	}
	for _, tag := range []string{"", "v1", "sha256-abc", "sha256-abc.sig", strings.ToUpper(tag), tag + ".txt", "sha256:" + d.Encoded()} {
		if manifest.IsReferrersTag(tag) || manifest.IsCosignTag(tag) {
			t.Errorf("%q is recognized as a referrers tag or cosign tag", tag)
		}
	}
}

package binary_test

import (
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/manifest"
)

// formatPlatforms returns a line for each file of each platform of a plan.
func formatPlatforms(plan *spec.Plan) []string {
	var all []string
	for _, p := range plan.Platforms {
		for _, l := range p.Layers {
			all = append(all, manifest.FormatPlatform(p.Platform)+" "+l.Title)
		}
	}
	return all
}

// TestPlatformsInNames checks the platforms that are read from the names of release files.
func TestPlatformsInNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"kubectl-linux-amd64": "linux/amd64", "tool_1.2.3_Linux_x86_64.tar.gz": "linux/amd64", "tool-v1-aarch64-unknown-linux-musl.tar.gz": "linux/arm64",
		"tool-aarch64-apple-darwin": "darwin/arm64", "tool_macOS_arm64.zip": "darwin/arm64", "tool-win-x64.exe": "windows/amd64", "tool.linux.armv7": "linux/arm/v7",
		"tool_freebsd_386": "freebsd/386", "helm-v4.0.0-linux-s390x.tar.gz": "linux/s390x",
	} {
		plan, err := kindtest.Compose(t, map[string]string{"dist/" + name: "x"}, "kind: binary\nlayers: [\"dist/*\"]\n")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := formatPlatforms(plan); !slices.Equal(got, []string{want + " " + name}) {
			t.Errorf("%s: got %q, want %s", name, got, want)
		}
	}
}

// TestLayers checks that files are packed raw, with a SHA-512 annotation, for the declared platforms.
func TestLayers(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"tool": "1", "manual.pdf": "2", "tool-linux-amd64": "3"},
		"kind: binary\nplatforms:\n- {platform: linux/arm64, layers: [tool, manual.pdf]}\n- {platform: darwin/arm64, layers: [tool-linux-amd64]}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := formatPlatforms(plan), []string{"linux/arm64 tool", "linux/arm64 manual.pdf", "darwin/arm64 tool-linux-amd64"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	sum := sha512.Sum512([]byte("2"))
	if l := plan.Platforms[0].Layers[1]; l.Packing != "raw" || l.Annotations["sha512"] != hex.EncodeToString(sum[:]) {
		t.Errorf("got layer %+v, want raw packing and the SHA-512", l)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"tool":         `the name of "tool" has no platform, such as linux-amd64`,
		"tool-linux":   `the name of "tool-linux" has no platform`,
		"tool-amd64":   `has no platform`,
		"linux-x64.gz": "linux-x64.gz and linux-amd64 are both for linux/amd64; an index holds one manifest per platform",
	} {
		files := map[string]string{name: "x"}
		if strings.Contains(name, "x64") {
			files["linux-amd64"] = "y"
		}
		if _, err := kindtest.Compose(t, files, "kind: binary\nlayers: [\"*\"]\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

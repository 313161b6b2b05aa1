package bottle_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestBottle(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "bottle")
	want := map[string]string{
		mediatypes.GitHubPackageType: "homebrew_bottle",
		ocispec.AnnotationTitle:      "greeting",
		ocispec.AnnotationVersion:    "1.2.3",
		ocispec.AnnotationRefName:    "1.2.3",
	}
	if !maps.Equal(plan.Annotations, want) {
		t.Errorf("annotations of the index: got %v, want %v", plan.Annotations, want)
	}
	if !slices.Equal(plan.Tags, []string{"1.2.3"}) || len(plan.Platforms) != 2 {
		t.Fatalf("got tags %q and %d platforms, want 1.2.3 and 2", plan.Tags, len(plan.Platforms))
	}
	arm := plan.Platforms[0]
	if p := arm.Platform; p == nil || p.OS != "darwin" || p.Architecture != "arm64" || p.OSVersion != "macOS 14" {
		t.Errorf("platform: got %v, want macOS 14 on darwin/arm64", p)
	}
	kindtest.WantLines(t, kindtest.LayerLines(arm), `bottle application/vnd.oci.image.layer.v1.tar+gzip raw greeting--1.2.3.arm64_sonoma.bottle.tar.gz`)
	f := kindtest.Finished(t, arm)
	kindtest.WantJSON(t, f.Config, `{"architecture":"arm64","os":"darwin","os.version":"macOS 14","rootfs":{"type":"layers","diff_ids":["`+
		unzippedDigest(t, kindtest.GreetingBottle("arm64")).String()+`"]}}`)
	blob := digest.FromString(strings.Repeat("greeting--1.2.3.arm64_sonoma.bottle.tar.gz", 2))
	entry := map[string]string{
		ocispec.AnnotationRefName:       "1.2.3.arm64_sonoma",
		mediatypes.BottleDigest:         blob.Encoded(),
		"sh.brew.bottle.size":           fmt.Sprint(arm.Layers[0].Size),
		"sh.brew.bottle.installed_size": "207",
		mediatypes.BottleTab: `{"arch":"arm64","changed_files":[],"compiler":"clang","homebrew_version":"4.6.0",` +
			`"runtime_dependencies":[],"source_modified_time":1767225600}`,
	}
	if !maps.Equal(f.Entry, entry) {
		t.Errorf("entry: got %v\nwant %v", f.Entry, entry)
	}
	if got := arm.Annotations[ocispec.AnnotationTitle]; got != "greeting arm64_sonoma" {
		t.Errorf("title of the manifest: got %q, want greeting arm64_sonoma", got)
	}
}

func unzippedDigest(t *testing.T, b []byte) digest.Digest {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	d, err := digest.FromReader(z)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestBottleOfAllPlatforms(t *testing.T) {
	t.Parallel()
	const file = "greeting--1.2.3.all.bottle.2.tar.gz"
	plan, err := kindtest.Compose(t, map[string]string{file: string(kindtest.GreetingBottle("arm64"))},
		"kind: bottle\nlayers: ["+file+"]\nconfig: {formula_full_name: ann/tap/greeting, license: MIT, path_exec_files: [bin/greet]}\n")
	if err != nil {
		t.Fatal(err)
	}
	inner := plan.Platforms[0]
	f := kindtest.Finished(t, inner)
	var tab map[string]any
	if err := json.Unmarshal([]byte(f.Entry[mediatypes.BottleTab]), &tab); err != nil {
		t.Fatal(err)
	}
	if inner.Platform != nil || tab["arch"] != nil || f.Entry[ocispec.AnnotationRefName] != "1.2.3.all.2" || f.Entry["sh.brew.license"] != "MIT" ||
		f.Entry["sh.brew.path_exec_files"] != "bin/greet" {
		t.Errorf("got platform %v, entry %v, want no platform, and the fields of the declaration in the entry", inner.Platform, f.Entry)
	}
	if plan.Annotations[ocispec.AnnotationRefName] != "1.2.3-2" || plan.Annotations[ocispec.AnnotationTitle] != "ann/tap/greeting" ||
		plan.Annotations[ocispec.AnnotationLicenses] != "MIT" || !slices.Equal(plan.Tags, []string{"1.2.3-2"}) {
		t.Errorf("got annotations %v, tags %q, want version 1.2.3-2, the full name, and the license", plan.Annotations, plan.Tags)
	}
}

func TestBottleRefuses(t *testing.T) {
	t.Parallel()
	const file = "greeting--1.2.3.arm64_sonoma.bottle.tar.gz"
	whole := kindtest.GreetingBottle("arm64")
	for name, tt := range map[string]struct {
		file string
		data []byte
		want string
	}{
		"unknown tag":                  {"greeting--1.2.3.arm64_windows.bottle.tar.gz", whole, `"arm64_windows" is not a Homebrew bottle tag: want all, x86_64_linux, arm64_linux, and for macOS, after arm64_ or alone, big_sur, `},
		"not gzip":                     {file, []byte("hello"), "not a bottle"},
		"truncated":                    {file, whole[:len(whole)-200], "broken bottle"},
		"no receipt":                   {file, kindtest.BottleOf("greeting/1.2.3/bin/greet", "x"), "has no greeting/1.2.3/INSTALL_RECEIPT.json"},
		"receipt of another formula":   {file, kindtest.BottleOf("other/1.2.3/INSTALL_RECEIPT.json", "{}"), `holds "other/1.2.3/INSTALL_RECEIPT.json"`},
		"invalid receipt":              {file, kindtest.BottleOf("greeting/1.2.3/INSTALL_RECEIPT.json", "[]"), "INSTALL_RECEIPT.json: json"},
		"file name of another formula": {"other--1.2.3.arm64_sonoma.bottle.tar.gz", whole, "pours only the files below other/1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, map[string]string{tt.file: string(tt.data)}, "kind: bottle\nlayers: ["+tt.file+"]\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
	_, err := kindtest.Compose(t, map[string]string{file: string(whole), "greeting--2.0.0.all.bottle.tar.gz": string(kindtest.BottleOf("greeting/2.0.0/INSTALL_RECEIPT.json", "{}"))},
		"kind: bottle\nlayers: ['*.bottle.tar.gz']\n")
	if err == nil || !strings.Contains(err.Error(), "must have the same name and version") {
		t.Errorf("two versions: got %v, want \"must have the same name and version\"", err)
	}
}

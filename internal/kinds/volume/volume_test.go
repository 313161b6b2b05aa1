package volume_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

func TestVolume(t *testing.T) {
	t.Parallel()
	plan := kindtest.Example(t, "volume")
	if l := plan.Layers[0]; l.Prefix != "volume-data/" || !l.Preserve || !l.Split || l.Title != "" || plan.Annotations[mediatypes.KindAnnotation] != "volume" {
		t.Errorf("got layer %+v, annotations %v, want a preserved, split, untitled layer below volume-data/", l, plan.Annotations)
	}
}

func TestVolumeNotSplit(t *testing.T) {
	t.Parallel()
	plan, err := kindtest.Compose(t, map[string]string{"data/a": "a"}, "kind: volume\nlayers: [{path: data/, split: false}]\n")
	if err != nil {
		t.Fatal(err)
	}
	if plan.Layers[0].Split {
		t.Error("split: got true, want false")
	}
}

// TestVolumeFromTar checks the layer made from a tar, and the errors about files and options that do not fit.
func TestVolumeFromTar(t *testing.T) {
	t.Parallel()
	header := strings.Repeat("\x00", 257) + "ustar" + strings.Repeat("\x00", 250)
	for name, content := range map[string]string{"x.tar": header, "empty.tar": strings.Repeat("\x00", 1024), "x.tgz": "\x1f\x8b", "x.tar.zst": "\x28\xb5\x2f\xfd"} {
		plan, err := kindtest.Compose(t, map[string]string{name: content}, "kind: volume\nlayers: ["+name+"]\n")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if l := plan.Layers[0]; !l.Archive || l.Dir || l.Split || !l.Image || !l.Preserve || l.Prefix != "volume-data/" || l.Packing != mediatypes.TarGzip || l.Size != -1 {
			t.Errorf("%s: got layer %+v, want a preserved archive below volume-data/, tar+gzip, not split", name, l)
		}
	}
	for want, layers := range map[string]string{
		`davit.yaml:2:10: "no.tar" has no role in kind "volume" (expected _data/; */; a tar (*.tar, *.tar.gz, *.tgz, *.tar.zst))`:                           "[no.tar]",
		`davit.yaml:2:24: "x.tar" is a tar, whose entries keep their modes and owners`:                                                                      "[{path: x.tar, preserve: false}]",
		`davit.yaml:2:24: "x.tar" is a file; only directories can be split`:                                                                                 "[{path: x.tar, split: true}]",
		`davit.yaml:2:33: kind "volume" does not pack role "data" as raw (one of tar, tar+gzip, tar+zstd; or set mediaType)`:                                "[{path: x.tar, packing: raw}]",
		`davit.yaml:2:10: "dir/.wh.a" can't be in an image: there, a name that begins with .wh. marks a deleted file (exclude it: name it in .davitignore)`: "[dir]",
	} {
		_, err := kindtest.Compose(t, map[string]string{"no.tar": "no", "x.tar": header, "dir/.wh.a": ""}, "kind: volume\nlayers: "+layers+"\n")
		kindtest.WantLines(t, fmt.Sprint(err), want)
	}
}

// TestVolumeLinks checks that symbolic links are packed, with warnings about those that a pull changes or refuses.
func TestVolumeLinks(t *testing.T) {
	t.Parallel()
	files := map[string]string{"v/abs": "->/dev/stdout", "v/d/up": "->../../x", "v/d/in": "->../abs", "v/gone": "->nowhere", "v/loop": "->loop"}
	for kind, want := range map[string]string{
		"volume": "volume: links lead out of the directory: abs -> /dev/stdout, d/up -> ../../x; pull --preserve ",
		"image":  "image: links lead out of the directory: d/up -> ../../x; pull --preserve ",
	} {
		plan, err := kindtest.Compose(t, files, "kind: "+kind+"\nlayers: [v]\n")
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if len(plan.Warnings) != 1 || !strings.HasPrefix(plan.Warnings[0], want) {
			t.Errorf("%s: got warnings %q, want one that begins with %q", kind, plan.Warnings, want)
		}
	}
}

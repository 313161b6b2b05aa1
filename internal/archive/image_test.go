package archive_test

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/write"
)

// unpackLayers unpacks the layers of an image into dst, in order.
func unpackLayers(t *testing.T, dst string, all ...[]byte) error {
	t.Helper()
	x := extract.New(openRoot(t, dst), extract.Options{Options: read.Options{Image: true}})
	for _, layer := range all {
		if err := x.Extract(t.Context(), bytes.NewReader(layer)); err != nil {
			return err
		}
	}
	return x.Close()
}

func TestImageLayers(t *testing.T) {
	t.Parallel()
	lower := tarball(item{name: "d/", mode: 0o755}, item{name: "d/a", body: "a"}, item{name: "d/b", body: "b"},
		item{name: "d/sub/c", body: "c"}, item{name: "f", body: "f"}, symlinkTo("l", "d"))
	dir, unchanged := "drwxr-xr-x", map[string]string{}
	base := map[string]string{"d": dir, "d/a": "-rw-r--r-- a", "d/b": "-rw-r--r-- b", "d/sub": dir,
		"d/sub/c": "-rw-r--r-- c", "f": "-rw-r--r-- f", "l": "-> d"}
	with := func(changes map[string]string) map[string]string {
		want := maps.Clone(base)
		for name, about := range changes {
			if want[name] = about; about == "" {
				delete(want, name)
			}
		}
		return want
	}
	tests := map[string]struct {
		upper []byte
		want  map[string]string
	}{
		"empty layer":         {tarball(), with(unchanged)},
		"file replaced":       {tarball(item{name: "d/a", body: "new"}), with(map[string]string{"d/a": "-rw-r--r-- new"})},
		"mode of a directory": {tarball(item{name: "d/", mode: 0o700}), with(map[string]string{"d": "drwx------"})},
		"whiteout":            {tarball(item{name: "d/.wh.a"}), with(map[string]string{"d/a": ""})},
		"whiteout of a directory": {
			tarball(item{name: ".wh.d"}), map[string]string{"f": base["f"], "l": base["l"]}},
		"whiteout of nothing":           {tarball(item{name: "x/.wh.y"}, item{name: ".wh.z"}), with(unchanged)},
		"whiteout of a link":            {tarball(item{name: ".wh.l"}), with(map[string]string{"l": ""})},
		"whiteout spares its own layer": {tarball(item{name: "d/n", body: "n"}, item{name: "d/.wh.n"}), with(map[string]string{"d/n": "-rw-r--r-- n"})},
		"opaque directory": {
			tarball(item{name: "d/", mode: 0o755}, item{name: "d/.wh..wh..opq"}, item{name: "d/n", body: "n"}),
			map[string]string{"d": dir, "d/n": "-rw-r--r-- n", "f": base["f"], "l": base["l"]}},
		"opaque whiteout as the last entry": {
			tarball(item{name: "d/sub/n", body: "n"}, item{name: "d/e/f/g", body: "g"}, item{name: "d/.wh..wh..opq"}),
			map[string]string{"d": dir, "d/sub": dir, "d/sub/n": "-rw-r--r-- n", "d/e": dir, "d/e/f": dir,
				"d/e/f/g": "-rw-r--r-- g", "f": base["f"], "l": base["l"]}},
		"directory replaces a file": {
			tarball(item{name: "f/", mode: 0o755}, item{name: "f/x", body: "x"}),
			with(map[string]string{"f": dir, "f/x": "-rw-r--r-- x"})},
		"file replaces a directory": {
			tarball(item{name: "d", body: "d"}),
			map[string]string{"d": "-rw-r--r-- d", "f": base["f"], "l": base["l"]}},
		"file replaces a link":      {tarball(item{name: "l", body: "l"}), with(map[string]string{"l": "-rw-r--r-- l"})},
		"absolute link":             {tarball(symlinkTo("d/sub/abs", "/d/a")), with(map[string]string{"d/sub/abs": "-> ../../d/a"})},
		"link to the root":          {tarball(symlinkTo("d/root", "/")), with(map[string]string{"d/root": "-> .."})},
		"link above the root":       {tarball(symlinkTo("d/root", "/d/../../..")), with(map[string]string{"d/root": "-> .."})},
		"aufs metadata":             {tarball(item{name: ".wh..wh.plnk/", mode: 0o700}, item{name: ".wh..wh.aufs"}), with(unchanged)},
		"names that differ in case": {tarball(item{name: "F", body: "F"}), with(map[string]string{"F": "-rw-r--r-- F"})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dst := t.TempDir()
			if err := unpackLayers(t, dst, lower, test.upper); err != nil {
				t.Fatal(err)
			}
			if got := snapshot(t, dst); !maps.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			one := rewrite(t, write.RewriteOptions{Options: read.Options{Image: true}}, lower, test.upper)
			exact := read.Options{Limits: archive.Limits{Exact: true}}
			if got := snapshot(t, unpack(t, one, extract.Options{Options: exact})); !maps.Equal(got, test.want) {
				t.Errorf("rewritten as one archive:\ngot  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestImageRefused(t *testing.T) {
	t.Parallel()
	lower := tarball(symlinkTo("l", "d"), file("d/a"), file("f"))
	tests := map[string][]byte{
		"write through a link of a lower layer":     tarball(file("l/b")),
		"whiteout through a link of a lower layer":  tarball(item{name: "l/.wh.a"}),
		"opaque through a link of a lower layer":    tarball(item{name: "l/.wh..wh..opq"}),
		"directory through a link of a lower layer": tarball(item{name: "l/x/"}),
		"file below a file of a lower layer":        tarball(file("f/x")),
		"hard link to a lower layer":                tarball(item{name: "h", link: "f", typeflag: '1'}),
		"whiteout without a name":                   tarball(item{name: ".wh."}),
		"link that leaves through another link":     tarball(item{name: "p/q/"}, symlinkTo("s", "p/q"), symlinkTo("x", "s/../../..")),
	}
	for name, upper := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := unpackLayers(t, t.TempDir(), lower, upper); !errors.Is(err, archive.ErrUnsafe) {
				t.Errorf("got %v, want a refusal", err)
			}
			opts := extract.Options{Options: read.Options{Image: true}}
			if err := rewriteAs(t, opts, lower, upper); !errors.Is(err, archive.ErrUnsafe) {
				t.Errorf("rewriting: got %v, want a refusal", err)
			}
		})
	}
}

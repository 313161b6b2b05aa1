package manifest_test

import (
	"testing"

	"github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestCleanDir(t *testing.T) {
	for prefix, want := range map[string]string{
		"":                  "",
		".":                 "",
		"./":                "",
		"/":                 "",
		"data/":             "data",
		"./x/":              "x",
		"/abs/":             "abs",
		".github/":          ".github",
		".github/workflows": ".github/workflows",
		"..data/":           "..data",
		"...":               "...",
		"a./":               "a.",
		"a/.b./":            "a/.b.",
		"a/../.b/":          ".b",
		"..":                "",
		"../../x":           "x",
	} {
		if got := manifest.CleanDir(prefix); got != want {
			t.Errorf("CleanDir(%q) = %q, want %q", prefix, got, want)
		}
	}
	for prefix, want := range map[string]string{"": ".", "./": ".", ".config/": ".config"} {
		if got := manifest.DirectoryAnnotation(prefix); got != want {
			t.Errorf("DirectoryAnnotation(%q) = %q, want %q", prefix, got, want)
		}
	}
}

// TestDirectory checks that Directory adds the dots that older versions of davit removed from the annotation.
func TestDirectory(t *testing.T) {
	tests := map[string]struct{ title, annotation, want string }{
		"dot in the annotation":                   {".github", ".github", ".github"},
		"leading dot missing":                     {".github", "github", ".github"},
		"leading dots missing":                    {"..data", "data", "..data"},
		"trailing dot missing":                    {"a.", "a", "a."},
		"dots missing at both ends":               {".a/b.", "a/b", ".a/b."},
		"leading dot missing, part":               {".github.part002.tar.zst", "github", ".github"},
		"part without dots":                       {"data.part001.tar.gz", "data", "data"},
		"leading dots missing, uncompressed part": {"..d.part1000.tar", "d", "..d"},
		"annotation unlike the title":             {".github", "volume-data", "volume-data"},
		"annotation begins like the title":        {"data", "dat", "dat"},
		"root directory":                          {".github", ".", ""},
		"title of dots":                           {"...", ".", ""},
		"no title":                                {"", "data", "data"},
		"annotation that leaves the root":         {"d", "../d", "d"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			layer := ocispec.Descriptor{Annotations: map[string]string{
				ocispec.AnnotationTitle: test.title, manifest.AnnotationDirectory: test.annotation,
			}}
			if got, ok := manifest.Directory(layer); !ok || got != test.want {
				t.Errorf("got %q, %t, want %q", got, ok, test.want)
			}
		})
	}
	layer := ocispec.Descriptor{Annotations: map[string]string{ocispec.AnnotationTitle: ".github"}}
	if dir, ok := manifest.Directory(layer); ok {
		t.Errorf("no annotation: got %q, want no directory", dir)
	}
}

func TestPartTitle(t *testing.T) {
	for want, got := range map[string]string{
		".github.part001.tar.zst": manifest.PartTitle(".github", 0, ".tar.zst"),
		"data.part1000.tar":       manifest.PartTitle("data", 999, ".tar"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

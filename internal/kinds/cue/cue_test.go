package cue_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestCue checks the layers of a CUE module, and that modules with an invalid version or module file are refused.
func TestCue(t *testing.T) {
	t.Parallel()
	if got, want := kindtest.LayerLines(kindtest.Example(t, "cue")), "module application/zip zip \ndeclaration application/vnd.cue.modulefile.v1 raw"; got != want {
		t.Errorf("layers: got\n%s\nwant\n%s", got, want)
	}
	const valid = "module: \"example.com/m@v0\"\nlanguage: {\n\tversion: \"v0.9.0\"\n}\n"
	for name, tc := range map[string]struct{ module, version, want string }{
		"valid":               {valid, "v1.0.0", ""},
		"version without v":   {valid, "1.0.0", "CUE modules have versions such as v1.2.3"},
		"no module path":      {"language: version: \"v0.9.0\"\n", "v1.0.0", "has no module path"},
		"no language version": {"module: \"example.com/m@v0\"\n", "v1.0.0", "has no language version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := kindtest.Compose(t, map[string]string{"m/cue.mod/module.cue": tc.module}, "kind: cue\nversion: "+tc.version+"\nlayers: [m/]\n")
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

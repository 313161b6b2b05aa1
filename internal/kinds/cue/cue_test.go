package cue_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestCue checks the layers of a module, and that modules that cue can't read are refused.
func TestCue(t *testing.T) {
	t.Parallel()
	if got := kindtest.LayerLines(kindtest.Example(t, "cue")); got != "module application/zip zip \ndeclaration application/vnd.cue.modulefile.v1 raw" {
		t.Errorf("layers are\n%s\nwant the module and its declaration", got)
	}
	const valid = "module: \"example.com/m@v0\"\nlanguage: {\n\tversion: \"v0.9.0\"\n}\n"
	for name, tc := range map[string]struct{ module, version, want string }{
		"valid":       {valid, "v1.0.0", ""},
		"no v":        {valid, "1.0.0", "CUE modules have versions such as v1.2.3"},
		"no module":   {"language: version: \"v0.9.0\"\n", "v1.0.0", "has no module path"},
		"no language": {"module: \"example.com/m@v0\"\n", "v1.0.0", "has no language version"},
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

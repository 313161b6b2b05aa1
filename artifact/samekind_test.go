package artifact_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
)

// TestNamedKindPacksAsDetected checks that the layers and the name stay the same if the user names the kind that is detected.
func TestNamedKindPacksAsDetected(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, piece := range pieces(t) {
		files := fstest.MapFS{}
		for name, text := range piece {
			files["dir/"+name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		}
		plan := func(kind string) (*artifact.Plan, error) {
			spec, _, err := artifact.Detect(files, []string{"dir"}, kind)
			if err != nil {
				return nil, err
			}
			return artifact.Compose(files, spec)
		}
		found, err := plan("")
		if err != nil || found.Kind.Name == "generic" {
			continue
		}
		compared++
		named, err := plan(found.Kind.Name)
		if err != nil {
			t.Errorf("%v: %v", piece, err)
			continue
		}
		if got, want := layersIn(named), layersIn(found); got != want || named.Name != found.Name {
			t.Errorf("%v: kind %s: got %q %s, want %q %s", piece, found.Kind.Name, named.Name, got, found.Name, want)
		}
	}
	if compared < 15 {
		t.Errorf("compared %d directories, want at least 15", compared)
	}
}

// layersIn lists the layers of a plan.
func layersIn(plan *artifact.Plan) (text string) {
	for _, l := range plan.Layers {
		text += fmt.Sprintf("[%s %s %s %s]", l.Role, l.Path, l.Title, l.Packing)
	}
	return text
}

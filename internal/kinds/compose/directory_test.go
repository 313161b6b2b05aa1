package compose_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/compose"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestComposeFilesOfADirectory checks that the files selected in a directory follow the rule of compose-go.
func TestComposeFilesOfADirectory(t *testing.T) {
	t.Parallel()
	const app, ports = "services: {web: {image: nginx}}\n", "services: {web: {ports: ['80:80']}}\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string // layers, or the error
		left  string // files that a note says are not taken
	}{
		{"the preferred name", map[string]string{"compose.yaml": app, "docker-compose.yml": app, "other.yaml": app},
			"compose.yaml", "docker-compose.yml other.yaml"},
		{"an override without images", map[string]string{"docker-compose.yml": app, "compose.override.yaml": ports, "prometheus.yml": "jobs: []\n"},
			"docker-compose.yml compose.override.yaml", "prometheus.yml"},
		{"env files", map[string]string{"compose.yml": app, "web.env": "A=1\n", "stage.yml": app}, "compose.yml web.env", "stage.yml"},
		{"one of another name", map[string]string{"stack.yml": app, "prometheus.yml": "jobs: []\n"}, "stack.yml", "prometheus.yml"},
		{"several of other names", map[string]string{"a.yml": app, "b.yml": app}, "several compose files (a.yml, b.yml), and the directory itself has no compose.yaml, which docker compose looks for", ""},
		{"an application per directory", map[string]string{"a/compose.yml": app, "b/compose.yml": app}, "several compose files (a/compose.yml, b/compose.yml), and the directory itself has no compose.yaml, which docker compose looks for", ""},
		{"others further down", map[string]string{"compose.yml": app, "b/compose.yml": app}, "compose.yml", "b/compose.yml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fsys := kindtest.Tree(t, tc.files).FS()
			declared, notes, err := artifact.Detect(fsys, []string{"."}, "")
			if err != nil {
				if err.Error() != tc.want || !errors.Is(err, spec.ErrInvalid) {
					t.Errorf("got %v, want %s", err, tc.want)
				}
				return
			}
			var paths, left []string
			for _, l := range declared.Layers {
				paths = append(paths, l.Path)
			}
			for _, note := range notes {
				if name, ok := strings.CutSuffix(note, " "+compose.NotTaken); ok {
					left = append(left, strings.TrimPrefix(name, "compose: "))
				}
			}
			if got := strings.Join(paths, " "); got != tc.want || strings.Join(left, " ") != tc.left {
				t.Errorf("got %s without %q, want %s without %s", got, left, tc.want, tc.left)
			}
			if _, err := artifact.Compose(fsys, declared); err != nil {
				t.Errorf("composing: %v", err)
			}
		})
	}
}

// TestNamedComposeFilesAreAllTaken checks that files named by the user are all packed, whatever their names.
func TestNamedComposeFilesAreAllTaken(t *testing.T) {
	t.Parallel()
	const app = "services: {web: {image: nginx}}\n"
	fsys := kindtest.Tree(t, map[string]string{"a.yml": app, "compose.yaml": app, "x/b.yml": app}).FS()
	names := []string{"a.yml", "compose.yaml", "x/b.yml"}
	spec, _, err := artifact.Detect(fsys, names, "")
	if err != nil || spec.Kind != "compose" || len(spec.Layers) != len(names) {
		t.Fatalf("got %+v, %v", spec, err)
	}
	for i, l := range spec.Layers {
		if l.Path != names[i] {
			t.Errorf("layer %d is %s, want %s", i, l.Path, names[i])
		}
	}
}

// TestStarterTakesTheComposeFilesOfADirectory checks that a new davit.yaml lists the compose file and its override.
func TestStarterTakesTheComposeFilesOfADirectory(t *testing.T) {
	t.Parallel()
	fsys := kindtest.Tree(t, map[string]string{"compose.yaml": "services: {web: {image: nginx}}\n", "compose.override.yaml": "services: {web: {ports: ['80:80']}}\n",
		"other.yaml": "services: {web: {image: nginx}}\n"}).FS()
	text, err := artifact.Starter(fsys, ".", "")
	if err != nil {
		t.Fatal(err)
	}
	declared, err := artifact.Parse("davit.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if want := []spec.LayerSpec{{Path: "compose.yaml"}, {Path: "compose.override.yaml"}}; !slices.EqualFunc(declared.Layers, want, func(a, b spec.LayerSpec) bool {
		return a.Path == b.Path
	}) {
		t.Errorf("got %s", fmt.Sprint(declared.Layers))
	}
}

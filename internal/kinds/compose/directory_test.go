package compose_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds/compose"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

// TestComposeFilesInDirectory checks that compose files in a directory are chosen as by compose-go.
func TestComposeFilesInDirectory(t *testing.T) {
	t.Parallel()
	const app, ports = "services: {web: {image: nginx}}\n", "services: {web: {ports: ['80:80']}}\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string // layers, or the error
		left  string // files that a note says are not taken
	}{
		{"an override that extends", map[string]string{"compose.yaml": app, "compose.override.yaml": "services: {web: {ports: ['80:80']}, dev: {extends: {file: compose.yaml, service: web}}}\n"},
			"compose.yaml compose.override.yaml", ""},
		{"an extended service of the same file", map[string]string{"compose.yaml": "services: {dev: {extends: {file: compose.yaml, service: web}}, web: {image: nginx}}\n", "compose.override.yaml": ports},
			"compose.yaml compose.override.yaml", ""},
		{"several known names", map[string]string{"compose.yaml": app, "docker-compose.yml": app, "other.yaml": app},
			"compose.yaml", "docker-compose.yml other.yaml"},
		{"an override without images", map[string]string{"docker-compose.yml": app, "compose.override.yaml": ports, "prometheus.yml": "jobs: []\n"},
			"docker-compose.yml compose.override.yaml", "prometheus.yml"},
		{"an env file and another compose file", map[string]string{"compose.yml": app, "web.env": "A=1\n", "stage.yml": app}, "compose.yml web.env", "stage.yml"},
		{"one compose file with another name", map[string]string{"stack.yml": app, "prometheus.yml": "jobs: []\n"}, "stack.yml", "prometheus.yml"},
		{"two compose files with other names", map[string]string{"a.yml": app, "b.yml": app}, "several compose files (a.yml, b.yml), and the directory itself has no compose.yaml, which docker compose looks for", ""},
		{"compose files in two subdirectories", map[string]string{"a/compose.yml": app, "b/compose.yml": app}, "several compose files (a/compose.yml, b/compose.yml), and the directory itself has no compose.yaml, which docker compose looks for", ""},
		{"another compose file in a subdirectory", map[string]string{"compose.yml": app, "b/compose.yml": app}, "compose.yml", "b/compose.yml"},
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
				t.Errorf("Compose: %v", err)
			}
		})
	}
}

// TestNamedComposeFilesAreAllPacked checks that all compose files that the user names are packed, whatever their names.
func TestNamedComposeFilesAreAllPacked(t *testing.T) {
	t.Parallel()
	const app = "services: {web: {image: nginx}}\n"
	fsys := kindtest.Tree(t, map[string]string{"a.yml": app, "compose.yaml": app, "x/b.yml": app}).FS()
	names := []string{"a.yml", "compose.yaml", "x/b.yml"}
	spec, _, err := artifact.Detect(fsys, names, "")
	if err != nil || spec.Kind != "compose" || len(spec.Layers) != len(names) {
		t.Fatalf("got %+v, %v, want kind compose with %d layers", spec, err, len(names))
	}
	for i, l := range spec.Layers {
		if l.Path != names[i] {
			t.Errorf("layer %d: got %s, want %s", i, l.Path, names[i])
		}
	}
}

// TestStarterListsComposeFiles checks that a new davit.yaml lists the compose file and its override, and no other compose file.
func TestStarterListsComposeFiles(t *testing.T) {
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
		t.Errorf("got %v, want %v", declared.Layers, want)
	}
}

package cli

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/davit-oci/davit"

// layers says which packages of the module a package may depend on, directly or not.
var layers = map[string][]string{
	"mediatypes":       {},
	"artifact/spec":    {"mediatypes"},
	"artifact":         {"artifact/spec", "mediatypes", "internal/jsonschema"},
	"internal/inflate": {},
	"internal/archive": {"internal/inflate"},
	"internal/registry": {
		"artifact", "artifact/spec", "mediatypes", "internal/jsonschema", "internal/digestcache", "internal/hashing",
	},
	"internal/digestcache":   {},
	"internal/hashing":       {},
	"internal/jsonschema":    {},
	"internal/term":          {},
	"internal/term/markdown": {"internal/term"},
	"internal/manifest":      {},
	"pack":                   {"artifact", "artifact/spec", "mediatypes", "internal/jsonschema", "internal/archive", "internal/inflate", "internal/digestcache", "internal/manifest"},
	"pull":                   {"artifact", "artifact/spec", "mediatypes", "internal/jsonschema", "internal/archive", "internal/inflate", "internal/digestcache", "internal/manifest"},
	"internal/serve": {
		"artifact", "artifact/spec", "mediatypes", "internal/jsonschema", "internal/registry", "internal/digestcache", "internal/hashing",
	},
	"internal/cli": {
		"internal/manifest",
		"artifact", "artifact/spec", "mediatypes", "internal/jsonschema", "pack", "pull",
		"internal/archive", "internal/inflate", "internal/registry", "internal/digestcache", "internal/hashing", "internal/term", "internal/term/markdown",
		"internal/serve",
	},
	"cmd/davit": {
		"internal/manifest",
		"artifact", "artifact/spec", "mediatypes", "internal/jsonschema", "pack", "pull",
		"internal/archive", "internal/inflate", "internal/registry", "internal/digestcache", "internal/hashing", "internal/term", "internal/term/markdown",
		"internal/serve", "internal/cli",
	},
}

// foreign says who may import what is not ours.
var foreign = map[string][]string{
	"github.com/spf13/":     {"internal/cli"},
	"gopkg.in/yaml.v3":      {"artifact"},
	"oras.land/oras-go/":    {"pack", "pull", "internal/registry", "internal/serve", "internal/cli"},
	"github.com/klauspost/": {"internal/archive"},
	"github.com/yuin/":      {"internal/term/markdown"},
	"net/http": {
		"internal/registry", "internal/serve", "internal/cli",
	},
}

// listedPackage is what "go list -json" says of a package.
type listedPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// TestImports holds the layering: who may know whom.
func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, shipped := layers[name]
		if !shipped {
			continue // for tests and builds only: TestShipped sees that they stay out
		}
		for _, dep := range p.Deps {
			if own, ok := strings.CutPrefix(dep, module+"/"); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s depends on %s", name, own)
			}
		}
		for _, imported := range p.Imports {
			for prefix, may := range foreign {
				if strings.HasPrefix(imported, prefix) && !slices.Contains(may, name) {
					t.Errorf("%s imports %s", name, imported)
				}
			}
		}
	}
}

// TestShipped sees that the program contains no package that the table does not name.
func TestShipped(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		if p.ImportPath != module+"/cmd/davit" {
			continue
		}
		for _, dep := range p.Deps {
			if own, ok := strings.CutPrefix(dep, module+"/"); ok && layers[own] == nil {
				t.Errorf("davit contains %s", own)
			}
		}
		if slices.Contains(p.Deps, "testing") {
			t.Error("davit contains package testing")
		}
	}
}

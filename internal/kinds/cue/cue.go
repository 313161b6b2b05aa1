// Package cue implements the kind for CUE modules.
package cue

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// file is the path of the declaration of a module in its directory.
const file = "cue.mod/module.cue"

// Kind returns the kind of CUE modules: a zip of the directory, and the declaration of the module.
func Kind() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:    "cue",
			Summary: "a CUE module: a directory with a " + file,
			Config:  mediatypes.Config{MediaType: "application/vnd.cue.module.v1+json", Derive: "cue", Schema: kind.NoFields()},
			Layers: []mediatypes.LayerType{
				{Role: "module", MediaType: "application/zip", Match: []string{"*/"}, Content: "cue-module", Packing: mediatypes.Zip,
					Exclude: []string{"**/.*", "cue.mod/pkg", "cue.mod/gen", "cue.mod/usr"}, Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1, Tells: true},
				{Role: "declaration", MediaType: "application/vnd.cue.modulefile.v1", Match: []string{"module.cue"}, Form: mediatypes.Form{Untitled: true}},
			},
			Order:   mediatypes.ByRole,
			Clients: []string{"cue"},
			Example: `kind: cue
version: v0.1.0
layers: [greeting/]
`,
		},
		Derive: derive,
		Tests:  map[string]roles.Test{"cue-module": {Expects: "a directory with a " + file, Find: isModule}},
		Pull:   kind.Pull{NameAll: func([]ocispec.Descriptor) map[int]string { return map[int]string{0: "module.zip", 1: "module.cue"} }},
	}
}

// isModule recognizes the directory of a module.
func isModule(s *tree.Sample) (string, bool) {
	inner, ok := s.Entry(file)
	return "has a " + file, ok && !inner.IsDir()
}

// modulePath matches the path of a module, and language the language version, which cue requires.
var (
	modulePath = lazy.Regexp(`(?m)^module:\s*"([^"@]+)(?:@v\d+)?"`)
	language   = lazy.Regexp(`(?m)^(?:language:\s*version:|\s+version:)\s*"v`)
)

// derive adds the declaration of the module as a separate layer.
func derive(d *compose.Draft) (configblob.Finish, error) {
	modules := d.WithRole("module")
	if len(modules) != 1 {
		return nil, nil // reported elsewhere
	}
	l := modules[0]
	name := path.Join(l.Path, file)
	data, err := tree.ReadFile(d.FS, name, tree.MaxSmallFile)
	if err != nil {
		return nil, &spec.Error{Item: l.Path, Err: fmt.Errorf("its %s: %s", file, tree.Cause(err))}
	}
	m := modulePath().FindStringSubmatch(string(data))
	switch {
	case m == nil:
		return nil, &spec.Error{Item: l.Path, Err: fmt.Errorf("its %s has no module path", file)}
	case !language().Match(data):
		return nil, &spec.Error{Item: l.Path, Err: fmt.Errorf("its %s has no language version, which cue requires", file)}
	case d.Spec.Version != "" && (!strings.HasPrefix(d.Spec.Version, "v") || !spec.IsSemver(d.Spec.Version[1:])):
		return nil, &spec.Error{Item: l.Path, Err: errors.New("CUE modules have versions such as v1.2.3, which are their tags"), Hint: "--version v0.1.0"}
	}
	d.Notes = append(d.Notes, fmt.Sprintf("cue: cue finds the module in the repository %s of its registry", m[1]))
	d.AddFile(l, name, "declaration")
	return configblob.Constant(struct{}{})
}

// Package kinds lists the built-in kinds. A new kind is a package below this one and a line in constructors.
package kinds

import (
	"maps"
	"slices"
	"strings"
	"sync"

	engine "github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/agent"
	"github.com/davit-oci/davit/internal/kinds/artifacthub"
	"github.com/davit-oci/davit/internal/kinds/attestation"
	"github.com/davit-oci/davit/internal/kinds/binary"
	"github.com/davit-oci/davit/internal/kinds/bottle"
	"github.com/davit-oci/davit/internal/kinds/collection"
	"github.com/davit-oci/davit/internal/kinds/compose"
	"github.com/davit-oci/davit/internal/kinds/conftest"
	"github.com/davit-oci/davit/internal/kinds/cue"
	"github.com/davit-oci/davit/internal/kinds/docs"
	"github.com/davit-oci/davit/internal/kinds/falco"
	"github.com/davit-oci/davit/internal/kinds/feature"
	"github.com/davit-oci/davit/internal/kinds/flux"
	"github.com/davit-oci/davit/internal/kinds/generic"
	"github.com/davit-oci/davit/internal/kinds/helm"
	"github.com/davit-oci/davit/internal/kinds/helmplugin"
	"github.com/davit-oci/davit/internal/kinds/image"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/kinds/manifests"
	"github.com/davit-oci/davit/internal/kinds/model"
	"github.com/davit-oci/davit/internal/kinds/modelcar"
	"github.com/davit-oci/davit/internal/kinds/modelkit"
	"github.com/davit-oci/davit/internal/kinds/modelpack"
	"github.com/davit-oci/davit/internal/kinds/ollama"
	"github.com/davit-oci/davit/internal/kinds/opa"
	"github.com/davit-oci/davit/internal/kinds/opentofu"
	"github.com/davit-oci/davit/internal/kinds/report"
	"github.com/davit-oci/davit/internal/kinds/runbook"
	"github.com/davit-oci/davit/internal/kinds/sbom"
	"github.com/davit-oci/davit/internal/kinds/sif"
	"github.com/davit-oci/davit/internal/kinds/signature"
	"github.com/davit-oci/davit/internal/kinds/skill"
	"github.com/davit-oci/davit/internal/kinds/tekton"
	"github.com/davit-oci/davit/internal/kinds/template"
	"github.com/davit-oci/davit/internal/kinds/vex"
	"github.com/davit-oci/davit/internal/kinds/volume"
	"github.com/davit-oci/davit/internal/kinds/wasm"
	"github.com/davit-oci/davit/mediatypes"
)

// constructors make the kinds, sorted by name.
var constructors = []func() kind.Kind{
	agent.Kind,
	artifacthub.Kind,
	attestation.Kind,
	binary.Kind,
	bottle.Kind,
	collection.Kind,
	compose.Kind,
	conftest.Kind,
	cue.Kind,
	docs.Kind,
	falco.Asset,
	falco.Plugin,
	falco.Rules,
	feature.Kind,
	flux.Kind,
	generic.Kind,
	helm.Kind,
	helmplugin.Kind,
	image.Kind,
	manifests.Kind,
	model.Kind,
	modelcar.Kind,
	modelkit.Kind,
	modelpack.Kind,
	ollama.Kind,
	opa.Kind,
	opentofu.Module,
	opentofu.Provider,
	report.Kind,
	runbook.Kind,
	sbom.Kind,
	sif.Kind,
	signature.Kind,
	skill.Kind,
	skill.Collection,
	tekton.Kind,
	template.Kind,
	vex.Kind,
	volume.Kind,
	wasm.Kind,
}

// list makes the kinds on first use: a command that needs none must not wait for them.
var list = sync.OnceValue(func() []kind.Kind {
	var kinds []kind.Kind
	for _, construct := range constructors {
		kinds = append(kinds, construct())
	}
	return kinds
})

// All returns the built-in kinds, sorted by name. The slice belongs to the caller; the maps inside are shared and must not
// be changed.
func All() []kind.Kind { return slices.Clone(list()) }

// Data returns the data of the built-in kinds, sorted by name.
func Data() []mediatypes.Kind {
	data := make([]mediatypes.Kind, len(list()))
	for i, k := range list() {
		data[i] = k.Kind
	}
	return data
}

// Lookup returns a built-in kind by its name.
func Lookup(name string) (kind.Kind, bool) {
	for _, k := range list() {
		if k.Name == name {
			return k, true
		}
	}
	return kind.Kind{}, false
}

// Of returns the built-in kind with the name of k. If k is not built in, the result has only its data.
func Of(k mediatypes.Kind) kind.Kind {
	if built, ok := Lookup(k.Name); ok {
		return built
	}
	return kind.Kind{Kind: k}
}

// Recognize returns the built-in kind of a manifest, or generic and false if the manifest matches no kind.
func Recognize(t mediatypes.Traits) (mediatypes.Kind, bool) { return mediatypes.Recognize(known(), t) }

var known = sync.OnceValue(func() []mediatypes.Known {
	var all []mediatypes.Known
	for _, k := range list() {
		all = append(all, mediatypes.Known{Kind: k.Kind, Matches: k.Matches})
	}
	return all
})

// KindOfPredicate returns the name of the kind of documents with an in-toto predicate type, such as sbom. It returns "" for
// other types, such as that of provenance.
func KindOfPredicate(predicate string) string {
	for _, k := range list() {
		if slices.ContainsFunc(k.Predicates, func(p string) bool { return strings.HasPrefix(predicate, p) }) {
			return k.Name
		}
	}
	return ""
}

// Names returns the names of files that explain an artifact of any kind.
func Names() []kind.Naming {
	var all []kind.Naming
	for _, k := range list() {
		all = append(all, k.Names...)
	}
	return all
}

// Exports returns the kinds with an export command, by the scheme of the command.
func Exports() map[string]kind.Kind {
	exports := map[string]kind.Kind{}
	for _, k := range list() {
		if k.Export != nil {
			exports[k.Export.Scheme] = k
		}
	}
	return exports
}

// Alerting returns the name of the kind whose artifacts name the alerts that they answer.
func Alerting() string {
	for _, k := range list() {
		if k.Pull.Alerts != nil {
			return k.Name
		}
	}
	return ""
}

// IsSignature reports whether the artifacts of a kind are signatures: attached, and never packed from files.
func IsSignature(name string) bool {
	for _, k := range list() {
		if k.Name == name {
			return k.ReadOnly && k.Attached
		}
	}
	return false
}

// Table returns the parts of the built-in kinds that package internal/compose needs.
func Table() *engine.Table {
	t := &engine.Table{
		Table: roles.Table{Kinds: Data(), Tests: map[string]roles.Test{}}, Derive: map[string]engine.DeriveFunc{}, Select: map[string]engine.SelectFunc{},
		Outline: map[string]engine.OutlineFunc{},
	}
	for _, k := range list() {
		if k.Derive != nil {
			t.Derive[k.Config.Derive] = k.Derive
		}
		if k.Select != nil {
			t.Select[k.Config.Derive] = k.Select
		}
		if k.Outline != nil {
			t.Outline[k.Name] = k.Outline
		}
		maps.Copy(t.Tests, k.Tests)
	}
	return t
}

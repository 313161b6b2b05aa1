// Package falco implements the kinds for rules, plugins, and assets of Falco.
package falco

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// Rules returns the kind of files of rules. A YAML file may be anything else, so the kind must be named, as must the kinds of
// plugins and assets.
func Rules() kind.Kind {
	return newKind("rulesfile", mediatypes.Kind{
		Name: "falco-rules", Summary: "a file of rules for Falco", Example: "version: 1.0.0\nlayers: [greeting_rules.yaml]\n",
	}, "*.yaml", "*.yml")
}

// Plugin returns the kind of plugins, for one platform or several.
func Plugin() kind.Kind {
	return newKind("plugin", mediatypes.Kind{
		Name: "falco-plugin", Summary: "a Falco plugin: its library, for one platform or several",
		Example: "version: 1.0.0\nplatforms:\n  - {platform: linux/amd64, layers: [libgreeting.so]}\n",
	}, "*.so", "*.dll", "*.dylib")
}

// Asset returns the kind of other files that Falco needs.
func Asset() kind.Kind {
	return newKind("asset", mediatypes.Kind{
		Name: "falco-asset", Summary: "a file that Falco or its plugins need", Example: "version: 1.0.0\nlayers: [greetings.txt]\n",
	}, "*")
}

// newKind returns one of the kinds, with the fields that they share. They differ only in their data, a word in their media types, and the
// names of their files.
func newKind(word string, k mediatypes.Kind, match ...string) kind.Kind {
	named := kind.ObjectField(map[string]any{"name": kind.StringField("of the artifact"), "version": kind.StringField("a semantic version")})
	list := func(description string) map[string]any {
		return map[string]any{"type": "array", "description": description, "items": named}
	}
	k.Config = mediatypes.Config{MediaType: "application/vnd.cncf.falco." + word + ".config.v1+json", Derive: "falco", Schema: kind.ObjectField(map[string]any{
		"name":         kind.StringField("name by which other artifacts depend on it; that of the artifact, or of the file, if left out"),
		"version":      kind.StringField("version; that of the artifact if left out"),
		"dependencies": list("other artifacts that are installed with it"),
		"requirements": list("versions that Falco must have: engine_version_semver, plugin_api_version"),
	})}
	k.Layers = []mediatypes.LayerType{{
		Role: word, MediaType: "application/vnd.cncf.falco." + word + ".layer.v1+tar.gz", Match: match, Packing: mediatypes.TarGzip,
		Form: mediatypes.Form{Untitled: true}, Min: 1, Max: 1,
	}}
	k.Clients = []string{"falcoctl"}
	k.Example = "kind: " + k.Name + "\n" + k.Example
	return kind.Kind{Kind: k, Derive: derive}
}

// engineVersion matches the version of the engine that rules require.
var engineVersion = lazy.Regexp(`(?m)^-\s+required_engine_version:\s*["']?([0-9.]+)["']?\s*$`)

// derive makes the config, from which falcoctl reads the name and the version, and the tags from which it installs updates.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if len(d.Layers) != 1 {
		return nil, nil // reported elsewhere
	}
	l := d.Layers[0]
	base := path.Base(l.Source())
	stem := strings.TrimSuffix(base, path.Ext(base))
	l.Title = stem + ".tar.gz"
	config := map[string]any{"name": stem}
	if d.Spec.Name != "" {
		config["name"] = d.Spec.Name
	}
	if v := d.Spec.Version; v != "" {
		config["version"] = v
		if spec.IsSemver(v) {
			d.Cascade, d.Tags = v, spec.VersionTags(v)
		}
	}
	if l.Role == "rulesfile" {
		data, err := tree.ReadFile(d.FS, l.Source(), tree.MaxSmallFile)
		if err != nil {
			return nil, &spec.Error{Item: l.Source(), Err: err}
		}
		if m := engineVersion().FindSubmatch(data); m != nil && strings.Contains(string(m[1]), ".") {
			config["requirements"] = []any{map[string]any{"name": "engine_version_semver", "version": string(m[1])}}
		}
	}
	return configblob.Constant(d.Overlay(config))
}

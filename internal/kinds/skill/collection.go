package skill

import (
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const collection = "application/vnd.agentskills.collection.v1"

// Collection returns the kind of collections: an index of skills, each with the manifest that it has when pushed by itself.
func Collection() kind.Kind {
	return kind.Kind{
		Kind: mediatypes.Kind{
			Name:        "skills",
			Summary:     "a collection of skills for coding agents, under one name",
			Identity:    mediatypes.Identity{ArtifactType: collection},
			Shape:       mediatypes.Collection,
			Annotations: map[string]string{"io.agentskills.collection.name": "{name}"},
			Config: mediatypes.Config{
				MediaType: configType, Derive: "skills",
				Schema: kind.ObjectField(map[string]any{
					"ref": map[string]any{
						"type": "string", "pattern": `^\S+/\S*\{name\}\S*$`,
						"description": "reference of each skill, such as registry.example.com/skills/{name}:{version}",
					},
				}),
			},
			Layers:  []mediatypes.LayerType{directory(false)},
			Clients: []string{"skills-oci", "arconia"},
			Example: `kind: skills
name: manners
version: 1.0.0
layers: ["*/"]
`,
		},
		Derive: deriveMember,
		Tests:  map[string]roles.Test{"skill": {Expects: "a directory with a SKILL.md", Find: isSkill}},
	}
}

// deriveMember sets the config of a skill and the annotations of its entry in the index, which clients list.
func deriveMember(d *compose.Draft) (configblob.Finish, error) {
	if len(d.Layers) == 0 {
		return nil, nil // reported elsewhere
	}
	d.ArtifactType = artifact
	l := d.Layers[0]
	front, err := read(d, l)
	if err != nil {
		return nil, &spec.Error{Item: l.Source(), Err: err}
	}
	config := pick(schema(), front)
	for key, value := range data().Config.Defaults {
		config[key] = value
	}
	finish, err := configure(d, config)
	if err != nil {
		return nil, err
	}
	entry := map[string]string{}
	for _, key := range []string{ocispec.AnnotationTitle, ocispec.AnnotationVersion, ocispec.AnnotationDescription, annotationName} {
		if value := d.Annotations[key]; value != "" {
			entry[key] = value
		}
	}
	if ref, _ := d.Spec.Config["ref"].(string); ref != "" {
		version := d.Annotations[ocispec.AnnotationVersion]
		if strings.Contains(ref, "{version}") && version == "" {
			d.Refuse(l, "version: in the front matter of SKILL.md", "%s has no version, and ref contains {version}", l.Source())
		}
		ref = strings.NewReplacer("{name}", entry[annotationName], "{version}", strings.ReplaceAll(version, "+", "_")).Replace(ref)
		entry[ocispec.AnnotationRefName], entry["io.agentskills.skill.ref"] = ref, ref // some clients read one annotation, some the other
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		finished, err := finish(layers)
		finished.Entry = entry
		return finished, err
	}, nil
}

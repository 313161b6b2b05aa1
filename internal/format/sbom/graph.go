package sbom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/format/outline"
)

// maxGraphNames limits the names that are held while an SPDX 3 document is read, in bytes. They are held because the license of a
// package can be anywhere in the document.
const maxGraphNames = 64 << 20

// spdxGraph collects the elements of an SPDX 3 document. Packages, licenses, and relationships are in one list, in any order
// (SPDX 3.0.1, Core and SimpleLicensing).
type spdxGraph struct {
	packages []graphPackage
	licenses map[string]string              // names by identifier
	chosen   map[string]map[string][]string // licenses by relationship and package
	held     int                            // bytes of names
}

// graphPackage is a package of an SPDX 3 document.
type graphPackage struct{ id, name, version string }

// licenseRelationships lead from a package to its licenses. The first one takes precedence.
var licenseRelationships = []string{"hasConcludedLicense", "hasDeclaredLicense"}

func newSPDXGraph() *spdxGraph {
	g := &spdxGraph{licenses: map[string]string{}, chosen: map[string]map[string][]string{}}
	for _, relationship := range licenseRelationships {
		g.chosen[relationship] = map[string][]string{}
	}
	return g
}

// spdxElement is an element of an SPDX 3 document. Fields of an unexpected type are empty.
type spdxElement struct {
	Type         texts `json:"type"`
	OldType      texts `json:"@type"`
	ID           texts `json:"spdxId"`
	OldID        texts `json:"@id"`
	Name         texts `json:"name"`
	Version      texts `json:"software_packageVersion"`
	Relationship texts `json:"relationshipType"`
	Created      texts `json:"created"`
	From         texts `json:"from"`
	To           texts `json:"to"`
	Expression   texts `json:"simplelicensing_licenseExpression"`
}

// texts holds a JSON string or a list of strings.
type texts []string

// UnmarshalJSON keeps the non-empty strings of a value of any type.
func (t *texts) UnmarshalJSON(data []byte) error {
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return err
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, v := range list {
		if s, ok := v.(string); ok && s != "" {
			*t = append(*t, s)
		}
	}
	return nil
}

// first returns the first string, or "" without strings.
func (t texts) first() string {
	if len(t) == 0 {
		return ""
	}
	return t[0]
}

// readElement reads an element of an SPDX 3 document.
func (s *reader) readElement(d *json.Decoder) error {
	var e spdxElement
	if err := ignoreTypeError(d.Decode(&e)); err != nil {
		return err
	}
	g := s.graph
	id := cmp.Or(e.ID.first(), e.OldID.first())
	switch kind := cmp.Or(e.Type.first(), e.OldType.first()); {
	case kind == "CreationInfo" && s.sbom.Created.IsZero():
		s.sbom.Created = outline.Time(e.Created.first())
	case kind == "SpdxDocument":
		s.sbom.Name = e.Name.first()
	case strings.HasSuffix(kind, "Package"): // software_Package, ai_AIPackage, dataset_DatasetPackage
		version := outline.Clip(e.Version.first())
		g.packages = append(g.packages, graphPackage{id, outline.Clip(e.Name.first()), version})
		return g.hold(id, e.Name.first(), version)
	case strings.HasPrefix(strings.ToLower(kind), "simplelicensing_"), strings.HasPrefix(strings.ToLower(kind), "expandedlicensing_"):
		g.licenses[id] = cmp.Or(e.Expression.first(), e.Name.first())
		return g.hold(id, g.licenses[id])
	}
	if licenses, ok := g.chosen[e.Relationship.first()]; ok && len(e.To) > 0 {
		licenses[e.From.first()] = e.To
		return g.hold(append(e.To, e.From.first())...)
	}
	return nil
}

// hold adds the sizes of names to held. It fails if held exceeds maxGraphNames.
func (g *spdxGraph) hold(names ...string) error {
	for _, name := range names {
		g.held += len(name) + 16 // for the string header
	}
	if g.held > maxGraphNames {
		return fmt.Errorf("names too long: limit is %d MiB", maxGraphNames>>20)
	}
	return nil
}

// addPackages adds the packages to s as components. All elements must have been read.
func (g *spdxGraph) addPackages(s *reader) {
	for _, p := range g.packages {
		var licenses []string
		for _, relationship := range licenseRelationships {
			var names []string
			for _, license := range g.chosen[relationship][p.id] {
				if name := g.licenseName(license); name != "" {
					names = append(names, name)
				}
			}
			licenses = append(licenses, strings.Join(names, " AND "))
		}
		s.addComponent(Component{Name: p.name, Version: p.version}, licenses...)
	}
}

// licenseName returns the name in the element of a license, or else the end of its identifier, such as MIT in
// https://spdx.org/licenses/MIT. It returns "" for NoAssertion and None.
func (g *spdxGraph) licenseName(id string) string {
	name := g.licenses[id]
	if name == "" {
		name = id[strings.LastIndexAny(id, "/#")+1:]
	}
	for _, nothing := range []string{"NoAssertion", "NoAssertionLicense", "NoneLicense"} {
		if name == nothing || name == "expandedlicensing_"+nothing {
			return ""
		}
	}
	return name
}

// readContext reads the version of SPDX 3 from the JSON-LD context: https://spdx.org/rdf/3.0.1/spdx-context.jsonld.
func (s *reader) readContext(d *json.Decoder) error {
	var contexts texts
	if err := ignoreTypeError(d.Decode(&contexts)); err != nil {
		return err
	}
	for _, context := range contexts {
		if version, ok := strings.CutPrefix(context, "https://spdx.org/rdf/3."); ok {
			version, _, _ = strings.Cut(version, "/")
			s.sbom.Format = "SPDX-3." + version
		}
	}
	return nil
}

// readSyftPackage reads a package in Syft's own format. Older versions list licenses as strings.
func (s *reader) readSyftPackage(d *json.Decoder) error {
	var p struct {
		Name, Version string
		Licenses      []json.RawMessage
	}
	err := ignoreTypeError(d.Decode(&p))
	var names []string
	for _, raw := range p.Licenses {
		var license struct{ Value, SPDXExpression string }
		var name string
		if json.Unmarshal(raw, &name) != nil && json.Unmarshal(raw, &license) == nil {
			name = cmp.Or(license.SPDXExpression, license.Value)
		}
		if name != "" {
			names = append(names, name)
		}
	}
	s.addComponent(Component{Name: p.Name, Version: p.Version}, strings.Join(names, " AND "))
	return err
}

// readSyftSource reads the name of the described software from a Syft document.
func (s *reader) readSyftSource(d *json.Decoder) error {
	var source struct {
		Name, Version string
		Metadata      struct{ UserInput string }
	}
	err := ignoreTypeError(d.Decode(&source))
	name := source.Name
	if source.Version != "" && !strings.HasPrefix(source.Version, "sha256:") {
		name += " " + source.Version
	}
	s.sbom.Name = cmp.Or(source.Metadata.UserInput, strings.TrimSpace(name))
	return err
}

// readSyftSchema reads the version of the schema, whose URL identifies a Syft document.
func (s *reader) readSyftSchema(d *json.Decoder) error {
	var schema struct{ Version, URL string }
	err := ignoreTypeError(d.Decode(&schema))
	if strings.Contains(schema.URL, "/anchore/syft/") {
		s.sbom.Format = "Syft " + schema.Version
	}
	return err
}

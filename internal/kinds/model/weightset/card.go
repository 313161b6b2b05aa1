package weightset

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Card holds fields of the front matter of a model card, which Hugging Face defines.
type Card struct {
	Licenses  []string // SPDX identifiers; LicenseRef-… for a license that SPDX does not list
	Base      []string
	Languages []string // two-letter codes
	Tags      []string
}

// maxCard limits how many bytes of a model card are read.
const maxCard = 1 << 20

// TakeCard reads the model card, which is the topmost README.md, and annotates the manifest with its license, base models, and
// tags. It keeps annotations that are already set.
func TakeCard(d *compose.Draft) Card {
	var card Card
	name := ""
	for _, l := range d.Layers {
		if p := l.Source(); !l.Dir && strings.EqualFold(path.Base(p), "README.md") && (name == "" || strings.Count(p, "/") < strings.Count(name, "/")) {
			name = p
		}
	}
	if name == "" {
		return card
	}
	data, err := tree.ReadStart(d.FS, name, maxCard)
	if err != nil {
		return card // reported when it is packed
	}
	fields, _ := frontmatter.Read(data)
	values := map[string]string{}
	for _, f := range fields {
		values[f.Name] = f.Value
	}
	for _, license := range splitItems(values["license"]) {
		if id := spdxID(license, values["license_name"]); id != "" && !slices.Contains(card.Licenses, id) {
			card.Licenses = append(card.Licenses, id)
		}
	}
	card.Base, card.Tags = splitItems(values["base_model"]), splitItems(values["tags"])
	for _, code := range splitItems(values["language"]) {
		if len(code) == 2 {
			card.Languages = append(card.Languages, strings.ToLower(code))
		}
	}
	for key, value := range map[string]string{
		ocispec.AnnotationLicenses: card.License(), mediatypes.ModelBase: strings.Join(card.Base, ","), mediatypes.ModelTags: strings.Join(card.Tags, ","),
	} {
		if value != "" && d.Annotations[key] == "" {
			d.Annotations[key] = value
		}
	}
	return card
}

// License returns the license, or "" if there are several, because a card does not say whether all or any of them apply.
func (c Card) License() string {
	if len(c.Licenses) != 1 {
		return ""
	}
	return c.Licenses[0]
}

// splitItems splits a comma-separated list of front matter. It removes duplicates and returns at most 100 items.
func splitItems(list string) []string {
	const most = 100
	var found []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" && len(found) < most && !slices.Contains(found, item) {
			found = append(found, item)
		}
	}
	return found
}

// spdxNames are the SPDX identifiers of licenses, by the identifier of the Hugging Face Hub.
var spdxNames = map[string]string{"mit": "MIT", "apache-2.0": "Apache-2.0", "artistic-2.0": "Artistic-2.0", "unlicense": "Unlicense", "zlib": "Zlib",
	"bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause", "bsd-3-clause-clear": "BSD-3-Clause-Clear", "isc": "ISC",
	"gpl-2.0": "GPL-2.0-only", "gpl-3.0": "GPL-3.0-only", "agpl-3.0": "AGPL-3.0-only", "lgpl-2.1": "LGPL-2.1-only", "lgpl-3.0": "LGPL-3.0-only"}

// upperPrefixes are prefixes of the Hub's identifiers that SPDX writes in upper case.
var upperPrefixes = []string{"cc0-", "cc-by-", "mpl-", "epl-", "ecl-", "afl-", "osl-", "eupl-", "ms-pl", "wtfpl", "odbl-", "pddl"}

// spdxID returns the SPDX identifier for a license of the Hub, or "" for text that can't be an identifier. name is the card's
// license_name, for a license that the Hub does not list.
func spdxID(license, name string) string {
	lower := strings.ToLower(strings.TrimSpace(license))
	if lower == "other" || lower == "" {
		lower = strings.TrimSpace(name)
	}
	switch {
	case lower == "" || strings.ContainsAny(lower, "{}[]:\"") || strings.ContainsFunc(lower, unicode.IsControl):
		return ""
	case spdxNames[lower] != "":
		return spdxNames[lower]
	case slices.ContainsFunc(upperPrefixes, func(prefix string) bool { return strings.HasPrefix(lower, prefix) }):
		return strings.ToUpper(lower)
	}
	return "LicenseRef-" + strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, lower)
}

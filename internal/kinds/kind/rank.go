package kind

import (
	"path"
	"strings"
)

// Rank orders the files of an artifact by how well they explain it, lowest first. A file of rank 0 is not for reading.
type Rank int

// The ranks of files.
const (
	RankSource Rank = 100 * (iota + 1) // the artifact was declared in it
	RankText
	RankLicense
	RankMarkdown
	RankGuide // says what to do
	RankCard  // describes the artifact
	RankIndex
	RankReadme
	RankItself // the artifact is this document
)

// Reading determines how the files of a role are shown. With the zero value, their names decide.
type Reading int

// The readings of roles.
const (
	ByName  Reading = iota
	Itself          // the artifact is this document: it comes before all others
	Bill            // like Itself; the document may be a software bill of materials, or an envelope with one
	Card            // describes the artifact, if it is Markdown
	License         // a license, whatever its name
	Source          // the artifact was declared in it
	Hidden          // not shown unless named
	Machine         // not text, and large
)

// Text is a set of types of text.
type Text int

// The types of text.
const (
	Markdown Text = 1 << iota
	Document      // .txt, .rst, .adoc
	YAML          // .yaml
	Bare          // a name without an extension
	Plain         // media type text/plain
	AnyText  = Markdown | Document | Bare
)

// Naming is a rank for files in artifacts of any kind.
type Naming struct {
	Rank  Rank
	Stems []string // patterns of path.Match for names without extension, in lower case; empty for any name
	Types Text
}

// Fits reports whether a file with this name, in lower case, and one of these types has the rank.
func (n Naming) Fits(base string, types Text) bool {
	stem := strings.TrimSuffix(base, path.Ext(base))
	for _, pattern := range n.Stems {
		if ok, _ := path.Match(pattern, stem); ok {
			return types&n.Types != 0
		}
	}
	return len(n.Stems) == 0 && types&n.Types != 0
}

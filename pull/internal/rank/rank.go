// Package rank ranks the files of an artifact by how well they explain it.
package rank

import (
	"cmp"
	"path"
	"strings"
	"sync"

	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/lists"
)

// PerDirectory is the amount by which each parent directory lowers the rank of a file.
const PerDirectory = 100

// Of returns the rank of a file of an artifact, or 0 if it is not for reading. Role and media type may be empty.
func Of(pull kind.Pull, name, role, mediaType string) kind.Rank {
	reading := pull.Readings[role]
	switch reading {
	case kind.Itself, kind.Bill:
		return kind.RankItself
	case kind.Hidden:
		return 0
	}
	depth := strings.Count(name, "/")
	if rank := rankByName(name, mediaType, reading); rank > 0 && depth <= 3 {
		return max(1, rank-kind.Rank(depth)*PerDirectory)
	}
	return 0
}

// readmes and licenses take precedence over all other names: a license in Markdown is a license.
var (
	readmes  = kind.Naming{Rank: kind.RankReadme, Stems: []string{"readme"}, Types: kind.AnyText}
	licenses = kind.Naming{
		Rank: kind.RankLicense, Stems: []string{"license*", "licence*", "copying*", "notice*"}, Types: kind.AnyText,
	}
)

// namings are the other names, including those of the kinds, by rank.
var namings = sync.OnceValue(func() []kind.Naming {
	all := append(kinds.Names(),
		kind.Naming{Rank: kind.RankIndex, Stems: []string{"index"}, Types: kind.Markdown},
		kind.Naming{Rank: kind.RankMarkdown, Types: kind.Markdown},
		kind.Naming{Rank: kind.RankText, Types: kind.Document | kind.Plain})
	lists.Sort(all, func(a, b kind.Naming) int { return cmp.Compare(b.Rank, a.Rank) })
	return all
})

func rankByName(name, mediaType string, reading kind.Reading) kind.Rank {
	base, types := strings.ToLower(path.Base(name)), typesOf(name, mediaType)
	switch {
	case readmes.Fits(base, types):
		return readmes.Rank
	case reading == kind.License, licenses.Fits(base, types):
		return licenses.Rank
	}
	var rank kind.Rank
	switch {
	case reading == kind.Card && types&kind.Markdown != 0:
		rank = kind.RankCard
	case reading == kind.Source:
		rank = kind.RankSource
	}
	for _, n := range namings() {
		if n.Fits(base, types) {
			return max(n.Rank, rank)
		}
	}
	return rank
}

// typesOf returns the text types of a file by its name or media type.
func typesOf(name, mediaType string) kind.Text {
	var types kind.Text
	if IsMarkdown(name, mediaType) {
		types |= kind.Markdown
	}
	if mediaType == "text/plain" {
		types |= kind.Plain
	}
	switch path.Ext(strings.ToLower(path.Base(name))) {
	case "":
		types |= kind.Bare
	case ".txt", ".rst", ".adoc", ".asciidoc":
		types |= kind.Document
	case ".yaml":
		types |= kind.YAML
	}
	return types
}

// IsMarkdown reports whether a file is Markdown, by its media type or name.
func IsMarkdown(name, mediaType string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	return mediaType == "text/markdown" || TextType(name) == "text/markdown"
}

// TextType returns the media type of a text file in a tar, by its name.
func TextType(name string) string {
	if markdown.IsName(name) {
		return "text/markdown"
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".json":
		return "application/json"
	case ".yaml", ".yml":
		return "application/yaml"
	case ".html", ".htm":
		return "text/html"
	}
	return "text/plain"
}

// Package skill implements the kinds for skills of coding agents and collections of them.
package skill

import (
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// Kind returns the kind of skills.
func Kind() kind.Kind {
	return kind.Kind{
		Kind:   data(),
		Derive: derive,
		Tests: map[string]roles.Test{
			"skill":       {Expects: "a directory with a SKILL.md", Find: isSkill},
			"skill-pages": {Expects: "a directory of pages with a README.md or index.md", Find: hasIndex},
		},
		Names: []kind.Naming{{Rank: kind.RankCard, Stems: []string{"skill"}, Types: kind.Markdown}},
	}
}

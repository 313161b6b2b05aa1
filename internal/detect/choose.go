package detect

import (
	"slices"

	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// choice is the state of choosing among the candidates.
type choice struct {
	files    *files
	mains    []match // shown by an entry, not mostly attached, and not accounted for by another one
	attached []match // shown by an entry, and mostly attached to something else
	left     []match // the candidates that no rule has dropped
}

// rule drops candidates in some situations.
type rule struct {
	why  string
	when func(c *choice) bool
	drop func(c *choice, m match) bool
}

// rules are applied in this order.
var rules = []rule{{
	why:  "pages of a specific kind are stronger evidence than content that any documentation has",
	when: whenAnyLeft(func(m match) bool { return m.kind.Attached && m.isWhole && !m.isGeneral }),
	drop: func(_ *choice, m match) bool { return m.isGeneral },
}, {
	why:  "a few pages that match another kind do not keep a directory from being documentation",
	when: whenAnyLeft(func(m match) bool { return m.isGeneral }),
	drop: func(c *choice, m match) bool {
		return m.kind.Attached && !m.isWhole && 2*len(m.showing) < len(c.files.entries) &&
			c.hasLeft(func(o match) bool { return o.isGeneral && c.files.hasOwnUses(o, m) })
	},
}, {
	why:  "if only kinds that are mostly attached are left, the user must choose among them, since either may belong to the other",
	when: isAllAttached,
	drop: func(_ *choice, m match) bool { return !m.kind.Attached || !m.isShown },
}, {
	why:  "a directory is of a kind that is mostly attached only if it has no other files",
	when: not(isAllAttached),
	drop: func(c *choice, m match) bool {
		return m.kind.Attached && m.all == nil && (!c.files.isDirectory() || len(m.unused) > 0)
	},
}, {
	why:  "a kind whose evidence another kind has a role for is a part of that kind",
	when: not(isAllAttached),
	drop: func(c *choice, m match) bool { return !m.kind.Attached && m.all == nil && !hasKind(c.mains, m) },
}, {
	why:  "if a kind has a role for every file, subdirectories are not evidence of another kind",
	when: whenAnyLeft(func(m match) bool { return m.all != nil }),
	drop: func(_ *choice, m match) bool { return !m.kind.Attached && m.all == nil && !m.isShownByFile() },
}, {
	why:  "every file that the user named needs a role",
	when: func(c *choice) bool { return !isAllAttached(c) && !c.files.isDirectory() && !c.hasLeft(hasAll) },
	drop: func(*choice, match) bool { return true },
}, {
	why:  "a subdirectory is evidence of a kind only if nothing else is in the directory",
	when: not(whenAnyLeft(hasAll)),
	drop: func(_ *choice, m match) bool { return !m.kind.Attached && !m.isShownByFile() && len(m.unused) > 0 },
}, {
	why:  "a kind with a role for every file is preferred to one that is mostly attached and lacks a role for some file",
	when: func(c *choice) bool { return !isAllAttached(c) && c.hasLeft(func(m match) bool { return !isAside(m) }) },
	drop: func(_ *choice, m match) bool { return isAside(m) },
}, {
	why:  "kinds that an entry is evidence of are preferred",
	when: func(c *choice) bool { return len(c.left) > 1 && len(c.mains) > 0 },
	drop: func(c *choice, m match) bool { return !m.kind.Attached && !hasKind(c.mains, m) },
}, {
	why:  "of two kinds with roles for each other's evidence, the one that requires its evidence is preferred",
	when: func(c *choice) bool { return len(c.left) > 1 },
	drop: func(c *choice, m match) bool {
		return !needsEvidence(m) && c.hasLeft(func(o match) bool { return needsEvidence(o) && c.files.accountsFor(o, m) && c.files.accountsFor(m, o) })
	},
}, {
	why:  "in a directory, files of a kind that is mostly attached belong to the other kind",
	when: func(c *choice) bool { return c.files.isDirectory() && c.hasLeft(isMain) },
	drop: func(_ *choice, m match) bool { return m.kind.Attached },
}}

// choose returns the candidates that no rule drops, or else the kinds that the names of all files show: none if the kind is generic, several if
// the user must choose.
func (f *files) choose(found []match) []match {
	c := &choice{files: f, left: slices.Clone(found)}
	for _, m := range found {
		switch {
		case m.kind.Attached && m.isShown:
			c.attached = append(c.attached, m)
		case m.isShown && !f.isPart(found, m):
			c.mains = append(c.mains, m)
		}
	}
	for _, r := range rules {
		if r.when(c) {
			c.left = lists.Delete(slices.Clone(c.left), func(m match) bool { return r.drop(c, m) })
		}
	}
	if len(c.left) == 0 {
		return f.lastMatches()
	}
	return c.left
}

// isAllAttached reports whether the entries are evidence of two or more kinds, and all of those are mostly attached.
func isAllAttached(c *choice) bool { return len(c.mains) == 0 && len(c.attached) > 1 }

// hasAll reports whether every file has a role.
func hasAll(m match) bool { return m.all != nil }

// isMain reports whether a kind is not mostly attached.
func isMain(m match) bool { return !m.kind.Attached }

// isAside reports whether a kind is mostly attached and has no role for some file.
func isAside(m match) bool { return m.kind.Attached && m.all == nil }

func not(when func(*choice) bool) func(*choice) bool {
	return func(c *choice) bool { return !when(c) }
}

func whenAnyLeft(matches func(match) bool) func(*choice) bool {
	return func(c *choice) bool { return c.hasLeft(matches) }
}

func (c *choice) hasLeft(matches func(match) bool) bool { return slices.ContainsFunc(c.left, matches) }

// hasKind reports whether the kind of m is among the matches.
func hasKind(all []match, m match) bool {
	return slices.ContainsFunc(all, func(o match) bool { return o.kind.Name == m.kind.Name })
}

// needsEvidence reports whether every artifact of the kind has a file that is evidence of the kind.
func needsEvidence(m match) bool {
	return slices.ContainsFunc(m.kind.Layers, func(t mediatypes.LayerType) bool { return t.Tells && t.Min > 0 })
}

// isPart reports whether another kind accounts for a kind, and not the other way around.
func (f *files) isPart(all []match, m match) bool {
	return slices.ContainsFunc(all, func(other match) bool {
		return other.isShown && isMain(other) && f.accountsFor(other, m) && !f.accountsFor(m, other)
	})
}

// accountsFor reports whether a kind has a specific role for all evidence of another kind, such as the weights that a Modelfile names, or the
// directories of a collection.
func (f *files) accountsFor(m, other match) bool {
	if other.isWhole {
		return false
	}
	for _, entry := range other.showing {
		if m.isWhole && !entry.IsDir() || !m.isWhole && !f.hasOwnUse(m, other, entry) {
			return false
		}
	}
	return true
}

// hasOwnUses reports whether a kind has a specific role for all files that show another one.
func (f *files) hasOwnUses(m, other match) bool {
	return !slices.ContainsFunc(other.showing, func(s *tree.Sample) bool { return !f.hasOwnUse(m, other, s) })
}

// hasOwnUse reports whether a kind has a specific role for an entry, not only the role for any file. For a directory without a role, it
// checks the files that show the other kind.
func (f *files) hasOwnUse(m, other match, entry *tree.Sample) bool {
	r, ok := f.table.FindRole(m.kind, entry, "")
	if !ok && entry.IsDir() && m.kind.Expand {
		inside := listShowing(f.table, other.kind, entry)
		return len(inside) > 0 && !slices.ContainsFunc(inside, func(s *tree.Sample) bool { return !f.hasOwnUse(m, other, s) })
	}
	return ok && !slices.Contains(r.Match, "*")
}

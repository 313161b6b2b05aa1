package detect

import (
	"slices"

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
	why:  "what any documentation has shows less than what only the pages of a narrower kind say",
	when: whenAnyLeft(func(m match) bool { return m.kind.Attached && m.whole && !m.general }),
	drop: func(_ *choice, m match) bool { return m.general },
}, {
	why:  "a few pages of documentation may show another kind, and are pages all the same",
	when: whenAnyLeft(func(m match) bool { return m.general }),
	drop: func(c *choice, m match) bool {
		return m.kind.Attached && !m.whole && 2*len(m.tells) < len(c.files.entries) &&
			c.hasLeft(func(o match) bool { return o.general && c.files.hasOwnUses(o, m) })
	},
}, {
	why:  "two kinds that are mostly attached may each belong to the other, and nothing else matters then",
	when: isAllAttached,
	drop: func(_ *choice, m match) bool { return !m.kind.Attached || !m.shown },
}, {
	why:  "a kind that is mostly attached is not what a directory is, unless the directory has nothing else in it",
	when: not(isAllAttached),
	drop: func(c *choice, m match) bool {
		return m.kind.Attached && m.all == nil && (!c.files.isDirectory() || len(m.unused) > 0)
	},
}, {
	why:  "a kind that another one accounts for is a part of that other one",
	when: not(isAllAttached),
	drop: func(c *choice, m match) bool { return !m.kind.Attached && m.all == nil && !has(c.mains, m) },
}, {
	why:  "beside a kind with a role for every file, a directory in the directory shows nothing",
	when: whenAnyLeft(func(m match) bool { return m.all != nil }),
	drop: func(_ *choice, m match) bool { return !m.kind.Attached && m.all == nil && !m.isShownByFile() },
}, {
	why:  "of files named one by one, each needs a role",
	when: func(c *choice) bool { return !isAllAttached(c) && !c.files.isDirectory() && !c.hasLeft(hasAll) },
	drop: func(*choice, match) bool { return true },
}, {
	why:  "a directory in a directory shows the kind only if nothing is beside it",
	when: not(whenAnyLeft(hasAll)),
	drop: func(_ *choice, m match) bool { return !m.kind.Attached && !m.isShownByFile() && len(m.unused) > 0 },
}, {
	why:  "a kind with a role for every entry of a directory gives way to one with a role for every file",
	when: func(c *choice) bool { return !isAllAttached(c) && c.hasLeft(func(m match) bool { return !isAside(m) }) },
	drop: func(_ *choice, m match) bool { return isAside(m) },
}, {
	why:  "of several kinds, those that the entries show count",
	when: func(c *choice) bool { return len(c.left) > 1 && len(c.mains) > 0 },
	drop: func(c *choice, m match) bool { return !m.kind.Attached && !has(c.mains, m) },
}, {
	why:  "of kinds with a use for all that shows the other, the one counts that can't be without what shows it",
	when: func(c *choice) bool { return len(c.left) > 1 },
	drop: func(c *choice, m match) bool {
		return !needsTelling(m) && c.hasLeft(func(o match) bool { return needsTelling(o) && c.files.accountsFor(o, m) && c.files.accountsFor(m, o) })
	},
}, {
	why:  "in a directory, a kind that is mostly attached belongs to the rest",
	when: func(c *choice) bool { return c.files.isDirectory() && c.hasLeft(isMain) },
	drop: func(_ *choice, m match) bool { return m.kind.Attached },
}}

// choose returns the candidate that the files are: none if the kind is generic, several if the user must choose.
func (f *files) choose(found []match) []match {
	c := &choice{files: f, left: slices.Clone(found)}
	for _, m := range found {
		switch {
		case m.kind.Attached && m.shown:
			c.attached = append(c.attached, m)
		case m.shown && !f.isPart(found, m):
			c.mains = append(c.mains, m)
		}
	}
	for _, r := range rules {
		if r.when(c) {
			c.left = slices.DeleteFunc(slices.Clone(c.left), func(m match) bool { return r.drop(c, m) })
		}
	}
	return c.left
}

// isAllAttached reports whether all that the entries show is two or more kinds that are mostly attached.
func isAllAttached(c *choice) bool { return len(c.mains) == 0 && len(c.attached) > 1 }

// hasAll reports whether every file plays a role.
func hasAll(m match) bool { return m.all != nil }

// isMain reports whether a kind is not mostly attached.
func isMain(m match) bool { return !m.kind.Attached }

// isAside reports whether a kind is mostly attached and has no role for some file.
func isAside(m match) bool { return m.kind.Attached && m.all == nil }

func not(when func(*choice) bool) func(*choice) bool {
	return func(c *choice) bool { return !when(c) }
}

func whenAnyLeft(is func(match) bool) func(*choice) bool {
	return func(c *choice) bool { return c.hasLeft(is) }
}

func (c *choice) hasLeft(is func(match) bool) bool { return slices.ContainsFunc(c.left, is) }

// has reports whether a kind is among the matches.
func has(all []match, m match) bool {
	return slices.ContainsFunc(all, func(o match) bool { return o.kind.Name == m.kind.Name })
}

// needsTelling reports whether an artifact of the kind has a file that shows the kind.
func needsTelling(m match) bool {
	return slices.ContainsFunc(m.kind.Layers, func(t mediatypes.LayerType) bool { return t.Tells && t.Min > 0 })
}

// isPart reports whether another kind accounts for one, and not the other way round too.
func (f *files) isPart(all []match, m match) bool {
	return slices.ContainsFunc(all, func(other match) bool {
		return other.shown && isMain(other) && f.accountsFor(other, m) && !f.accountsFor(m, other)
	})
}

// accountsFor reports whether a kind has a use of its own for everything that shows another one: the weights that a
// Modelfile names, the directories of a collection.
func (f *files) accountsFor(m, other match) bool {
	if other.whole {
		return false
	}
	for _, entry := range other.tells {
		if m.whole && !entry.IsDir() || !m.whole && !f.hasOwnUse(m, other, entry) {
			return false
		}
	}
	return true
}

// hasOwnUses reports whether a kind has a role of its own for all files that show another one.
func (f *files) hasOwnUses(m, other match) bool {
	return !slices.ContainsFunc(other.tells, func(s *tree.Sample) bool { return !f.hasOwnUse(m, other, s) })
}

// hasOwnUse reports whether a kind has a role of its own for an entry, and not only the one for any file. In a directory, the
// files that show the other kind count.
func (f *files) hasOwnUse(m, other match, entry *tree.Sample) bool {
	r, ok := f.table.FindRole(m.kind, entry, "")
	if !ok && entry.IsDir() && m.kind.Expand {
		inside := tellingFiles(f.table, other.kind, entry)
		return len(inside) > 0 && !slices.ContainsFunc(inside, func(s *tree.Sample) bool { return !f.hasOwnUse(m, other, s) })
	}
	return ok && !slices.Contains(r.Match, "*")
}

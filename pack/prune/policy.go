package prune

import (
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/opencontainers/go-digest"
)

// tagOf returns the tag in a name. In a layout, a name may begin with a repository.
func tagOf(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// repositoryOf returns the repository in a name, or "".
func repositoryOf(name string) string { return name[:max(0, strings.LastIndexByte(name, ':'))] }

// matches reports whether a pattern matches a tag, or its name with the repository.
func matches(pattern, name string) (bool, error) {
	ok, err := path.Match(pattern, tagOf(name))
	if ok || err != nil {
		return ok, err
	}
	return path.Match(pattern, name)
}

// hintAtTags returns a hint that names the first few tags.
func hintAtTags(tags []Tag) string {
	var names []string
	for _, t := range tags {
		names = append(names, t.Name)
	}
	if len(names) == 0 {
		return "it has no tags"
	}
	return "tags: " + textdist.FirstFew(names)
}

// divide divides tags into those that are kept and those that are removed. It returns artifact.ErrInvalid for a malformed
// pattern, or one that matches no tag.
func (p Policy) divide(tags []Tag) (kept, gone []Tag, err error) {
	if p.KeepsAll() {
		return tags, nil, nil
	}
	keep := map[string]bool{}
	for _, pattern := range p.KeepTags {
		any := false
		for _, t := range tags {
			ok, err := matches(pattern, t.Name)
			if err != nil {
				return nil, nil, &artifact.Error{Op: "keeping tags", Item: pattern, Err: fault.As(err, artifact.ErrInvalid)}
			}
			any = any || ok
			keep[t.Name] = keep[t.Name] || ok
		}
		if !any {
			return nil, nil, &artifact.Error{Op: "keeping tags", Item: pattern, Err: errNoMatch, Hint: hintAtTags(tags)}
		}
	}
	if p.KeepLast != nil {
		newest := slices.Clone(tags)
		lists.Sort(newest, func(a, b Tag) int {
			if c := b.Created.Compare(a.Created); c != 0 {
				return c
			}
			return versions.Compare(tagOf(b.Name), tagOf(a.Name))
		})
		type version struct {
			repository string
			digest     digest.Digest
		}
		isLast, count := map[version]bool{}, map[string]int{}
		for _, t := range newest { // "latest" stays with the version that it points to
			v := version{repositoryOf(t.Name), t.Digest}
			if !isLast[v] && count[v.repository] >= *p.KeepLast {
				continue
			}
			if !isLast[v] {
				count[v.repository]++
			}
			isLast[v], keep[t.Name] = true, true
		}
	}
	for _, t := range tags {
		isYoung := !p.OlderThan.IsZero() && (t.Created.IsZero() || !t.Created.Before(p.OlderThan))
		t.undated = isYoung && t.Created.IsZero() && !keep[t.Name]
		if keep[t.Name] || isYoung {
			kept = append(kept, t)
		} else {
			gone = append(gone, t)
		}
	}
	return kept, gone, nil
}

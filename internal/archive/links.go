package archive

import (
	"context"
	"path"
	"strings"
	"unicode"
)

// maxHops is the number of symbolic links that a path may pass through, as in Linux.
const maxHops = 40

// CheckLink refuses a symbolic link whose text leads out of base. The link's own name is clean and within base.
//
// For a target that first goes up and then only down, the text is enough: the target goes up from a real directory, and the
// links on its way down are checked themselves. CheckLink accepts a target that goes up after going down, because other links
// decide where it leads; see DependsOnLinks and Links.
func CheckLink(name, target, base string) error {
	switch {
	case target == "":
		return Refuse(name, "symbolic link without a target")
	case len(target) > MaxName:
		return Refuse(name, "target of the symbolic link is longer than %d bytes", MaxName)
	case target[0] == '/' || target[0] == '\\' || isDrive(target):
		return Refuse(name, "symbolic link to the absolute path %q", target)
	case strings.ContainsFunc(target, unicode.IsControl):
		return Refuse(name, "control character in the target of the symbolic link")
	}
	if DependsOnLinks(target) {
		return nil
	}
	resolved := path.Join(path.Dir(name), target)
	if resolved == ".." || strings.HasPrefix(resolved, "../") || !IsWithin(resolved, base) {
		return Refuse(name, "symbolic link to %q leaves the archive", target)
	}
	return nil
}

// DependsOnLinks reports whether target has a ".." after another name, so that other links decide where it leads.
func DependsOnLinks(target string) bool {
	down := false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if down {
				return true
			}
		default:
			down = true
		}
	}
	return false
}

// The limits on resolving links. An honest link takes a dozen steps; one that goes through 40 others of 4096 bytes takes 80,000.
const (
	// linkSteps limits the steps that the links of a tree may take together, besides stepsPerLink for each.
	linkSteps    = 1 << 18
	stepsPerLink = 64
	// maxMemo limits the names that are remembered.
	maxMemo = 1 << 16
	// checkEvery is the number of steps between two checks of the context.
	checkEvery = 1 << 10
)

// Links resolves the symbolic links of a tree, all of them within one budget.
type Links struct {
	readlink func(name string) (target string, isLink bool)
	base     string
	budget   *LinkBudget
	memo     map[string]memo
}

type memo struct {
	target string
	isLink bool
}

// A LinkBudget limits the steps that the links of an artifact may take together.
type LinkBudget struct{ steps, used int }

// Grow adds the steps for more links.
func (b *LinkBudget) Grow(links int) { b.steps += links * stepsPerLink }

// NewLinkBudget returns the budget of an artifact; call Grow for its links.
func NewLinkBudget() *LinkBudget { return &LinkBudget{steps: linkSteps} }

// NewLinks returns Links that must not leave base. The function readlink returns the target of a name, and whether the name is a
// symbolic link.
func NewLinks(base string, budget *LinkBudget, readlink func(name string) (string, bool)) *Links {
	return &Links{readlink: readlink, base: base, budget: budget, memo: make(map[string]memo)}
}

// Grow adds the steps for more links to the budget.
func (l *Links) Grow(links int) { l.budget.Grow(links) }

// Check follows the target of the link name component by component, as the kernel would, and refuses it if a step leaves the
// base. Names that do not exist are treated as directories, since a link may dangle.
func (l *Links) Check(ctx context.Context, name, target string) error {
	at := path.Dir(name)
	todo := []string{target}
	for hops := 0; len(todo) > 0; {
		part, rest, more := strings.Cut(todo[len(todo)-1], "/")
		if todo[len(todo)-1] = rest; !more {
			todo = todo[:len(todo)-1]
		}
		if part == "" || part == "." {
			continue
		}
		if err := l.countStep(ctx, name); err != nil {
			return err
		}
		if part == ".." {
			if at == l.base || at == "." {
				return Refuse(name, "symbolic link to %q leaves the archive", target)
			}
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		further, ok := l.read(next)
		if !ok {
			at = next
			continue
		}
		if hops++; hops > maxHops {
			return Refuse(name, "symbolic link to %q goes through more than %d links", target, maxHops)
		}
		if strings.HasPrefix(further, "/") || isDrive(further) {
			return Refuse(name, "symbolic link to %q leads to the absolute path %q", target, further)
		}
		todo = append(todo, further)
	}
	if !IsWithin(at, l.base) {
		return Refuse(name, "symbolic link to %q leaves the archive", target)
	}
	return nil
}

// countStep counts a step. It fails if the budget is used up or ctx is done.
func (l *Links) countStep(ctx context.Context, name string) error {
	if l.budget.used++; l.budget.used > l.budget.steps {
		return Refuse(name, "the symbolic links take more than %d steps to resolve", l.budget.steps)
	}
	if l.budget.used%checkEvery == 0 {
		return ctx.Err()
	}
	return nil
}

// read returns the target of a link from the memo or readlink.
func (l *Links) read(name string) (string, bool) {
	if m, ok := l.memo[name]; ok {
		return m.target, m.isLink
	}
	target, isLink := l.readlink(name)
	if len(l.memo) >= maxMemo {
		clear(l.memo)
	}
	l.memo[name] = memo{target, isLink}
	return target, isLink
}

package place

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/rootfs"
)

// maxWalked limits the entries of the destination that are searched for links.
const maxWalked = 1_000_000

// CheckLinks refuses the plan if, after it, a staged link would lead out of the destination, directly or through any existing link.
// It also refuses the plan if it would make an existing link lead out: if a target has ".." after a name, replacing that name by
// a link changes where the target leads.
func (p *Placer) CheckLinks(ctx context.Context, staged []string, remove []Removal) error {
	if !p.changesLinks(staged, remove) {
		return nil
	}
	existing, hasLinks, err := p.findLinks(ctx)
	if err != nil {
		return err
	}
	gone := make(map[string]bool)
	for _, r := range remove {
		gone[r.Path] = true
	}
	budget := archive.NewLinkBudget()
	budget.Grow(len(staged) + 2*len(existing))
	now := archive.NewLinks(".", budget, p.readlink)
	then := archive.NewLinks(".", budget, func(name string) (string, bool) {
		info, err := p.Stage.Root.Lstat(path.Join(StageFiles, name))
		switch {
		case err == nil && info.Mode().Type() != fs.ModeSymlink, gone[name]:
			return "", false
		case err == nil:
			target, err := p.Stage.Root.Readlink(path.Join(StageFiles, name))
			return target, err == nil
		}
		return p.readlink(name)
	})
	for _, name := range staged {
		target, err := p.Stage.Root.Readlink(path.Join(StageFiles, name))
		if err != nil {
			return err
		}
		if hasLinks || archive.DependsOnLinks(target) {
			if err := then.Check(ctx, name, target); err != nil {
				return refuseLink(err)
			}
		}
	}
	for name, target := range existing {
		if gone[name] {
			continue
		}
		if err := then.Check(ctx, name, target); err != nil && now.Check(ctx, name, target) == nil {
			return refuseLink(err)
		}
	}
	return nil
}

func refuseLink(err error) error {
	if errors.Is(err, archive.ErrUnsafe) {
		return artifact.Refused("", "%w", err)
	}
	return err
}

// changesLinks reports whether the plan creates, replaces, or removes a link.
func (p *Placer) changesLinks(staged []string, remove []Removal) bool {
	if len(staged) > 0 {
		return true
	}
	for _, m := range p.Moves {
		if m.Was != nil && m.Was.Mode().Type() == fs.ModeSymlink {
			return true
		}
	}
	for _, r := range remove {
		if r.Was.Mode().Type() == fs.ModeSymlink {
			return true
		}
	}
	return false
}

func (p *Placer) readlink(name string) (string, bool) {
	target, err := p.Stage.dst.Readlink(name)
	return target, err == nil
}

// findLinks returns the targets of the links in the destination that depend on other links, by their names, and reports whether the
// destination has links at all. It skips links that are replaced, and stops after maxWalked entries.
func (p *Placer) findLinks(ctx context.Context) (found map[string]string, hasLinks bool, err error) {
	found = make(map[string]string)
	walked := 0
	err = fs.WalkDir(rootfs.Of(p.Stage.dst), ".", func(name string, d fs.DirEntry, err error) error {
		if walked++; walked > maxWalked {
			hasLinks = true
			return fs.SkipAll
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return nil // the user has no permission to read the directory
		case d.IsDir() && strings.HasPrefix(name, fetch.StagePrefix):
			return fs.SkipDir
		case d.Type() != fs.ModeSymlink:
			return nil
		}
		hasLinks = true
		target, ok := p.readlink(name)
		if !ok || !archive.DependsOnLinks(target) {
			return nil
		}
		if _, err := p.Stage.Root.Lstat(path.Join(StageFiles, name)); errors.Is(err, fs.ErrNotExist) {
			found[name] = target
		}
		return nil
	})
	return found, hasLinks, err
}

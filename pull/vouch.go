package pull

import (
	"context"
	"io/fs"

	"github.com/davit-oci/davit/internal/rootfs"
	"github.com/davit-oci/davit/pull/internal/confirm"
	"github.com/opencontainers/go-digest"
)

// confirmOurs compares files that look changed, or that only a hint marks as ours, with those that earlier pulls from the
// same origin placed. It marks files with the same content as ours: a copy, a backup, or a hard link may have changed their
// ctime or inode. Names may be directories. It reports whether it marked any file.
func (p *placement) confirmOurs(ctx context.Context, names []string) bool {
	if len(names) == 0 {
		return false
	}
	var doubted []string
	for _, name := range names {
		_ = fs.WalkDir(rootfs.Of(p.dst), name, func(at string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				doubted = append(doubted, at)
			}
			return ctx.Err()
		})
	}
	found := false
	for _, r := range p.state.All() {
		if r.Origin != p.opts.Origin {
			continue
		}
		byLayer := make(map[digest.Digest]map[string]bool)
		for _, name := range doubted {
			info, err := p.dst.Lstat(name)
			f, ok := r.Find(name)
			if err != nil || !ok || f.Layer < 0 || p.state.IsOurs(p.dst, name, info) || r.Preserve && !f.HasRights(info) {
				continue
			}
			layer := r.Layers[f.Layer]
			if byLayer[layer] == nil {
				byLayer[layer] = make(map[string]bool)
			}
			byLayer[layer][name] = true
		}
		if len(byLayer) == 0 {
			continue
		}
		same := confirm.Files(ctx, confirm.Artifact{
			Source: p.src, Root: r.Root, Platform: p.opts.Platform, NoUnpack: p.opts.NoUnpack, Limits: p.opts.Limits.archive(),
		}, p.dst, byLayer)
		if len(same) > 0 {
			p.state.Vouch(same)
			found = true
		}
	}
	return found
}

// confirmLeftovers does the same as confirmOurs for files that look changed and may no longer be in the artifact.
func (p *placement) confirmLeftovers(ctx context.Context) {
	var names []string
	for f, r := range p.earlierFiles() {
		if _, ok := p.next.Files.Find(f.Path); ok || !r.Hint && !p.opts.Delete {
			continue
		}
		if info, err := p.dst.Lstat(f.Path); err == nil && !info.IsDir() && !r.IsUnchanged(p.dst, f, info) {
			names = append(names, f.Path)
		}
	}
	p.confirmOurs(ctx, names)
}

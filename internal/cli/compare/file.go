package compare

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/rootfs"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/diff"
)

// compareFile compares a file with the only file of the artifact, whatever their names are, or the files in two archives. Config and
// annotations do not count.
func (c *comparison) compareFile(ctx context.Context) (*diffResult, error) {
	only, err := c.onlyFile(ctx)
	if err != nil {
		return nil, err
	}
	name, err := filepath.EvalSymlinks(c.dir)
	if err != nil {
		return nil, exit.FileError("file", c.dir, err)
	}
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, exit.FileError("file", c.dir, err)
	}
	defer root.Close()
	info, err := root.Stat(filepath.Base(name))
	if err != nil {
		return nil, exit.FileError("file", c.dir, err)
	}
	plan := &artifact.Plan{Kind: kinds.Fallback(), Layers: []artifact.Layer{
		{Path: filepath.Base(name), Title: only.Name, MediaType: only.Desc.MediaType, Size: info.Size()},
	}}
	packed, err := pack.Artifact(ctx, rootfs.Of(root), plan, nil, pack.Options{})
	if err != nil {
		return nil, err
	}
	d, err := c.diffPacked(ctx, packed)
	if err != nil {
		return nil, err
	}
	d = &diff.Difference{Same: len(d.Files) == 0, From: d.From, To: d.To, Platform: d.Platform, Files: d.Files,
		Config: []diff.FieldChange{}, Annotations: []diff.FieldChange{}}
	if c.second {
		d.To = ""
	} else {
		d.From = ""
	}
	return &diffResult{Difference: d, File: c.dir}, nil
}

// onlyFile returns the layer of an artifact that has only one, a file.
func (c *comparison) onlyFile(ctx context.Context) (*fetch.Item, error) {
	m, err := fetch.Resolve(ctx, c.artifact.Source, c.artifact.Ref)
	if err != nil {
		return nil, err
	}
	if m, _, err = fetch.Choose(ctx, c.artifact.Source, m, c.artifact.Platform); err != nil {
		return nil, err
	}
	items, err := fetch.NewItems(ctx, c.artifact.Source, m, fetch.Selection{})
	if err != nil {
		return nil, err
	}
	if len(items) == 1 && !items[0].Unpack {
		return items[0], nil
	}
	path, base := "PATH", filepath.Base(c.dir)
	if i := slices.IndexFunc(items, func(it *fetch.Item) bool { return !it.Unpack && filepath.Base(it.Name) == base }); i >= 0 {
		path = items[i].Name
	}
	advice := fmt.Sprintf("\"%s\" prints a file of it, for \"diff - %s\"", shell.Command("davit", "cat", c.ref.String(), path), shell.Quote(c.dir))
	return nil, &exit.UsageError{Err: fmt.Errorf("%s is a file, and %s is not an artifact of one file", c.dir, c.ref), Hint: advice}
}

package compare

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pull/diff"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// isLocal reports whether an argument is a directory or file, rather than an artifact.
func isLocal(ref registry.Reference) bool {
	return paths.IsPlainDirectory(ref) || paths.IsPlainFile(ref)
}

// diffLocal compares a directory or file with an artifact; either may come first.
func diffLocal(ctx context.Context, a *app.App, refs []registry.Reference, p *ocispec.Platform, opts diffOptions) error {
	dir, artifact := refs[0], refs[1]
	isSecond := !isLocal(dir)
	if isSecond {
		dir, artifact = artifact, dir
	}
	switch {
	case isLocal(artifact):
		return &exit.UsageError{
			Err:  fmt.Errorf("%s and %s: neither is an artifact", refs[0], refs[1]),
			Hint: "only one of A and B may be a directory or file; \"diff -r\" compares two directories",
		}
	case dir.Reference() != "":
		return &exit.UsageError{Err: fmt.Errorf("%s: a directory or file has neither tags nor digests", dir)}
	case opts.Tags || opts.Referrers:
		return &exit.UsageError{Err: fmt.Errorf("--tags and --referrers compare two artifacts, and %s is not one", dir)}
	}
	if err := a.AssignBoth(refs[0], refs[1]); err != nil {
		return err
	}
	login := &a.Logins.To
	if isSecond {
		login = &a.Logins.From
	}
	t, err := a.OpenSide(ctx, login, artifact, registry.Read)
	if err != nil {
		return err
	}
	defer t.Close(ctx, nil)
	if err := t.Complete(ctx); err != nil {
		return err
	}
	side := diff.Side{Source: t.Target, Ref: t.Ref.Reference(), Platform: p}
	c := &comparison{App: a, ref: t.Ref, artifact: side, dir: dir.Path, second: isSecond, text: opts.Text}
	compare := c.compare
	if paths.IsPlainFile(dir) {
		compare = c.compareFile
	}
	result, err := compare(ctx)
	if err != nil {
		return t.Explain(ctx, err)
	}
	a.NotePlatform(t.Ref.String(), p, result.Platform)
	return result.report(a, p)
}

// A comparison compares a directory with an artifact: the files in it as a pull places them, or what a push of it would produce.
type comparison struct {
	*app.App
	ref      registry.Reference
	artifact diff.Side
	dir      string
	second   bool // the directory is the second side
	text     bool
}

// compare compares a directory that has a declaration as a source. The files of any other directory are compared as a pull places them
// or, if fewer files differ that way, packed as a source of the artifact's kind.
func (c *comparison) compare(ctx context.Context) (*diffResult, error) {
	if paths.Exists(filepath.Join(c.dir, source.Declaration)) {
		return c.compareDeclared(ctx)
	}
	placed, err := c.comparePlaced(ctx)
	if err != nil || placed.Same {
		return placed, err
	}
	packed, err := c.comparePlain(ctx)
	if ctx.Err() != nil {
		return nil, err
	}
	if err != nil || len(packed.Files) >= len(placed.Files) {
		return placed, nil // the files are not those of a source
	}
	return packed, nil
}

// compareDeclared compares a directory with a declaration. If a pull placed the declaration there, it is a file like any other.
func (c *comparison) compareDeclared(ctx context.Context) (*diffResult, error) {
	s, openErr := source.Open(c.App, []string{c.dir}, &source.Options{}, c.ref)
	if openErr == nil {
		defer s.Close()
		if s.Plan.Base == "" { // otherwise, packing sends requests to a registry that the declaration names
			packed, err := c.comparePacked(ctx, s)
			if err != nil || !isOneSided(packed, !c.second) {
				return packed, err
			}
		}
	}
	placed, err := c.comparePlaced(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case !isOneSided(placed, c.second):
		return placed, nil
	case openErr != nil:
		return nil, openErr
	}
	return c.comparePacked(ctx, s)
}

// isOneSided reports whether only one side has a declaration: the second, if second is set.
func isOneSided(r *diffResult, second bool) bool {
	change := diff.Removed
	if second {
		change = diff.Added
	}
	return slices.ContainsFunc(r.Files, func(f diff.FileChange) bool { return f.Path == source.Declaration && f.Change == change })
}

// comparePlaced compares the files of the directory with those that a pull of the artifact places.
func (c *comparison) comparePlaced(ctx context.Context) (*diffResult, error) {
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return nil, exit.FileError("directory", c.dir, err)
	}
	defer root.Close()
	d, err := diff.Directory(ctx, root, c.artifact, diff.DirectoryOptions{Text: c.text, Second: c.second})
	if err != nil {
		return nil, err
	}
	return &diffResult{Difference: d, Directory: c.dir}, nil
}

// comparePlain compares what a push of the directory as the artifact's kind would produce. It ignores config fields and annotations that
// only the artifact has, because flags of the push can have set them, and how its layers were packed.
func (c *comparison) comparePlain(ctx context.Context) (*diffResult, error) {
	m, err := fetch.Resolve(ctx, c.artifact.Source, c.artifact.Ref)
	if err != nil {
		return nil, err
	}
	kind := ""
	if k, ok := kinds.Lookup(m.Kind().Name); ok {
		kind = k.Name
	}
	s, err := source.Open(c.App, []string{c.dir}, source.OfKind(kind), c.ref)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r, err := c.comparePacked(ctx, s)
	if err != nil {
		return nil, err
	}
	isUnset := func(f diff.FieldChange) bool { return c.second && f.To == nil || !c.second && f.From == nil }
	r.Config = lists.Delete(r.Config, isUnset)
	r.Annotations = lists.Delete(r.Annotations, isUnset)
	r.Manifest = lists.Delete(r.Manifest, func(f diff.FieldChange) bool { return f.Field == "layers" || f.Field == "digest" })
	r.Same = len(r.Files)+len(r.Config)+len(r.Annotations)+len(r.Manifest) == 0
	return r, nil
}

// comparePacked compares what a push of the source would produce.
func (c *comparison) comparePacked(ctx context.Context, s *source.Source) (*diffResult, error) {
	m, err := fetch.Resolve(ctx, c.artifact.Source, c.artifact.Ref)
	if err != nil {
		return nil, err
	}
	opts, done, err := s.PackOptions(ctx, c.App)
	if err != nil {
		return nil, err
	}
	defer done()
	packed, err := pack.Artifact(ctx, s.FS, s.Plan, m.Subject, opts)
	if err != nil {
		return nil, err
	}
	d, err := c.diffPacked(ctx, packed)
	if err != nil {
		return nil, err
	}
	return &diffResult{Difference: d, Directory: c.dir, Packed: true}, nil
}

// diffPacked compares a packed directory or file with the artifact.
func (c *comparison) diffPacked(ctx context.Context, packed *pack.Source) (*diff.Difference, error) {
	from, to := diff.Side{Source: packed, Ref: packed.Root().Digest.String(), Platform: c.artifact.Platform}, c.artifact
	if c.second {
		from, to = to, from
	}
	return diff.Artifacts(ctx, from, to, diff.Options{Text: c.text, Inside: true})
}

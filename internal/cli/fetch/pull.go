package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/lock"
	"github.com/davit-oci/davit/internal/cli/order"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
	"github.com/spf13/cobra"
)

func newPullCommand(a *app.App) *cobra.Command {
	var opts pullOptions
	cmd := &cobra.Command{
		Use:   "pull TARGET [FILE...]",
		Short: "Fetch an artifact, verify it, and place its files",
		Long: `Fetch an artifact and place its files in a directory: all of them, verified, or none. Files
that exist already are neither fetched nor touched; a file that was changed is not overwritten
without --force. TARGET without a tag means "latest", or the only artifact of a layout.

With --lock FILE, TARGET must be in the lock file with the same digest, size, kind, and key; the exit
code is 5 if it is not. If FILE does not exist, it is created with an entry for TARGET.
"davit lock" updates it.

Files of the last pull from the same repository that are no longer in the artifact are left, with a
note; --delete removes them. With --kind, these are the files of attachments that were not pulled again.

With FILE, a path in the artifact, only these files are pulled. --output is a directory or, for one
FILE, its new name. "-" is standard output: for one FILE, or for the only file of an artifact.`,
		Example: `  davit pull registry.example.com/models/tiny:1.0 -o tiny
  davit pull ./oci -o out --include '*.md'
  davit pull registry.example.com/models/tiny:1.0 tiny.gguf -o model.gguf
  davit pull registry.example.com/app:1.0 --platform linux/arm64 --no-unpack
  davit pull --kind sbom,vex --all-platforms registry.example.com/app:1.0 -o attached`,
		GroupID: app.GroupMove,
		Args:    cobra.MatchAll(order.CheckPath, app.Arguments(1, -1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = args[0]
			if cmd.Flags().Changed("kind") && len(args) > 1 {
				return &exit.UsageError{Err: errors.New("--kind is for attachments, and FILE for files of TARGET"), Hint: "leave one of them out"}
			}
			if opts.latest && !cmd.Flags().Changed("kind") {
				return &exit.UsageError{Err: errors.New("--latest chooses among attachments"), Hint: "add --kind KIND"}
			}
			if opts.allPlatforms && !cmd.Flags().Changed("kind") {
				return &exit.UsageError{Err: errors.New("--all-platforms is for attachments"), Hint: "add --kind KIND"}
			}
			if cmd.Flags().Changed("kind") && opts.output != "-" {
				return runPullAttachments(cmd.Context(), a, opts)
			}
			if opts.output == "-" && len(args) == 1 {
				name, err := findOnlyFile(cmd.Context(), a, opts)
				if err != nil {
					return err
				}
				args = append(args, name)
			}
			if opts.dryRun {
				return runPullDry(cmd.Context(), a, opts, args[1:])
			}
			if len(args) > 1 {
				return runPullFiles(cmd.Context(), a, opts, args[1:])
			}
			return runPull(cmd.Context(), a, opts)
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&opts.output, "output", "o", ".", "place the files in `DIR`, which is created if missing; with one FILE, place it under this name")
	fs.StringArrayVar(&opts.Include, "include", nil, "pull only files that match `GLOB` (repeatable)")
	fs.StringSliceVar(&opts.Roles, "role", nil, "pull only layers of this `ROLE` (repeatable)")
	fs.StringVar(&opts.platform, "platform", "", "choose the manifest of an index for `OS/ARCH[/VARIANT]` (default: this machine's)")
	fs.BoolVar(&opts.NoUnpack, "no-unpack", false, "do not unpack directories; a volume is one tar, as for podman volume import")
	fs.BoolVar(&opts.Referrers, "referrers", false, "also pull attachments, each into referrers/KIND-DIGEST")
	fs.BoolVar(&opts.Preserve, "preserve", false, "restore owners, modes, times, and xattrs where they were packed")
	fs.BoolVar(&opts.Force, "force", false, "overwrite files that were changed, or that davit did not create")
	fs.BoolVar(&opts.Delete, "delete", false, "remove files of the last pull from the same repository that are no longer in the artifact")
	fs.BoolVar(&opts.durable, "durable", true, "return when the files are on the disk and survive power loss; =false is faster")
	fs.Int64Var(&opts.Limits.MaxSize, "max-size", 0, "refuse to unpack more than `BYTES` (default 1 TiB; -1: no limit)")
	fs.Int64Var(&opts.Limits.MaxFiles, "max-files", 0, "refuse to unpack more than `N` files (default 2000000; -1: no limit)")
	fs.Int64Var(&opts.Limits.MaxRatio, "max-ratio", 0, "set the maximum compression ratio to `N` (default 200, enforced after 256 MiB; -1: no limit)")
	fs.StringSliceVar(&opts.kinds, "kind", nil, "pull only the attachments of this `KIND` (repeatable), into KIND/PLATFORM")
	fs.BoolVar(&opts.allPlatforms, "all-platforms", false, "with --kind, pull the attachments of every platform")
	fs.BoolVar(&opts.latest, "latest", false, "with --kind, pull only the newest attachment of each kind")
	opts.version.AddFlag(fs)
	opts.lock.AddFlag(fs)
	opts.dryRun.AddFlag(fs)
	opts.trust.AddFlags(fs)
	a.AddRegistryFlags(fs)
	return cmd
}

type pullOptions struct {
	pull.Options
	target   string
	output   string
	platform string
	durable  bool
	trust    signing.Trust
	dryRun   app.DryRun
	version  app.Versions
	lock     lock.Flag

	attachmentOptions
	record  string // distinguishes the records of several pulls into one directory; may be noRecord
	renamed bool   // output is a new name for the only file
	listAll bool   // list every file in the result
}

// attachmentOptions choose the attachments to pull.
type attachmentOptions struct {
	kinds        []string // empty: pull the target itself
	allPlatforms bool
	latest       bool // only the newest of each kind
	isLater      bool // not the first attachment of this run
}

func runPull(ctx context.Context, a *app.App, opts pullOptions) error {
	var err error
	if opts.Platform, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	result, err := app.WithVersions(ctx, a, opts.target, opts.version, func(t *app.Target) (*pull.Result, error) {
		return pullFrom(ctx, a, t, opts)
	})
	if err != nil {
		return err
	}
	a.NotePlatform(result.Reference, opts.Platform, result.Platform)
	return a.Print(pullResult{result, opts.output, false})
}

// pullFrom pulls a target into opts.output.
func pullFrom(ctx context.Context, a *app.App, t *app.Target, opts pullOptions) (*pull.Result, error) {
	reference, err := opts.pin(ctx, a, t)
	if err != nil {
		return nil, err
	}
	result, err := placeIn(ctx, a, t, reference, opts)
	if err != nil {
		return nil, t.Explain(ctx, err)
	}
	result.Reference = t.Ref.String()
	noteLeft(a, opts.output, result.Left)
	return result, opts.lock.Record(ctx)
}

// placeIn is like place, but makes the directory. If the pull fails, it removes the directories that it created, unless they hold files.
func placeIn(ctx context.Context, a *app.App, t *app.Target, reference string, opts pullOptions) (*pull.Result, error) {
	made, err := makeDir(opts.output)
	if err != nil {
		return nil, err
	}
	result, err := place(ctx, a, t, reference, opts)
	if err != nil {
		made.undo()
		return nil, err
	}
	if opts.durable {
		if err := made.sync(); err != nil {
			return nil, exit.FileError("directory", opts.output, err)
		}
	}
	return result, nil
}

// pin completes the reference of a target, and returns the reference to read. This is the digest that was verified or locked, if the options
// require that.
func (o *pullOptions) pin(ctx context.Context, a *app.App, t *app.Target) (string, error) {
	if err := o.lock.Open(t); err != nil {
		return "", err
	}
	if err := t.Complete(ctx); err != nil {
		return "", err
	}
	o.trust.Prefer(o.lock.Key(t))
	reference, keys, err := o.trust.PinKeys(ctx, a, t, t.Ref.Reference(), o.Platform)
	if err != nil {
		return "", err
	}
	pinned, err := o.lock.Pin(ctx, t, reference, keys)
	if note := o.lock.Note(); note != "" && o.trust.IsSet() {
		a.Note("%s", note)
	}
	return pinned, err
}

// place pulls an artifact into the directory opts.output, which must exist.
func place(ctx context.Context, a *app.App, t *app.Target, reference string, opts pullOptions) (*pull.Result, error) {
	dst, err := os.OpenRoot(opts.output)
	if err != nil {
		return nil, exit.FileError("directory", opts.output, err)
	}
	defer dst.Close()
	if opts.Progress == nil {
		progress, stop := a.StartProgress()
		defer stop()
		opts.Progress = progress
	}
	opts.Digests = a.Cache()
	opts.Origin, opts.Concurrency = t.Ref.Name(), a.Registry.Concurrency
	opts.NoSync = !opts.durable
	opts.State = recordPath(a, dst, opts)
	if a.Format.String() == "text" && opts.record != noRecord && !opts.listAll {
		opts.MaxListed = maxListed
	}
	return pull.Artifact(ctx, t.Target, reference, dst, opts.Options)
}

// madeDirs are directories that did not exist before, the deepest first.
type madeDirs []string

// makeDir makes a directory and those above it.
func makeDir(dir string) (madeDirs, error) {
	var made madeDirs
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		_, err := os.Lstat(d)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		made.undo()
		return nil, exit.FileError("directory", dir, err)
	}
	return made, nil
}

// undo removes the directories that this pull created, unless they hold files: the next pull continues with the files of an interrupted one.
func (m madeDirs) undo() {
	for _, d := range m {
		if os.Remove(d) != nil {
			return
		}
	}
}

// sync syncs the parents of the created directories, so that the directories survive a power loss.
func (m madeDirs) sync() error {
	for _, d := range m {
		if err := durable.SyncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// pullResult is the result of pull.
type pullResult struct {
	*pull.Result
	dir string
	dry app.DryRun
}

// maxListed limits how many files pull names in its text; --format json names all.
const maxListed = 20

// WriteText prints the artifact, its files, and its referrers.
func (r pullResult) WriteText(w io.Writer) error {
	var t term.Table
	verb := r.dry.Verb("pulled", "pull")
	if r.Skipped {
		verb = "unchanged"
	}
	t.Row(verb, r.Reference)
	t.Field("digest", r.Digest.String())
	t.Field("kind", r.Kind)
	if r.Platform != nil {
		t.Row("platform", manifest.FormatPlatform(r.Platform))
	}
	t.Row("files", fmt.Sprintf("%d, %s, in %s", r.FileCount, term.Size(r.FileSize), r.dir))
	if err := t.WriteText(w); err != nil {
		return err
	}
	if err := r.writeFiles(w); err != nil {
		return err
	}
	for _, ref := range r.Referrers {
		if err := (pullResult{ref, r.dir, r.dry}).writeReferrer(w); err != nil {
			return err
		}
	}
	var gone term.Table
	for _, ref := range r.Gone {
		gone.Row("gone", ref.Digest.String()+"  listed, but deleted")
	}
	return gone.WriteText(w)
}

func (r pullResult) writeReferrer(w io.Writer) error {
	var t term.Table
	t.Row("referrer", r.Digest.String(), cmp.Or(r.Kind, r.ArtifactType))
	if err := t.WriteText(w); err != nil {
		return err
	}
	return r.writeFiles(w)
}

func (r pullResult) writeFiles(w io.Writer) error {
	var files term.Table
	for i, f := range r.Files {
		if i == maxListed && bool(r.dry) {
			files.Row("  and "+term.Plural(len(r.Files)-i, "more file"), "")
			break
		}
		files.Row("  "+f.Path, term.Size(f.Size))
	}
	if more := r.FileCount - len(r.Files); more > 0 {
		files.Row("  and "+term.Plural(more, "more file"), "")
	}
	for _, name := range r.Removed {
		files.Row("  "+name, r.dry.Verb("removed", "remove"))
	}
	for _, name := range r.Kept {
		files.Row("  "+name, r.dry.Verb("kept", "keep")+": it was changed")
	}
	return files.WriteText(w)
}

// QuietLine returns the reference, pinned to the digest of what was pulled. The tag of an index is left out: it has another digest.
func (r pullResult) QuietLine() string {
	ref, err := registry.Parse(r.Reference)
	if r.Platform == nil || err != nil {
		return results.Pinned(r.Reference, r.Digest.String())
	}
	ref.Tag, ref.Digest = "", r.Digest
	return ref.String()
}

// Package lock has the commands for lock files, and the flag --lock of other commands.
package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/lockfile"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command {
	cmd := &cobra.Command{
		Use:   "lock COMMAND",
		Short: "Update or check a file of locked digests",
		Long: `A lock file has the digest, size, and kind of each reference, and the key that signed it. "davit pull
--lock FILE" creates it, and from then on refuses artifacts that are not in it or differ. It is
sorted JSON, meant to be committed. COMMAND is update, which locks the digests of references, or
check, which compares them with the file.`,
		Example: `  davit lock update registry.example.com/models/tiny:1.0
  davit lock check`,
		GroupID: app.GroupTrust,
		Args:    app.Arguments(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			return &exit.UsageError{Err: fmt.Errorf("unknown command %q for davit lock", args[0]), Hint: "\"davit lock update\" or \"davit lock check\""}
		},
	}
	cmd.AddCommand(newUpdateCommand(a), newCheckCommand(a))
	return []*cobra.Command{cmd}
}

type options struct {
	file   string
	trust  signing.Trust
	dryRun app.DryRun // of update
}

func (o *options) addFlags(a *app.App, cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.file, "lock", lockfile.Name, "the lock `FILE`")
	o.trust.AddFlags(cmd.Flags())
	a.AddRegistryFlags(cmd.Flags())
}

func newUpdateCommand(a *app.App) *cobra.Command {
	var opts options
	cmd := &cobra.Command{
		Use:   "update [REF...]",
		Short: "Lock the current digests of references",
		Long: `Lock the current digest of each REF: entries that exist are replaced, and others are added. Without
REF, every entry is updated. With --verify-key, REF must be signed by the key, which is locked, too.`,
		Example: `  davit lock update registry.example.com/models/tiny:1.0
  davit lock update --lock davit.lock
  davit lock update registry.example.com/app:1.0 --verify-key davit.pub`,
		Args: app.Arguments(0, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return runUpdate(cmd.Context(), a, args, opts) },
	}
	opts.dryRun.AddFlag(cmd.Flags())
	opts.addFlags(a, cmd)
	return cmd
}

func runUpdate(ctx context.Context, a *app.App, references []string, opts options) error {
	had, err := read(opts.file)
	if errors.Is(err, fs.ErrNotExist) && len(references) > 0 {
		had, err = &lockfile.File{}, nil
	}
	if err != nil {
		return explainMissing(opts.file, err)
	}
	if len(references) == 0 {
		for _, e := range had.Artifacts {
			references = append(references, e.Reference)
		}
	}
	result := &updateResult{File: opts.file, Artifacts: []updated{}, dryRun: opts.dryRun}
	for _, text := range references {
		e, err := lookUp(ctx, a, text, nil, opts)
		if err != nil {
			return err
		}
		if old := had.Find(e.Reference); old != nil && old.Key != "" && e.Key == "" {
			return &exit.UsageError{Err: fmt.Errorf("%s: the lock file has its key, and no key is given", e.Reference), Hint: "add --verify-key FILE"}
		}
		result.Artifacts = append(result.Artifacts, updated{Entry: *e})
	}
	write := update
	if opts.dryRun {
		write = func(_ context.Context, _ string, fn func(*lockfile.File) error) error { return fn(had) }
	}
	err = write(ctx, opts.file, func(f *lockfile.File) error {
		for i := range result.Artifacts {
			one := &result.Artifacts[i]
			old := f.Set(one.Entry)
			one.Skipped = old != nil && *old == one.Entry
			if old != nil && old.Digest != one.Digest {
				one.Was = old.Digest
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.Print(result)
}

// lookUp returns an entry with the current digest of a reference; see resolve.
func lookUp(ctx context.Context, a *app.App, text string, locked *lockfile.File, opts options) (*lockfile.Entry, error) {
	return app.With(ctx, a, text, registry.Read, func(t *app.Target) (*lockfile.Entry, error) {
		if err := t.Complete(ctx); err != nil {
			return nil, err
		}
		reference, keys, err := opts.trust.PinKeys(ctx, a, t, t.Ref.Reference(), nil)
		if err != nil {
			return nil, err
		}
		return resolve(ctx, t, reference, keys, locked)
	})
}

// explainMissing replaces the error about a lock file that does not exist by one that says how to create it.
func explainMissing(name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &exit.MissingError{Text: name + ": lock file not found", Advice: fmt.Sprintf("\"%s\" creates it", shell.Command("davit", "lock", "update", "--lock", name, "REF"))}
}

// updateResult is the result of "lock update".
type updateResult struct {
	File      string    `json:"file"`
	Artifacts []updated `json:"artifacts"`

	dryRun app.DryRun
}

// updated is an entry that was written.
type updated struct {
	lockfile.Entry
	Was     digest.Digest `json:"was,omitempty"`
	Skipped bool          `json:"skipped"` // the file had this entry already
}

// WriteText prints a row for each locked reference.
func (r *updateResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, one := range r.Artifacts {
		verb, text := r.dryRun.Verb("locked", "lock"), term.Digest(w, one.Digest)
		if one.Skipped {
			verb = "unchanged"
		}
		if one.Was != "" {
			text += fmt.Sprintf(" (was %s)", term.Digest(w, one.Was))
		}
		t.Row(verb, one.Reference, text)
	}
	return t.WriteText(w)
}

func newCheckCommand(a *app.App) *cobra.Command {
	var opts options
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check whether references still have the locked digests",
		Long: `Resolve every reference in the lock file. The exit code is 1 if one points to another digest, or to
nothing. Keys in the file are checked only with --verify-key.`,
		Example: `  davit lock check
  davit lock check --lock davit.lock --format json`,
		Args:        app.Arguments(0, 0),
		Annotations: map[string]string{app.Surplus: "--lock"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return runCheck(cmd.Context(), a, opts) },
	}
	opts.addFlags(a, cmd)
	return cmd
}

func runCheck(ctx context.Context, a *app.App, opts options) error {
	file, err := read(opts.file)
	if err != nil {
		return explainMissing(opts.file, err)
	}
	result := &checkResult{File: opts.file, Artifacts: []checked{}}
	wrong := 0
	for _, e := range file.Artifacts {
		one := checked{Entry: e}
		now, err := lookUp(ctx, a, e.Reference, file, opts)
		switch {
		case errors.Is(err, errdef.ErrNotFound):
			one.Status = statusMissing
		case err != nil:
			return signing.AsNegative(err)
		default:
			one.compare(now)
		}
		if one.Status != statusSame {
			wrong++
		}
		result.Artifacts = append(result.Artifacts, one)
	}
	if err := a.Print(result); err != nil {
		return err
	}
	if wrong > 0 {
		return exit.ErrNegative
	}
	return nil
}

// The statuses of a locked reference.
const (
	statusSame    = "same"
	statusMoved   = "moved"
	statusDiffers = "differs" // in size, kind, or key
	statusMissing = "missing"
)

// checkResult is the result of "lock check".
type checkResult struct {
	File      string    `json:"file"`
	Artifacts []checked `json:"artifacts"`
}

// checked is a locked reference, compared with its current digest.
type checked struct {
	lockfile.Entry
	Status     string        `json:"status"` // same, moved, differs, or missing
	Now        digest.Digest `json:"now,omitempty"`
	KeyChecked bool          `json:"keyChecked"` // a signature by the key was verified
}

// compare sets the status. Keys are compared only if a signature was verified.
func (c *checked) compare(now *lockfile.Entry) {
	c.Status, c.Now = statusSame, now.Digest
	c.KeyChecked = c.Key != "" && c.Key == now.Key
	switch {
	case now.Digest != c.Digest:
		c.Status = statusMoved
	case now.Size != c.Size || now.Kind != c.Kind || c.Key != "" && now.Key != "" && now.Key != c.Key:
		c.Status = statusDiffers
	}
}

// WriteText prints a row with the status of each reference.
func (r *checkResult) WriteText(w io.Writer) error {
	var t term.Table
	for _, one := range r.Artifacts {
		text := term.Digest(w, cmp.Or(one.Now, one.Digest))
		if one.Status == statusMoved {
			text += fmt.Sprintf(" (locked: %s)", term.Digest(w, one.Digest))
		}
		switch {
		case one.KeyChecked:
			text += "  signed"
		case one.Key != "":
			text += "  signature not checked"
		}
		t.Row(one.Status, one.Reference, text)
	}
	return t.WriteText(w)
}

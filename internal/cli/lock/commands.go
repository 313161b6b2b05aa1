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
	"github.com/davit-oci/davit/pull/trust"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
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
REF, every entry is updated. With --verify-key, REF must be signed by the key, which is locked, too.

Without REF, --verify-key checks the entries that have a key in the file. A note names the others,
which are updated without a check. If no entry has a key, every one must be signed.`,
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
	if err := opts.trust.Load(ctx); err != nil {
		return err
	}
	someHaveKeys := false // of all entries, which are updated
	if len(references) == 0 {
		for _, e := range had.Artifacts {
			references = append(references, e.Reference)
			someHaveKeys = someHaveKeys || e.Key != ""
		}
	}
	result := &updateResult{File: opts.file, Artifacts: []updated{}, dryRun: opts.dryRun}
	for _, text := range references {
		own := opts
		isUnchecked := someHaveKeys && opts.trust.IsSet() && had.Find(text).Key == ""
		if isUnchecked {
			own.trust = signing.Trust{} // the policy still applies
		}
		e, err := lookUp(ctx, a, text, nil, own)
		if err != nil {
			return err
		}
		if isUnchecked && e.Key == "" {
			again := Flag{file: opts.file, key: "FILE"}
			a.Note("%s: no key in the lock file, not checked; to lock its key, too: %s", e.Reference, again.updateCommand(e.Reference))
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

// lookUp returns an entry with the current digest of a reference; see resolve. In a comparison with a lock file, the error about a missing
// signature comes with the entry.
func lookUp(ctx context.Context, a *app.App, text string, locked *lockfile.File, opts options) (*lockfile.Entry, error) {
	return app.With(ctx, a, text, registry.Read, func(t *app.Target) (*lockfile.Entry, error) {
		if err := t.Complete(ctx); err != nil {
			return nil, err
		}
		opts.trust.Prefer(lockedKey(locked, t))
		reference, keys, err := opts.trust.PinKeys(ctx, a, t, t.Ref.Reference(), nil)
		if locked != nil && errors.As(err, new(*trust.NotSignedError)) {
			now, findErr := resolve(ctx, t, t.Ref.Reference(), nil, locked)
			return now, cmp.Or(findErr, err)
		}
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

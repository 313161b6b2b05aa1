package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/lockfile"
	"github.com/davit-oci/davit/internal/term"
	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newCheckCommand(a *app.App) *cobra.Command {
	var opts options
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check whether references still have the locked digests",
		Long: `Resolve every reference in the lock file, and print a status for each. The exit code is 1 if one
points to another digest, or to nothing. If one can't be read, the exit code is that of its error.

Keys in the file are checked only with --verify-key. Then every artifact must be signed: by the key
in the file or, if the file has no key for it, by any of the given keys.`,
		Example: `  davit lock check
  davit lock check --lock davit.lock --format json
  davit lock check --verify-key davit.pub`,
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
	if err := opts.trust.Load(ctx); err != nil {
		return err
	}
	result := &checkResult{File: opts.file, Artifacts: []checked{}}
	var failed, unsigned []error
	end := error(nil)
	for _, e := range file.Artifacts {
		one := checked{Entry: e}
		now, err := lookUp(ctx, a, e.Reference, file, opts)
		err = signing.AsNegative(err)
		switch code := exit.Of(err); {
		case ctx.Err() != nil, code == exit.BadUsage:
			return err
		case code == exit.No:
			unsigned = append(unsigned, err)
		case err != nil && !errors.Is(err, errdef.ErrNotFound):
			failed = append(failed, err)
		}
		one.compare(now, err)
		if one.Status != statusSame {
			end = exit.ErrNegative
		}
		result.Artifacts = append(result.Artifacts, one)
	}
	if err := a.Print(result); err != nil {
		return err
	}
	for i, err := range append(failed, unsigned...) {
		if i == 0 {
			end = err
		} else if a.Format.Name != "json" { // JSON has all messages in the result
			a.Warn("%v", err)
		}
	}
	return end
}

// The statuses of a locked reference.
const (
	statusSame     = "same"
	statusMoved    = "moved"
	statusDiffers  = "differs"  // in size, kind, or key
	statusUnsigned = "unsigned" // the same, but no given key signed it
	statusMissing  = "missing"
	statusFailed   = "failed" // it can't be read
)

// checkResult is the result of "lock check".
type checkResult struct {
	File      string    `json:"file"`
	Artifacts []checked `json:"artifacts"`
}

// checked is a locked reference, compared with its current digest.
type checked struct {
	lockfile.Entry
	Status     string        `json:"status"`
	Now        digest.Digest `json:"now,omitempty"`
	KeyChecked bool          `json:"keyChecked"`         // a signature by the key was verified
	Message    string        `json:"message,omitempty"`  // why it is unsigned or failed
	ExitCode   exit.Code     `json:"exitCode,omitempty"` // for Message

	isSigned bool // by a given key, or as the policy requires
}

// compare sets the status. now and err are the results of lookUp. Keys are compared only if a signature was verified.
func (c *checked) compare(now *lockfile.Entry, err error) {
	if errors.Is(err, errdef.ErrNotFound) {
		c.Status = statusMissing
		return
	}
	if err != nil {
		c.Status, c.Message, c.ExitCode = statusFailed, err.Error(), exit.Of(err)
		if c.ExitCode != exit.No {
			return
		}
	}
	c.Status, c.Now, c.isSigned = statusSame, now.Digest, now.Key != ""
	c.KeyChecked = c.Key != "" && c.Key == now.Key
	switch {
	case now.Digest != c.Digest:
		c.Status = statusMoved
	case now.Size != c.Size || now.Kind != c.Kind || c.Key != "" && now.Key != "" && now.Key != c.Key:
		c.Status = statusDiffers
	case err != nil:
		c.Status = statusUnsigned
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
		t.Row(one.Status, one.Reference, text+one.describeKey())
	}
	return t.WriteText(w)
}

// describeKey returns the end of a row: whether a key signed the artifact.
func (c *checked) describeKey() string {
	switch {
	case c.KeyChecked:
		return "  signed"
	case c.isSigned && c.Key == "":
		return "  signed, key not locked"
	case c.isSigned:
		return "  signed by another key"
	case c.ExitCode == exit.No:
		return "  not signed by a given key"
	case c.Key != "":
		return "  signature not checked"
	}
	return ""
}

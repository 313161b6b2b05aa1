package check

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/diff"
	"github.com/davit-oci/davit/pull/read"
	"github.com/davit-oci/davit/pull/trust"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// verifyPulled compares a directory with the artifact that its record names. Without a record, it verifies the layouts below the directory.
func verifyPulled(ctx context.Context, a *app.App, dir string, opts verifyOptions) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return exit.FileError("directory", dir, err)
	}
	defer root.Close()
	records, err := app.RecordsDir()
	if err != nil {
		return err
	}
	state, err := record.Find(records, root)
	if err != nil {
		return err
	}
	all := state.All()
	if len(all) == 0 {
		layouts, err := places.FindLayouts(dir)
		if err != nil {
			return err
		}
		if len(layouts) > 0 {
			return verifyLayouts(ctx, a, dir, layouts, opts)
		}
		return &exit.MissingError{
			Text:   fmt.Sprintf("%s: no image layout and no record of a pull in this directory: not found", dir),
			Advice: advisePulled(ctx, dir, records),
		}
	}
	total := &directoryResult{Directory: dir, Verified: &diff.Verified{Faults: []diff.FileFault{}}}
	for _, r := range all {
		var pulled struct {
			Digest   digest.Digest
			Platform *ocispec.Platform
		}
		if err := json.Unmarshal(r.Result, &pulled); err != nil {
			return artifact.Refused(dir, "the record of its pull can't be read: %w", err)
		}
		if opts.trust.IsSet() && r.Root.Digest != "" { // the signature may be that of the index
			pulled.Digest = r.Root.Digest
		}
		ref := r.Origin + "@" + pulled.Digest.String()
		isPlaced := func(name string) bool { _, ok := r.Find(name); return ok }
		one, err := compareDir(ctx, a, directory{dir: dir, ref: ref, platform: pulled.Platform, trust: &opts.trust, isWanted: isPlaced, isPacked: r.IsPacked()})
		if code := exit.Of(err); (code == exit.NotFound || code == exit.Network) && ctx.Err() == nil {
			one, err = recorded{record: r, dir: root, ref: ref, records: records}.compare(ctx, err, opts.trust.IsSet())
		}
		if err != nil {
			return err
		}
		total.Reference = one.Reference
		total.compared = append(total.compared, one.compared...)
		total.Files += one.Files
		total.Faults = append(total.Faults, one.Faults...)
		total.Signatures = append(total.Signatures, one.Signatures...)
		total.Required = append(total.Required, one.Required...)
		total.FromRecord = append(total.FromRecord, one.FromRecord...)
	}
	return total.report(a)
}

// verifyDirectory compares a directory with an artifact.
func verifyDirectory(ctx context.Context, a *app.App, opts verifyOptions) error {
	platform, err := app.OptionalPlatform(opts.platform)
	if err != nil {
		return err
	}
	result, err := compareDir(ctx, a, directory{dir: opts.dir, ref: opts.target, platform: platform, trust: &opts.trust})
	if err != nil {
		return err
	}
	return result.report(a)
}

// directory is a directory to compare with an artifact.
type directory struct {
	dir, ref string
	platform *ocispec.Platform
	trust    *signing.Trust
	isWanted func(name string) bool // selects files of the artifact; nil: all
	isPacked bool                   // tars were left packed
}

// compareDir checks the signatures that flags require of an artifact, and compares every byte of its files with the directory. It
// ignores other files in the directory.
func compareDir(ctx context.Context, a *app.App, d directory) (*directoryResult, error) {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return nil, exit.FileError("directory", d.dir, err)
	}
	defer root.Close()
	result, err := app.With(ctx, a, d.ref, registry.Read, func(t *app.Target) (*directoryResult, error) {
		if err := t.Complete(ctx); err != nil {
			return nil, err
		}
		reference, signed, err := verifySignature(ctx, t, d.trust, d.platform)
		if err != nil {
			return nil, err
		}
		found, err := d.verify(ctx, root, diff.Side{Source: t.Target, Ref: reference, Platform: d.platform})
		if err != nil {
			return nil, t.Explain(ctx, err)
		}
		r := &directoryResult{Reference: t.Ref.String(), Directory: d.dir, Verified: found, compared: []string{t.Ref.String()}}
		if signed != nil {
			r.Signatures, r.Required = signed.Signatures, signed.Required
		}
		return r, nil
	})
	return result, signing.AsNegative(err)
}

// verify compares the files.
func (d directory) verify(ctx context.Context, root *os.Root, want diff.Side) (*diff.Verified, error) {
	if !d.isPacked {
		return diff.Verify(ctx, root, want, d.isWanted)
	}
	listed, err := read.List(ctx, want.Source, want.Ref, read.ListOptions{Platform: want.Platform, NoUnpack: true})
	if err != nil {
		return nil, err
	}
	files := lists.Delete(listed.Files, func(f pull.File) bool { return !d.isWanted(f.Path) })
	if len(files) == 0 { // pulls of volumes do this
		return nil, &exit.MissingError{Text: d.ref + ": the pull joined its layers into one tar, which it does not have"}
	}
	return diff.VerifyFiles(ctx, root, files)
}

// directoryResult is the result of verify for a directory.
type directoryResult struct {
	Reference string `json:"reference"`
	Directory string `json:"directory"`
	*diff.Verified
	Signatures []trust.Signature `json:"signatures,omitempty"` // as in verifyResult
	Required   []trust.Required  `json:"required,omitempty"`
	FromRecord []unread          `json:"fromRecord,omitempty"`

	compared []string // references: several pulls may have placed files there
}

// report prints the result, and returns an error if there are faults.
func (r *directoryResult) report(a *app.App) error {
	for _, u := range r.FromRecord {
		a.Note("%s", u.describe())
	}
	if err := a.Print(r); err != nil || len(r.Faults) == 0 {
		return err
	}
	return artifact.Refused(r.Directory, "%s, compared with %s", term.Plural(len(r.Faults), "fault"), strings.Join(lists.Unique(r.compared), " and "))
}

// WriteText prints a row for each fault, or OK.
func (r *directoryResult) WriteText(w io.Writer) error {
	var t term.Table
	addSigned(&t, r.Signatures, r.Required)
	if err := t.WriteText(w); err != nil { // faults have other columns
		return err
	}
	t = term.Table{}
	for _, f := range r.Faults {
		t.Row(f.Path, f.Problem)
	}
	if len(r.Faults) == 0 {
		t.Row("OK", term.Plural(r.Files, "file")+" as in "+strings.Join(lists.Unique(r.compared), " and "))
	}
	return t.WriteText(w)
}

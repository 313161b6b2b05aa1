package publish

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/davit-oci/davit/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
)

// sendOptions are the target of a source, and the flags about it.
type sendOptions struct {
	target registry.Reference
	tags   []string // of --tag
	verb   string   // "packed" or "pushed"
	sign   signing.Flags

	ifAbsent app.IfAbsent
}

// send packs a source into a target, and prints the result. pack and push differ only in the target.
func send(ctx context.Context, a *app.App, s *source.Source, opts sendOptions) error {
	signer, err := opts.sign.Signer(ctx, a, opts.target)
	if err != nil {
		return err
	}
	d, err := openDestination(ctx, a, s, opts, registry.Write)
	if err != nil {
		return err
	}
	parts, err := sendParts(ctx, a, s, sendOptions{target: d.ref, sign: opts.sign})
	if err != nil {
		d.release()
		return d.target.Close(ctx, err)
	}
	guard := opts.guard(s, d)
	if guard.IsTaken(ctx) {
		d.opts.BeforeSend = guard.Check
	}
	d.opts.BeforeTag = guard.Then(signer.In(d.target.Target))
	var tally *printer.Tally
	var notes, moves []string
	result, err := app.Finish(ctx, d.target, func(t *app.Target) (*pack.Result, error) {
		defer d.release()
		progress, stop := a.StartProgress()
		defer stop()
		tally = printer.NewTally(progress)
		d.opts.Progress = tally
		result, err := pack.Push(ctx, s.FS, s.Plan, d.dst, d.opts)
		if err == nil && !a.Quiet {
			notes, moves = noteEarlier(ctx, t, t.Ref, result), warnOfMoves(ctx, t, result)
		}
		return result, err
	})
	if err != nil {
		return err
	}
	for _, note := range notes {
		a.Note("%s", note)
	}
	result.Reference = d.ref.String()
	a.PrintMoreWarnings(s.Plan, append(moves, result.Warnings...))
	return a.Print(sentResult{results.Sent{Result: result, Verb: opts.verb, Signatures: signer.Made()}, parts, tally})
}

// guard returns the guard for --if-absent, or for immutable: true in davit.yaml. It protects the tag of the target, tags that are full
// versions, and the tag of the artifact's version if the artifact gets it. Without either, it is nil.
func (o sendOptions) guard(s *source.Source, d *destination) *app.Guard {
	guarded := append([]string{d.ref.TagName()}, versions.Full(d.opts.Tags)...)
	if version := s.VersionTag(); version != "" && slices.Contains(slices.Concat(d.opts.Tags, s.Plan.Tags), version) {
		guarded = append(guarded, version)
	}
	if s.Plan.Immutable {
		return app.Immutable(d.target, guarded...)
	}
	return o.ifAbsent.Guard(d.target, guarded...)
}

// destination is the open target of a source, with the options to pack the source. A push and a dry run use the same options.
type destination struct {
	ref     registry.Reference
	target  *app.Target // nil if it does not exist, and is only read
	dst     oras.Target // the target, or an empty store if target is nil
	opts    pack.PushOptions
	release func() // closes what the options refer to
}

// close closes a destination that was only read.
func (d *destination) close(ctx context.Context) {
	d.release()
	if d.target != nil {
		_ = d.target.Close(ctx, nil)
	}
}

// previewSignature adds the signatures that a push would make.
func (d *destination) previewSignature(ctx context.Context, signer *signing.Signer, preview *pack.Preview) error {
	if d.target == nil {
		return signer.Preview(ctx, nil, preview.Descriptor())
	}
	return signer.Preview(ctx, d.target.Target, preview.Descriptor())
}

// openDestination opens the target of a source, and decides how the source is packed. With registry.Read, a layout or archive need not
// exist.
func openDestination(ctx context.Context, a *app.App, s *source.Source, to sendOptions, mode registry.Mode) (*destination, error) {
	ref, err := completeTarget(to.target, s)
	if err != nil {
		return nil, err
	}
	if err := app.CheckTags(to.tags); err != nil {
		return nil, err
	}
	d := &destination{ref: ref}
	t, err := a.OpenReference(ctx, ref, mode)
	switch {
	case err == nil:
		d.target, d.dst = t, t.Target
	case mode == registry.Read && ref.IsPath() && errors.Is(err, errdef.ErrNotFound) && s.Plan.Subject == "":
		d.dst = memory.New()
	default:
		return nil, err
	}
	opts, release, err := s.PackOptions(ctx, a)
	if err == nil && d.target != nil {
		if d.opts.Subject, err = findSubject(ctx, s, d.target); err != nil {
			release()
		}
	}
	if err != nil {
		if d.target == nil {
			return nil, err
		}
		return nil, d.target.Close(ctx, err)
	}
	d.opts.Options, d.opts.Tags, d.release = opts, []string{ref.TagName()}, release
	for _, tag := range to.tags {
		d.opts.Tags = append(d.opts.Tags, ref.Named(tag))
	}
	return d, nil
}

// findSubject finds the declared subject of the artifact, if there is one. The subject must be in the same repository or layout as the
// artifact, where its referrers are listed.
func findSubject(ctx context.Context, s *source.Source, t *app.Target) (*ocispec.Descriptor, error) {
	if s.Plan.Subject == "" {
		return nil, nil
	}
	ref, err := s.Reference(s.Plan.Subject)
	if err != nil {
		return nil, err
	}
	if !isSamePlace(ref, t.Ref) {
		return nil, &exit.UsageError{
			Err:  fmt.Errorf("the subject %s is not in %s", s.Plan.Subject, t.Ref.Name()),
			Hint: "push to " + ref.Name() + ", where its subject is",
		}
	}
	subject := t.At(ref)
	desc, err := subject.Find(ctx)
	if err != nil {
		return nil, err
	}
	return &desc, nil
}

// isSamePlace reports whether two references are in the same repository or at the same path.
func isSamePlace(a, b registry.Reference) bool {
	return a.Name() == b.Name() || a.IsPath() && b.IsPath() && filepath.Clean(a.Path) == filepath.Clean(b.Path)
}

// completeTarget adds the default tag to a target that has none, unless the artifact has a subject. It returns a usage error for a target
// with a digest.
func completeTarget(ref registry.Reference, s *source.Source) (registry.Reference, error) {
	if ref.Digest != "" {
		return ref, &exit.UsageError{Err: fmt.Errorf("the target %q names a digest", ref), Hint: "the digest results from the content: name a tag, or none"}
	}
	if ref.Tag == "" && s.Plan.Subject == "" {
		ref.Tag = s.DefaultTag()
	}
	return ref, nil
}

package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
)

// sentPart describes a pushed part of an artifact. A part has its own repository, or its own tag in the repository of the artifact.
type sentPart struct {
	Reference string        `json:"reference"`
	Digest    digest.Digest `json:"digest"`
	Kind      string        `json:"kind"`
	Tags      []string      `json:"tags,omitempty"`
	Skipped   bool          `json:"skipped"` // the version, or the same content under the tag, existed already

	Was        map[string]digest.Digest `json:"was,omitempty"`        // previous digests of tags that moved
	Signatures []sign.Signature         `json:"signatures,omitempty"` // made or found by --sign-key

	exists bool // the version exists, whatever its content
}

// addRow adds a row for the part. If it was skipped, "exists" or "unchanged" replaces the verb.
func (p sentPart) addRow(w io.Writer, t *term.Table, verb string) {
	switch {
	case p.exists:
		verb = "exists"
	case p.Skipped:
		verb = "unchanged"
	}
	row := []string{verb, p.Reference, p.Kind}
	if len(p.Was) > 0 {
		row = append(row, results.FormatTags(w, p.Tags, p.Was)...)
	}
	t.Row(row...)
	results.AddSignatures(t, p.Signatures, verb)
}

// sentResult is the result of pack and push, with the parts that were pushed before the artifact.
type sentResult struct {
	results.Sent
	Parts []sentPart     `json:"parts,omitempty"`
	Tally *printer.Tally `json:"sent,omitempty"`
}

// WriteText prints the parts and the artifact and, if only some of the blobs were sent, a line about those.
func (r sentResult) WriteText(w io.Writer) error {
	t := term.Table{}
	for _, p := range r.Parts {
		p.addRow(w, &t, r.Verb)
	}
	if err := t.WriteText(w); err != nil {
		return err
	}
	if err := r.Sent.WriteText(w); err != nil || r.Skipped || r.Tally == nil || r.Tally.There == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "sent    %s\n", r.Tally)
	return err
}

// noteParts adds a note to a plan that lists other artifacts: a push to a registry also sends them.
func noteParts(plan *artifact.Plan, target registry.Reference) {
	var names []string
	for _, p := range plan.Parts {
		if len(p.Repositories) > 0 {
			names = append(names, p.Repositories[0])
		}
	}
	if len(names) == 0 {
		return
	}
	note := fmt.Sprintf("%s: the artifacts that it lists are pushed too: %s", plan.Kind.Name, textdist.FirstFew(names))
	if target.IsPath() {
		note = fmt.Sprintf("%s: only the list is written, without the %s that it lists: each has its own repository in a registry", plan.Kind.Name, term.Plural(len(names), "artifact"))
	}
	plan.Notes = append(plan.Notes, note)
}

// sendParts pushes the parts of an artifact: to their own repositories, unless their versions exist there, or to the repository of the
// artifact, under the tag of their kind.
func sendParts(ctx context.Context, a *app.App, s *source.Source, opts sendOptions) ([]sentPart, error) {
	return opts.eachPart(s.Plan, func(plan *artifact.Plan, to sendOptions) (*sentPart, error) { return sendPart(ctx, a, s, plan, to) })
}

// previewParts returns the results that sendParts would return, without sending anything.
func previewParts(ctx context.Context, a *app.App, s *source.Source, opts sendOptions) ([]sentPart, error) {
	return opts.eachPart(s.Plan, func(plan *artifact.Plan, to sendOptions) (*sentPart, error) { return previewPart(ctx, a, s, plan, to) })
}

// eachPart calls send with each part of an artifact and its target. It does nothing for a layout or archive.
func (o sendOptions) eachPart(plan *artifact.Plan, send func(*artifact.Plan, sendOptions) (*sentPart, error)) (sent []sentPart, err error) {
	if o.target.IsPath() {
		return nil, nil
	}
	for _, part := range plan.Parts {
		targets := []sendOptions{o.targetBeside(part.Plan)}
		if len(part.Repositories) > 0 {
			if targets, err = o.targetsBelow(part); err != nil {
				return nil, err
			}
		}
		for _, to := range targets {
			one, err := send(part.Plan, to)
			if err != nil {
				return nil, err
			}
			sent = append(sent, *one)
		}
	}
	return sent, nil
}

// targetBeside returns the target of a part in the same repository, under the tag of its kind.
func (o sendOptions) targetBeside(plan *artifact.Plan) sendOptions {
	o.target.Tag = plan.Kind.Tag
	return o
}

// targetsBelow returns the targets of a part in its own repositories, which are below that of the artifact, under the tag of its version.
func (o sendOptions) targetsBelow(part spec.Part) ([]sendOptions, error) {
	var targets []sendOptions
	for _, name := range part.Repositories {
		to := o
		to.target.Repository += "/" + name
		to.target.Tag = strings.ReplaceAll(part.Plan.Cascade, "+", "_")
		if _, err := registry.Parse(to.target.String()); err != nil {
			return nil, &exit.UsageError{Err: fmt.Errorf("%q can't be the name of a repository: %w", name, err)}
		}
		targets = append(targets, to)
	}
	return targets, nil
}

// previewPart returns the result that sendPart would return, without sending anything.
func previewPart(ctx context.Context, a *app.App, s *source.Source, plan *artifact.Plan, to sendOptions) (*sentPart, error) {
	part := *s
	part.Plan = plan
	signer, err := to.sign.Signer(ctx, a, to.target)
	if err != nil {
		return nil, err
	}
	d, err := openDestination(ctx, a, &part, to, registry.Read)
	if err != nil {
		return nil, err
	}
	defer d.close(ctx)
	if desc, err := d.dst.Resolve(ctx, to.target.Tag); err == nil && plan.Kind.Tag == "" {
		return &sentPart{Reference: to.target.String(), Digest: desc.Digest, Kind: plan.Kind.Name, Skipped: true, exists: true}, nil
	}
	preview, err := pack.PreviewPush(ctx, s.FS, plan, d.dst, d.opts)
	if err != nil {
		return nil, err
	}
	err = d.previewSignature(ctx, signer, preview)
	return &sentPart{d.ref.String(), preview.Digest, preview.Kind, preview.Tags, preview.Skipped, preview.Was, signer.Made(), false}, err
}

// sendPart pushes a part to one target. It skips a version that exists there.
func sendPart(ctx context.Context, a *app.App, s *source.Source, plan *artifact.Plan, to sendOptions) (*sentPart, error) {
	signer, err := to.sign.Signer(ctx, a, to.target)
	if err != nil {
		return nil, err
	}
	t, err := a.OpenReference(ctx, to.target, registry.Write)
	if err != nil {
		return nil, err
	}
	return app.Finish(ctx, t, func(t *app.Target) (*sentPart, error) {
		sent := &sentPart{Reference: to.target.String(), Kind: plan.Kind.Name}
		desc, err := t.Target.Resolve(ctx, to.target.Tag)
		if err == nil && plan.Kind.Tag == "" {
			sent.Digest, sent.Skipped, sent.exists = desc.Digest, true, true
			return sent, nil
		}
		if err != nil && !errors.Is(err, errdef.ErrNotFound) && !fetch.IsDenied(err) { // the push reports a real denial
			return nil, t.Explain(ctx, err)
		}
		options, release, err := s.PackOptions(ctx, a)
		if err != nil {
			return nil, err
		}
		defer release()
		progress, stop := a.StartProgress()
		defer stop()
		options.Progress = progress
		result, err := pack.Push(ctx, s.FS, plan, t.Target, pack.PushOptions{Options: options, Tags: []string{to.target.Tag}, BeforeTag: signer.In(t.Target)})
		if err != nil {
			return nil, err
		}
		sent.Digest, sent.Tags, sent.Skipped, sent.Was, sent.Signatures = result.Digest, result.Tags, result.Skipped, result.Was, signer.Made()
		return sent, nil
	})
}

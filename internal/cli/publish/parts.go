package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/source"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/pack"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
)

// sentPart is a part of an artifact in a repository of its own.
type sentPart struct {
	Reference string        `json:"reference"`
	Digest    digest.Digest `json:"digest"`
	Kind      string        `json:"kind"`
	Tags      []string      `json:"tags,omitempty"`
	Skipped   bool          `json:"skipped"` // the version exists
}

// sentResult is the result of a push, with the parts that were pushed before.
type sentResult struct {
	results.Sent
	Parts []sentPart `json:"parts,omitempty"`
}

func (r sentResult) WriteText(w io.Writer) error {
	t := term.Table{}
	for _, p := range r.Parts {
		verb := r.Verb
		if p.Skipped {
			verb = "exists"
		}
		t.Row(verb, p.Reference, p.Kind)
	}
	if err := t.WriteText(w); err != nil {
		return err
	}
	return r.Sent.WriteText(w)
}

// noteParts says what a push does with the parts of an artifact.
func noteParts(plan *artifact.Plan, target registry.Reference) {
	var names []string
	for _, p := range plan.Parts {
		names = append(names, p.Repositories[0])
	}
	if len(names) == 0 {
		return
	}
	note := fmt.Sprintf("%s: the artifacts that it lists are pushed too: %s", plan.Kind.Name, textdist.FirstFew(names))
	if target.IsPath() {
		note = fmt.Sprintf("%s: the list alone, without the %d artifacts in it, which have repositories of their own in a registry", plan.Kind.Name, len(names))
	}
	plan.Notes = append(plan.Notes, note)
}

// sendParts pushes the parts of an artifact, each below the repository of the target, unless a repository has their version.
func sendParts(ctx context.Context, a *app.App, s *source.Source, opts sendOptions) ([]sentPart, error) {
	if opts.target.IsPath() {
		return nil, nil
	}
	var sent []sentPart
	for _, part := range s.Plan.Parts {
		for _, name := range part.Repositories {
			to := opts
			to.target.Repository += "/" + name
			to.target.Tag = strings.ReplaceAll(part.Plan.Cascade, "+", "_")
			if _, err := registry.Parse(to.target.String()); err != nil {
				return nil, &exit.UsageError{Err: fmt.Errorf("%q can't be the name of a repository: %w", name, err)}
			}
			one, err := sendPart(ctx, a, s, part.Plan, to)
			if err != nil {
				return nil, err
			}
			sent = append(sent, *one)
		}
	}
	return sent, nil
}

// sendPart pushes one part to one repository.
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
		if err == nil {
			sent.Digest, sent.Skipped = desc.Digest, true
			return sent, nil
		}
		if !errors.Is(err, errdef.ErrNotFound) && !fetch.IsDenied(err) { // the push reports a real denial
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
		sent.Digest, sent.Tags = result.Digest, result.Tags
		return sent, nil
	})
}

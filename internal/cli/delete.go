package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newDeleteCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete TARGET",
		Short: "Deletes a tag, or a manifest with all its tags",
		Long: `Deletes what TARGET names: a tag (the manifest stays, for its digest and its other
tags), or with a digest the manifest and every tag of it. On a terminal it asks first.`,
		Example: `  davit delete registry.example.com/app:1.0
  davit delete --yes ./oci@sha256:87ba42d7831ceb3169e2afa45a3cbe1f60c879ca903db0d97b959029df1134f0`,
		GroupID: groupRegistry,
		Args:    arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.delete(cmd.Context(), args[0], yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	a.addRegistryFlags(cmd.Flags())
	return cmd
}

func (a *app) delete(ctx context.Context, reference string, yes bool) error {
	ref, err := registry.Parse(reference)
	if err != nil {
		return err
	}
	if ref.Reference() == "" {
		return &usageError{err: fmt.Errorf("%q names no tag and no digest", reference), hint: "\"davit tags " + ref.Name() + "\" lists what is there"}
	}
	t, err := a.openReference(ctx, ref, registry.Write)
	if err != nil {
		return err
	}
	result, err := a.deleteFrom(ctx, t, yes)
	if err := t.close(ctx, err); err != nil {
		return err
	}
	return a.print(result)
}

func (a *app) deleteFrom(ctx context.Context, t *target, yes bool) (*deleteResult, error) {
	desc, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	r := &deleteResult{resolveResult: newResolveResult(t.ref, desc)}
	question := fmt.Sprintf("delete %s and every tag of it?", t.ref)
	if t.ref.Digest == "" {
		question = fmt.Sprintf("delete the tag %s (%s)?", t.ref, desc.Digest)
		r.Tags = []string{t.ref.Tag}
	}
	if err := a.confirm(ctx, question, yes); err != nil {
		return nil, err
	}
	if t.ref.Digest != "" {
		return r, t.Delete(ctx, desc)
	}
	return r, t.untag(ctx, desc)
}

// untag removes the tag. On disk a manifest that no tag leads to any more goes with it: nobody else would remove it.
func (t *target) untag(ctx context.Context, desc ocispec.Descriptor) error {
	if err := t.Untag(ctx, t.ref.Tag); err != nil {
		return &untagError{t.ref, desc, err}
	}
	if !t.ref.IsPath() {
		return nil
	}
	tags, err := listAllTags(ctx, t)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if other, err := t.Resolve(ctx, tag); err != nil || other.Digest == desc.Digest {
			return err
		}
	}
	return t.Delete(ctx, desc)
}

// untagError is a tag that could not be removed. Many registries only delete manifests.
type untagError struct {
	ref  registry.Reference
	desc ocispec.Descriptor
	err  error
}

func (e *untagError) Error() string { return e.err.Error() }
func (e *untagError) Unwrap() error { return e.err }

// hint tells how to delete the manifest, where the registry answered that it deletes no tags.
func (e *untagError) hint() string {
	var answered *registry.Unavailable
	if !errors.As(e.err, &answered) || answered.Answer.Status == 0 {
		return ""
	}
	ref := e.ref
	ref.Tag = ""
	return fmt.Sprintf("many registries delete only manifests, with every tag of them: davit delete %s", withDigest(ref, e.desc))
}

// deleteResult is what delete prints.
type deleteResult struct {
	resolveResult
	Tags []string `json:"tags,omitempty"` // deleted alone; empty: the manifest was
}

func (r deleteResult) WriteText(w io.Writer) error {
	var t term.Table
	t.Row("deleted", r.Reference)
	if len(r.Tags) > 0 {
		t.Row("digest", r.Digest.String())
	}
	return t.WriteText(w)
}

// confirm asks a question that has to be answered with yes. --yes answers it, and so does a script, which has no terminal:
// it means what it says.
func (a *app) confirm(ctx context.Context, question string, yes bool) error {
	if yes || !a.asksPeople() {
		return nil
	}
	answer, err := a.ask(ctx, "davit: "+term.Escape(question)+" [y/N] ")
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	a.note("nothing deleted")
	return errNo
}

// asksPeople reports whether standard input is a terminal.
func (a *app) asksPeople() bool {
	f, ok := a.stdin.(*os.File)
	return ok && term.IsTerminal(f)
}

// Package compare has the command that compares artifacts, and directories with artifacts.
package compare

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/pull/diff"
	"github.com/spf13/cobra"
)

// Commands returns the commands of this package.
func Commands(a *app.App) []*cobra.Command { return []*cobra.Command{newDiffCommand(a)} }

func newDiffCommand(a *app.App) *cobra.Command {
	var opts diffOptions
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare the files, config fields, and annotations of two artifacts",
		Long: `Compare two artifacts from any targets: their files, config fields, and annotations; on
request also the lines of text files, the tags, and the attachments. Of charts, the files in them
are compared. The exit code is 0 if they are the same, 1 if they differ. Layers that both artifacts
have are not fetched, except those of container images. Of two indexes, the manifests for this
machine are compared or, if they are the same, those for the first platform that differs.

A or B may be a directory, with or without "./" before its name. One with a davit.yaml is compared
as a push packs it. The files of any other are compared with those that a pull places, byte by byte,
and extra files count as differences ("davit verify" ignores them); a chart, or other files from
which the artifact was packed, are packed for it. Then annotations and config fields that only the
artifact has do not count, since flags of the push can have set them.

A or B may be a file, to compare it with the file of an artifact that has only one.`,
		Example: `  davit diff registry.example.com/app:1.0 registry.example.com/app:1.1
  davit diff ./oci:old ./oci:new --text
  davit diff ./app.tar registry.example.com/app:1.0 --referrers --format json
  davit diff tiny registry.example.com/models/tiny:1.0 --text
  davit diff registry.example.com/charts/web:1.0.0 ./charts/web`,
		GroupID: app.GroupLook,
		Args:    app.Arguments(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDiff(cmd.Context(), a, args[0], args[1], opts)
		},
	}
	cmd.Flags().BoolVar(&opts.Text, "text", false, "show the lines of small text files that differ")
	cmd.Flags().BoolVar(&opts.Tags, "tags", false, "also compare the tags that point to each artifact")
	cmd.Flags().BoolVar(&opts.Referrers, "referrers", false, "also compare their attachments")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "choose the manifest of an index for `OS/ARCH[/VARIANT]`")
	a.AddSideFlags(cmd.Flags(), "A", "B")
	return cmd
}

type diffOptions struct {
	diff.Options
	platform string
}

// hintAtTag returns err, the error from parsing argument i. If that is the second argument, and a tag rather than an existing path, the result
// suggests that tag in the repository of the first.
func hintAtTag(first registry.Reference, i int, text string, err error) error {
	if i == 0 || reference.ValidateTag(text) != nil {
		return err
	}
	if _, statErr := os.Lstat(text); statErr == nil {
		return err
	}
	e := &exit.UsageError{Err: fmt.Errorf("%q is a tag, not a reference, and there is no such file or directory", text)}
	var meant []string
	if !isLocal(first) {
		first.Tag, first.Digest = text, ""
		meant = append(meant, fmt.Sprintf("%q", first))
	}
	if near := exit.SimilarPath(text); near != "" {
		meant = append(meant, fmt.Sprintf("the path %q", near))
	}
	if len(meant) > 0 {
		e.Hint = "did you mean " + strings.Join(meant, ", or ") + "?"
	}
	return e
}

func runDiff(ctx context.Context, a *app.App, from, to string, opts diffOptions) error {
	p, err := app.OptionalPlatform(opts.platform)
	if err != nil {
		return err
	}
	refs := make([]registry.Reference, 2)
	for i, s := range []string{from, to} {
		if refs[i], err = paths.Parse(s, registry.ParseSource); err != nil {
			return hintAtTag(refs[0], i, s, err)
		}
	}
	if isLocal(refs[0]) || isLocal(refs[1]) {
		return diffLocal(ctx, a, refs, p, opts)
	}
	if err := a.AssignBoth(refs[0], refs[1]); err != nil {
		return err
	}
	logins := []*app.Login{&a.Logins.From, &a.Logins.To}
	sides := make([]*app.Target, 2)
	for i, ref := range refs {
		t, err := a.OpenSide(ctx, logins[i], ref, registry.Read)
		if err != nil {
			return err
		}
		defer t.Close(ctx, nil)
		if err := t.Complete(ctx); err != nil {
			return err
		}
		sides[i] = t
	}
	side := func(t *app.Target) diff.Side { return diff.Side{Source: t.Target, Ref: t.Ref.Reference(), Platform: p} }
	difference, err := diff.Artifacts(ctx, side(sides[0]), side(sides[1]), opts.Options)
	if err != nil {
		for _, t := range sides {
			err = t.Explain(ctx, err)
		}
		return err
	}
	if difference.From != difference.To {
		a.NotePlatform(sides[0].Ref.String(), p, difference.Platform)
	}
	return diffResult{Difference: difference}.report(a, p)
}

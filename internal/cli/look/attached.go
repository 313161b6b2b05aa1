package look

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// attachedTo finds the attachment among the referrers, else in the index. The digest of an image in a registry is enough to
// list referrers: the image itself is not fetched.
func attachedTo(ctx context.Context, t *app.Target, opts referrers.AttachedOptions, platform *ocispec.Platform) (*referrers.Statement, error) {
	subject := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: t.Ref.Digest}
	var err error
	switch {
	case platform != nil:
		var info *inspect.Info
		info, err = inspect.Inspect(ctx, t.Target, t.Ref.Reference(), inspect.Options{Shallow: true, Platform: platform})
		if err == nil {
			subject = ocispec.Descriptor{MediaType: info.MediaType, Digest: info.Digest, Size: info.Size}
		}
		err = t.Explain(ctx, err)
	case t.Ref.IsPath() || t.Ref.Digest == "":
		subject, err = t.Find(ctx)
	}
	if err != nil {
		return nil, err
	}
	found, err := referrers.Attached(ctx, t.Target, subject, opts)
	var none *referrers.NoneAttachedError
	var several *referrers.SeveralAttachedError
	switch {
	case errors.As(err, &none):
		inIndex, err := referrers.StatementInIndex(ctx, t.Target, t.Ref.Reference(), platform, opts)
		if errors.As(err, new(*referrers.NoneAttachedError)) {
			return nil, noneAttached(ctx, t, none)
		}
		return inIndex, t.Explain(ctx, err)
	case errors.As(err, &several):
		return nil, ambiguous(t.Ref, several)
	case err != nil:
		return nil, err
	}
	return &referrers.Statement{Manifest: found.Digest}, nil
}

// noneAttached returns the error that nothing matches. Its hint names other attachments or the place of one, which is worth a
// few more requests.
func noneAttached(ctx context.Context, t *app.Target, none *referrers.NoneAttachedError) error {
	e := &exit.MissingError{Text: fmt.Sprintf("%s: no %s is attached", t.Ref, none.Options.Kind)}
	if none.Options.Alert != "" {
		e.Text += fmt.Sprintf(" for the alert %q", none.Options.Alert)
	}
	var alerts []string
	for _, r := range none.Others {
		alerts = append(alerts, r.Alerts()...)
	}
	if len(alerts) > 0 {
		slices.Sort(alerts)
		e.Advice = "there are runbooks for " + strings.Join(slices.Compact(alerts), ", ")
		return e
	}
	place, err := referrers.Elsewhere(ctx, t.Target, none.Subject, none.Options)
	switch {
	case err != nil:
		return t.Explain(ctx, err)
	case place != nil:
		e.Advice = elsewhere(t.Ref, place, none.Options)
	default:
		e.Advice = results.SuggestKind(none.Options.Kind)
	}
	if e.Advice == "" {
		e.Advice = fmt.Sprintf("\"davit discover %s\" lists the attachments", t.Ref)
	}
	return e
}

// elsewhere returns the command that shows the attachment of the index of a manifest, or of a manifest of an index.
func elsewhere(ref registry.Reference, place *referrers.Place, opts referrers.AttachedOptions) string {
	what := fmt.Sprintf("one is attached to its manifest for %s", manifest.FormatPlatform(place.Platform))
	ref.Tag, ref.Digest = place.Tag, place.Digest
	if place.Tag != "" {
		what = fmt.Sprintf("one is attached to the index %q, which has this manifest", place.Tag)
	}
	flags := "--kind " + opts.Kind
	if opts.Alert != "" {
		flags = "--alert " + opts.Alert
	}
	if place.Tag != "" && place.Platform != nil {
		what = fmt.Sprintf("the index %q has one about this manifest", place.Tag)
		flags += " --platform " + manifest.FormatPlatform(place.Platform)
	}
	return fmt.Sprintf("%s: davit show %s %s", what, flags, ref)
}

// ambiguous returns the error about several attachments that match, with the commands that show them.
func ambiguous(ref registry.Reference, several *referrers.SeveralAttachedError) error {
	text := fmt.Sprintf("%s: %d attachments of kind %s", ref, len(several.Referrers), several.Options.Kind)
	if several.Options.Latest {
		text += ", none has a date"
	}
	return &exit.UsageError{Err: errors.New(text), Hint: strings.Join(showCommands(ref, several), "\n")}
}

// showCommands returns the commands that show the attachments, the newest first.
func showCommands(ref registry.Reference, several *referrers.SeveralAttachedError) []string {
	const most = 10
	var lines []string
	alerts := false
	for _, r := range slices.Backward(several.Referrers) {
		if len(lines) == most {
			break
		}
		ref.Tag, ref.Digest = "", r.Digest
		alerts = alerts || len(r.Alerts()) > 0
		lines = append(lines, strings.TrimRight(fmt.Sprintf("davit show %s  %s", ref, tellApart(r)), " "))
	}
	if alerts && several.Options.Alert == "" {
		lines = append(lines, "or choose one with --alert NAME")
	}
	return lines
}

// tellApart returns how a referrer differs from others of its kind.
func tellApart(r *referrers.Referrer) string {
	var words []string
	for _, key := range []string{ocispec.AnnotationTitle, ocispec.AnnotationCreated, mediatypes.RunbookService, mediatypes.RunbookSeverity} {
		if value := r.Annotations[key]; value != "" {
			words = append(words, value)
		}
	}
	if states := results.Stated(r); states != "" {
		words = append(words, states)
	}
	if alerts := r.Alerts(); len(alerts) > 0 {
		words = append(words, "alerts "+strings.Join(alerts, ", "))
	}
	if len(words) == 0 {
		return ""
	}
	return "# " + strings.Join(words, "; ")
}

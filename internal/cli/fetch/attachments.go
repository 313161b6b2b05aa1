package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/progress"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// attachment is a referrer to pull, and the directory for it.
type attachment struct {
	*referrers.Referrer
	platform *ocispec.Platform // of its subject; nil: the subject is the target itself
	dir      string            // KIND, or KIND/PLATFORM
}

// isOfKind reports whether the target itself has one of the kinds, so that it is pulled instead of its attachments.
func isOfKind(ctx context.Context, t *app.Target, reference string, opts pullOptions) (bool, error) {
	info, err := inspect.Inspect(ctx, t.Target, reference, inspect.Options{Shallow: true, Platform: opts.Platform})
	if err != nil {
		return false, t.Explain(ctx, err)
	}
	return slices.Contains(opts.kinds, info.Kind) || slices.Contains(opts.kinds, info.ArtifactType), nil
}

// pullAttachments pulls the attachments of some kinds, each kind and platform into a directory of its own. Nothing is placed before
// all signatures that the options require are verified.
func pullAttachments(ctx context.Context, a *app.App, t *app.Target, reference string, opts pullOptions) (*attachmentsResult, error) {
	desc, err := t.Resolve(ctx, reference)
	if err != nil {
		return nil, t.Explain(ctx, err)
	}
	all, platform, err := findAttachments(ctx, a, t, desc, opts)
	if err != nil {
		return nil, err
	}
	none := fmt.Sprintf("%s: no %s is attached", t.Ref, results.ListKinds(strings.Join(opts.kinds, ",")))
	if len(all) == 0 && !opts.Delete {
		return nil, &exit.MissingError{Text: none, Advice: results.AdviseKinds(ctx, t.Target, t.Ref, desc)}
	}
	for _, one := range all {
		if _, err := opts.trust.Pin(ctx, a, t, one.Digest.String(), nil); err != nil {
			return nil, err
		}
	}
	if err := separate(ctx, t, all); err != nil {
		return nil, err
	}
	r := &attachmentsResult{Described: results.Describe(t.Ref, desc), Attachments: []*pulledAttachment{}, dir: opts.output, dry: opts.dryRun}
	if err := r.pullAll(ctx, a, t, all, opts); err != nil {
		return nil, err
	}
	r.remove, r.force, r.platform = opts.Delete, opts.Force, platform
	err = r.findWithdrawn(a, t.Ref.Name(), all, opts)
	noteLeft(a, opts.output, r.Left)
	switch {
	case err != nil || len(all) > 0:
	case len(r.Removed)+len(r.Kept) == 0: // none was pulled here either: the kind may be the wrong one
		return nil, &exit.MissingError{Text: none, Advice: results.AdviseKinds(ctx, t.Target, t.Ref, desc)}
	default:
		a.Note("%s", none)
	}
	return r, err
}

// directoryOf returns the name of the directory for attachments of a kind or a platform.
func directoryOf(kind string) string { return strings.NewReplacer("/", "-", "\\", "-").Replace(kind) }

// findAttachments lists the attachments of the target, and of the manifests of the platforms that the options choose. The result
// dir is the directory of the platform if only one is chosen.
func findAttachments(ctx context.Context, a *app.App, t *app.Target, desc ocispec.Descriptor, opts pullOptions) (
	all []*attachment, dir string, err error) {
	seen := map[digest.Digest]bool{}
	add := func(found []*referrers.Referrer, platform *ocispec.Platform) {
		found = lists.Delete(found, func(r *referrers.Referrer) bool { return seen[r.Digest] || !slices.ContainsFunc(opts.kinds, r.Is) })
		if opts.latest {
			var notes []string
			found, notes = results.KeepLatest(found, "pulled")
			for _, note := range notes {
				a.Note("%s", note)
			}
		}
		for _, r := range found {
			seen[r.Digest] = true
			dir := directoryOf(cmp.Or(r.Kind, opts.kinds[slices.IndexFunc(opts.kinds, r.Is)]))
			if platform != nil {
				dir = filepath.Join(dir, directoryOf(manifest.FormatPlatform(platform)))
			}
			all = append(all, &attachment{r, platform, dir})
		}
	}
	list := referrers.Options{Tags: true}
	found, err := referrers.List(ctx, t.Target, desc, list)
	if err != nil {
		return nil, "", err
	}
	add(found, nil)
	if !manifest.IsIndex(desc.MediaType) {
		return all, dir, nil
	}
	var chosen digest.Digest
	if !opts.allPlatforms {
		info, err := inspect.Inspect(ctx, t.Target, desc.Digest.String(), inspect.Options{Shallow: true, Platform: opts.Platform})
		if err == nil {
			if chosen = info.Digest; info.Platform != nil {
				dir = directoryOf(manifest.FormatPlatform(info.Platform))
			}
		} else if opts.Platform != nil {
			return nil, "", t.Explain(ctx, err)
		}
	}
	platforms, err := referrers.ListPlatforms(ctx, t.Target, desc, list)
	if err != nil {
		return nil, "", err
	}
	for i, p := range platforms {
		if !opts.allPlatforms && p.Digest != chosen {
			continue
		}
		platform := p.Platform
		if platform == nil {
			platform = &ocispec.Platform{OS: "manifest", Architecture: fmt.Sprint(i + 1)}
		}
		add(p.Referrers, platform)
	}
	return all, dir, nil
}

// separate chooses directories of their own for attachments that would place files of the same name into one directory.
func separate(ctx context.Context, t *app.Target, all []*attachment) error {
	owners := map[string][]*attachment{}
	for _, one := range all {
		info, err := inspect.Inspect(ctx, t.Target, one.Digest.String(), inspect.Options{Shallow: true})
		if err != nil {
			return err
		}
		for _, l := range info.Layers {
			first, _, _ := strings.Cut(filepath.ToSlash(l.Name), "/")
			name := filepath.Join(one.dir, first)
			owners[name] = append(owners[name], one)
		}
	}
	shared := map[*attachment]bool{}
	for _, list := range owners {
		for _, one := range list {
			shared[one] = shared[one] || slices.ContainsFunc(list, func(other *attachment) bool { return other != one })
		}
	}
	for one := range shared {
		if shared[one] {
			one.dir = filepath.Join(one.dir, one.Digest.Encoded()[:12])
		}
	}
	return nil
}

// pullAll pulls attachments, which may have files of the same name, as one transfer.
func (r *attachmentsResult) pullAll(ctx context.Context, a *app.App, t *app.Target, all []*attachment, opts pullOptions) error {
	if !opts.dryRun {
		events, stop := a.StartProgress()
		defer stop()
		opts.Progress = progress.DistinctIDs(events)
	}
	for i, one := range all {
		opts.isLater = i > 0
		pulled, err := pullAttachment(ctx, a, t, one, opts)
		if err != nil {
			return &artifact.Error{Op: "pulling", Item: one.Digest.String(), Err: err}
		}
		r.Attachments = append(r.Attachments, pulled)
	}
	return nil
}

// pullAttachment pulls one attachment.
func pullAttachment(ctx context.Context, a *app.App, t *app.Target, one *attachment, opts pullOptions) (*pulledAttachment, error) {
	own := opts
	own.output = filepath.Join(opts.output, one.dir)
	own.Platform, own.Referrers = nil, false
	// Attachments of the same type and title share a record: findWithdrawn finds old files after all of them were placed.
	own.listAll, own.Delete = true, false
	// Attachments may share a directory, so each has its own record. A newer attachment of the same type and title finds it.
	own.record = digest.FromString(one.ArtifactType + "\n" + one.Annotations[ocispec.AnnotationTitle]).Encoded()[:12]
	run := placeIn
	if opts.dryRun {
		run = preview
	}
	result, err := run(ctx, a, t, one.Digest.String(), own)
	if err != nil {
		return nil, nameFile(err, own.output)
	}
	ref := t.Ref
	ref.Tag, ref.Digest = "", one.Digest
	result.Reference, result.Left = ref.String(), nil
	for i := range result.Files {
		result.Files[i].Path = filepath.ToSlash(filepath.Join(one.dir, result.Files[i].Path))
	}
	pulled := &pulledAttachment{Result: result}
	if one.platform != nil {
		pulled.Of = manifest.FormatPlatform(one.platform)
	}
	return pulled, nil
}

// nameFile adds the directory to the name of the file that could not be placed: other directories may have one of this name.
func nameFile(err error, dir string) error {
	var of *artifact.Error
	if errors.As(err, &of) && (of.Op == "placing" || of.Op == "removing") {
		of.Item = filepath.Join(dir, of.Item)
	}
	return err
}

// attachmentsResult is the result of pull --kind.
type attachmentsResult struct {
	results.Described
	Attachments []*pulledAttachment `json:"attachments"`
	pull.Leftovers

	dir    string
	dry    app.DryRun
	remove bool // remove files of earlier pulls
	force  bool // remove changed files, too

	platform string // directory of the only platform whose attachments were pulled
}

// pulledAttachment is a pulled attachment. Of is the platform of its subject, or "" if the subject is the target itself.
type pulledAttachment struct {
	*pull.Result
	Of string `json:"of,omitempty"`
}

// WriteText prints each attachment with its files.
func (r *attachmentsResult) WriteText(w io.Writer) error {
	for _, one := range r.Attachments {
		var t, files term.Table
		verb := r.dry.Verb("pulled", "pull")
		if one.Skipped {
			verb = "unchanged"
		}
		t.Row(verb, cmp.Or(one.Kind, one.ArtifactType), one.Of, term.Digest(w, one.Digest))
		for i, f := range one.Files {
			if i == maxListed {
				files.Row("  and " + term.Plural(len(one.Files)-i, "more file"))
				break
			}
			files.Row("  " + filepath.Join(r.dir, filepath.FromSlash(f.Path)))
		}
		if err := fault.Join(t.WriteText(w), files.WriteText(w)); err != nil {
			return err
		}
	}
	var removed term.Table
	for _, name := range r.Removed {
		removed.Row(r.dry.Verb("removed", "remove"), filepath.Join(r.dir, filepath.FromSlash(name)))
	}
	return removed.WriteText(w)
}

// QuietLine returns the references of the attachments.
func (r *attachmentsResult) QuietLine() string {
	lines := make([]string, len(r.Attachments))
	for i, one := range r.Attachments {
		lines[i] = one.Reference
	}
	return strings.Join(lines, "\n")
}

// runPullAttachments runs pull --kind.
func runPullAttachments(ctx context.Context, a *app.App, opts pullOptions) error {
	if err := results.CheckReferrerKinds(strings.Join(opts.kinds, ",")); err != nil {
		return err
	}
	if opts.allPlatforms && opts.platform != "" {
		return exit.Usagef("--platform and --all-platforms exclude each other")
	}
	var err error
	if opts.Platform, err = app.OptionalPlatform(opts.platform); err != nil {
		return err
	}
	var plain *pull.Result
	result, err := app.WithVersions(ctx, a, opts.target, opts.version, func(t *app.Target) (*attachmentsResult, error) {
		reference, err := opts.pin(ctx, a, t)
		if err != nil {
			return nil, err
		}
		itself, err := isOfKind(ctx, t, reference, opts)
		if itself && bool(opts.dryRun) {
			plain, err = previewFrom(ctx, a, t, opts)
		} else if itself {
			plain, err = pullFrom(ctx, a, t, opts)
		}
		if itself || err != nil && opts.platform != "" {
			return nil, err
		}
		r, err := pullAttachments(ctx, a, t, reference, opts)
		if err != nil || bool(opts.dryRun) {
			return r, err
		}
		return r, opts.lock.Record(ctx)
	})
	switch {
	case err != nil:
		return err
	case plain != nil:
		return a.Print(pullResult{plain, opts.output, opts.dryRun})
	}
	return a.Print(result)
}

// noRecord is the record of a pull that is not recorded, such as one into a temporary directory.
const noRecord = "-"

// recordPath returns the path of the record of a pull into dst. It is empty if the pull is not recorded.
func recordPath(a *app.App, dst *os.Root, opts pullOptions) string {
	if opts.record == noRecord {
		return ""
	}
	state, err := pullState(dst)
	if err != nil {
		if !opts.isLater {
			a.Note("this pull is not recorded: %v", err)
		}
		return ""
	}
	if opts.record == "" {
		return state
	}
	return state + "." + opts.record
}

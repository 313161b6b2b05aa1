package carry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/cli/signing"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"
)

func newCopyCommand(a *app.App) *cobra.Command {
	var opts copyOptions
	cmd := &cobra.Command{
		Use:   "copy SRC... DST",
		Short: "Copy artifacts or images from any target to any target",
		Long: `Copy an artifact byte for byte: between registries, layouts, and archives. Blobs that DST has are
not sent; within one registry blobs are mounted instead of uploaded. DST without a tag gets the
tag of SRC. Without --referrers, a note counts the attachments that are not copied.

An interrupted copy resumes when the same command is run again. An archive is written whole or
not at all; until then, received content is kept in files beside it.

A layout or archive keeps the name of the repository with each tag, as docker and skopeo write
it, so that the same tag of two repositories is two artifacts there: ./carry:HOST/REPO:TAG.

Several SRC are copied one after another. --from-file copies every line of LIST ("-" is standard
input), SRC or SRC DST, and --all-repos all tags of every repository of each SRC (HOST, or
HOST/PREFIX for those below a name). Without a DST of its own, each of many artifacts keeps its name: below DST
if that is a registry (HOST or HOST/PREFIX) or a directory of layouts (it ends in /), else inside
the layout or archive DST. All lines are read before the first copy. An artifact that fails is
reported, and the others continue; the exit code is that of the first failure. A full disk, Ctrl-C, and
--fail-fast end it at once. The same command again copies the rest.

--username and --password-stdin are for one registry. If SRC and DST are in different registries,
use --from-username and --to-username with their passwords instead.`,
		Example: `  davit copy registry.example.com/app:1.0 mirror.example.com/app
  davit copy registry.example.com/app:1.0 ./app.tar --referrers
  davit copy ./oci registry.example.com/app --all-tags
  davit copy registry.example.com/app:1.0 registry.example.com/web:2.1 ./carry
  davit copy --from-file list.txt ./carry --referrers
  davit copy --all-repos registry.example.com/models ./carry --referrers
  davit copy --all-repos ./carry registry.example.com/mirror --referrers
  echo "$TOKEN" | davit copy registry.example.com/app:1.0 mirror.example.com/app --to-username me --to-password-stdin`,
		GroupID: app.GroupMove,
		Args: func(cmd *cobra.Command, args []string) error {
			if opts.many.fromFile != "" {
				return nil
			}
			return app.Arguments(2, -1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.src, opts.dst = args[0], args[len(args)-1]
			}
			if opts.many.isSet(args) {
				return runCopyMany(cmd.Context(), a, opts, args)
			}
			return runCopy(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.referrers, "referrers", false, "also copy attachments: the whole graph, and cosign's tags")
	cmd.Flags().StringVar(&opts.platform, "platform", "", "copy only the manifest of an index for `OS/ARCH[/VARIANT]`")
	cmd.Flags().BoolVar(&opts.allTags, "all-tags", false, "copy every tag of SRC")
	cmd.Flags().StringSliceVar(&opts.tags, "tag", nil, "add this `TAG` at DST (repeatable)")
	opts.dryRun.AddFlag(cmd.Flags())
	opts.trust.AddFlags(cmd.Flags())
	opts.ifAbsent.AddFlag(cmd.Flags())
	opts.sign.AddFlags(cmd.Flags())
	opts.version.AddFlag(cmd.Flags())
	opts.many.addFlags(cmd.Flags())
	a.AddSideFlags(cmd.Flags(), "SRC", "DST")
	return cmd
}

type copyOptions struct {
	src, dst  string
	referrers bool
	platform  string
	allTags   bool
	tags      []string
	trust     signing.Trust
	sign      signing.Flags
	dryRun    app.DryRun
	ifAbsent  app.IfAbsent
	version   app.Versions
	many      manyOptions
}

func runCopy(ctx context.Context, a *app.App, opts copyOptions) error {
	from, to, err := opts.parseReferences()
	if err != nil {
		return err
	}
	if err := a.AssignBoth(from, to); err != nil {
		return err
	}
	src, err := a.OpenSide(ctx, &a.Logins.From, from, registry.Read)
	if err != nil {
		return opts.pointToAll(ctx, a, from, err)
	}
	defer src.Close(ctx, nil)
	if err := opts.version.ApplyTo(src); err != nil {
		return err
	}
	dst, err := opts.dryRun.Open(ctx, a, &a.Logins.To, to)
	if err != nil {
		return err
	}
	result, err := app.Finish(ctx, dst, func(dst *app.Target) (*copyResult, error) { return copyBetween(ctx, a, src, dst, opts) })
	if err != nil {
		return opts.pointToAll(ctx, a, from, err)
	}
	if opts.notesLeftBehind(a) {
		var left leftBehind
		left.add(src, dst, result)
		left.note(ctx, a)
	}
	return a.Print(result)
}

// notesLeftBehind reports whether a note about attachments that are not copied is wanted.
func (o copyOptions) notesLeftBehind(a *app.App) bool {
	return !o.referrers && !o.trust.IsSet() && !a.Quiet
}

// parseReferences parses both references, and checks that the flags fit them.
func (o copyOptions) parseReferences() (src, dst registry.Reference, err error) {
	if _, ok := places.AsHost(o.src); ok {
		return src, dst, &exit.UsageError{Err: fmt.Errorf("%q names a registry, and one artifact is copied", o.src),
			Hint: fmt.Sprintf("\"%s\" copies all of it", o.allCommand("--all-repos", o.dst, o.src))}
	}
	if src, err = registry.ParseSource(o.src); err != nil {
		return src, dst, err
	}
	if dst, err = registry.Parse(o.dst); err != nil {
		return src, dst, err
	}
	switch {
	case dst.Digest != "":
		err = &exit.UsageError{Err: fmt.Errorf("the target %q names a digest", o.dst), Hint: "the digest is that of the source: name a tag, or none"}
	case o.allTags && bool(o.ifAbsent):
		err = &exit.UsageError{Err: errors.New("--if-absent is about one tag, and --all-tags copies every tag")}
	case o.allTags && o.version.IsSet():
		err = &exit.UsageError{Err: errors.New("--version chooses one tag, and --all-tags copies every tag")}
	case o.allTags && (src.Reference() != "" || dst.Tag != "" || o.platform != ""):
		err = &exit.UsageError{Err: errors.New("--all-tags copies every tag: leave out tags and --platform")}
	default:
		err = app.CheckTags(o.tags)
	}
	return src, dst, err
}

// copyBetween copies between open targets. It completes both references.
func copyBetween(ctx context.Context, a *app.App, src, dst *app.Target, opts copyOptions) (*copyResult, error) {
	platform, err := app.OptionalPlatform(opts.platform)
	if err != nil {
		return nil, err
	}
	if err := opts.checkAllTags(ctx, src, dst.Ref); err != nil {
		return nil, err
	}
	isImplied := !opts.allTags && !opts.version.IsSet() && src.Ref.Reference() == ""
	if !opts.allTags {
		if err := src.Complete(ctx); err != nil {
			return nil, err
		}
		if dst.Ref.Tag == "" {
			dst.Ref.Tag = src.Ref.Tag
		}
	}
	signer, err := opts.sign.Signer(ctx, a, dst.Ref)
	if err != nil {
		return nil, err
	}
	verify, err := opts.trust.Verifier(a, src)
	if err != nil {
		return nil, err
	}
	from, as := sourceName(src.Ref), ""
	if dst.Ref.IsPath() {
		as = dst.Ref.InLayout()
	}
	tags := []string{dst.Ref.TagName()}
	for _, tag := range opts.tags {
		tags = append(tags, dst.Ref.Named(tag))
	}
	guard := opts.ifAbsent.Guard(dst, append(versions.Full(tags), dst.Ref.TagName())...).OfRepository(from)
	progress, stop := a.StartProgress()
	result, err := registry.Copy(ctx, src.Target, dst.Target, registry.CopyOptions{
		Reference: src.Ref.Reference(), AllTags: opts.allTags, Platform: platform,
		Tags: app.UniqueTags("", tags), Referrers: opts.referrers, From: from, As: as,
		Concurrency: a.Registry.Concurrency, Progress: progress,
		BeforeCopy: guard.Then(verify), BeforeTag: guard.Then(signer.In(dst.Target)),
	})
	stop()
	switch {
	case err != nil && opts.allTags:
		return nil, err
	case err != nil:
		return nil, src.Explain(ctx, err)
	case len(result.Artifacts) == 0:
		return nil, &exit.MissingError{Text: fmt.Sprintf("%s has no tags", src.Ref)}
	}
	all := make([]*copyResult, len(result.Artifacts))
	for i, one := range result.Artifacts {
		all[i] = newCopyResult(src.Ref, dst.Ref, one)
	}
	if dry := dst.Dry(); dry != nil {
		would := &wouldSend{}
		would.Count, would.Size = dry.Sent()
		for _, one := range all {
			one.WouldSend = would
		}
	}
	if opts.trust.IsSet() && !opts.referrers {
		a.Note("signatures are not copied; --referrers copies them")
	}
	for _, one := range all {
		for _, s := range signer.Made() {
			if s.Subject == one.Digest {
				one.Signatures = append(one.Signatures, s)
			}
		}
	}
	last := all[len(all)-1]
	if isImplied && src.Ref.IsPath() && !a.Quiet && !isSamePlace(src.Ref, dst.Ref) {
		opts.noteOthers(ctx, a, src)
	}
	if !opts.allTags {
		a.NotePlatform(src.Ref.String(), platform, result.Artifacts[0].Descriptor.Platform)
	}
	if opts.allTags {
		r := *last
		r.Copied, r.Signatures = all, signer.Made()
		last = &r
	}
	return last, nil
}

// sourceName returns the repository of a source, as HOST/REPO. It is empty for a path without a repository.
func sourceName(ref registry.Reference) string {
	if ref.IsPath() {
		return ref.InLayout()
	}
	return ref.Name()
}

// copiedManifest describes the manifest that was copied.
type copiedManifest struct {
	Digest       digest.Digest `json:"digest"`
	MediaType    string        `json:"mediaType"`
	ArtifactType string        `json:"artifactType,omitempty"`
	Size         int64         `json:"size"`
}

// copyResult is the result of copy.
type copyResult struct {
	Reference string `json:"reference"`
	Source    string `json:"source"`
	copiedManifest
	Tags      []string             `json:"tags,omitempty"`
	Referrers []copiedReferrer     `json:"referrers,omitempty"`
	Gone      []ocispec.Descriptor `json:"gone,omitempty"`   // referrers that the source lists but does not have
	Left      []ocispec.Descriptor `json:"left,omitempty"`   // attestations in the index, if only a platform was copied
	Copied    []*copyResult        `json:"copied,omitempty"` // with --all-tags, one per tag; the fields above describe the last
	Skipped   bool                 `json:"skipped"`          // everything existed already

	Was map[string]digest.Digest `json:"was,omitempty"` // previous digests of tags that moved

	together
}

// copiedReferrer is a copied referrer. Its kind is "" if it is unknown.
type copiedReferrer struct {
	ocispec.Descriptor
	Kind string `json:"kind,omitempty"`
}

// together has the fields of a copyResult about all tags together.
type together struct {
	WouldSend  *wouldSend       `json:"wouldSend,omitempty"`  // in a dry run
	Signatures []sign.Signature `json:"signatures,omitempty"` // made or found by --sign-key
}

// wouldSend counts the content that a dry run did not send.
type wouldSend struct {
	Count int   `json:"count"` // blobs and manifests
	Size  int64 `json:"size"`  // in bytes
}

// WriteText prints each copied artifact with its tags and referrers.
func (r *copyResult) WriteText(w io.Writer) error {
	var t term.Table
	printed := artifacts{}
	for _, one := range r.each() {
		verb := app.DryRun(r.WouldSend != nil).Verb("copied", "copy")
		if one.Skipped {
			verb = "unchanged"
		}
		t.Row(verb, one.Reference)
		t.Row("digest", one.Digest.String())
		results.AddTags(w, &t, one.Tags, one.Was)
		if !printed.add(one) {
			continue
		}
		for _, ref := range one.Referrers {
			t.Row("referrer", ref.Digest.String()+"  "+ref.Kind)
		}
		for _, ref := range one.Gone {
			t.Row("gone", ref.Digest.String()+"  listed, but deleted")
		}
		for _, ref := range one.Left {
			t.Row("left", ref.Digest.String()+"  attestation in the index; a copy without --platform has it")
		}
	}
	results.AddSignatures(&t, r.Signatures, app.DryRun(r.WouldSend != nil).Verb("signed", "sign"))
	if r.WouldSend != nil {
		t.Row("would send", term.Plural(r.WouldSend.Count, "blob")+", "+term.Size(r.WouldSend.Size))
	}
	return t.WriteText(w)
}

// artifacts are the copied artifacts whose attachments are printed, by place and digest.
type artifacts map[string]bool

// add adds an artifact. It returns false if a copy of it with another tag is there.
func (a artifacts) add(one *copyResult) bool {
	key := one.Digest.String()
	if ref, err := registry.Parse(one.Reference); err == nil {
		key += ref.Name()
	}
	isNew := !a[key]
	a[key] = true
	return isNew
}

// each returns the result of each copied artifact. There are several only with --all-tags.
func (r *copyResult) each() []*copyResult {
	if len(r.Copied) > 0 {
		return r.Copied
	}
	return []*copyResult{r}
}

// QuietLine returns the pinned references, one per line.
func (r *copyResult) QuietLine() string {
	var lines []string
	for _, one := range r.each() {
		lines = append(lines, results.Pinned(one.Reference, one.Digest.String()))
	}
	return strings.Join(lines, "\n")
}

// newCopyResult describes one copied artifact. Its reference has the first tag, or the digest if there is no tag.
func newCopyResult(from, to registry.Reference, one registry.Copied) *copyResult {
	desc := one.Descriptor
	r := &copyResult{
		Reference: app.WithDigest(to, desc), copiedManifest: copiedManifest{desc.Digest, desc.MediaType, desc.ArtifactType, desc.Size},
		Tags: one.Tags, Gone: one.Gone, Left: one.Left, Skipped: one.Skipped, Was: one.Was,
	}
	for _, ref := range one.Referrers {
		r.Referrers = append(r.Referrers, copiedReferrer{ref, cmp.Or(one.Kinds[ref.Digest], results.KindName(ref))})
	}
	if one.Repository != "" { // another repository has the tag in the layout
		to = nameIn(to, one.Repository)
	}
	if len(one.Tags) > 0 {
		to.Tag = one.Tags[0][strings.LastIndexByte(one.Tags[0], ':')+1:]
		r.Reference = to.String()
		if from.Reference() == "" { // all tags were copied: this is one of them
			from.Tag = to.Tag
		}
	}
	r.Source = app.WithDigest(from, desc)
	return r
}

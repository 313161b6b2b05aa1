package carry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/cli/results"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/pflag"
)

// manyOptions are the flags of copy for many artifacts.
type manyOptions struct {
	fromFile string
	allRepos bool
	failFast bool
}

func (o *manyOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.fromFile, "from-file", "", "copy the artifacts in `LIST`, a line for each: SRC, or SRC and DST (\"-\": standard input)")
	fs.BoolVar(&o.allRepos, "all-repos", false, "copy every tag of every repository of each SRC: a registry, a layout, or a directory of layouts")
	fs.BoolVar(&o.failFast, "fail-fast", false, "when copying many artifacts, stop at the first failure")
}

// isSet reports whether the flags or the number of arguments request a copy of many artifacts.
func (o *manyOptions) isSet(args []string) bool {
	return o.fromFile != "" || o.allRepos || len(args) > 2
}

// job is one artifact, or one repository, to copy.
type job struct {
	where    string // for errors: the line, such as "list.txt:3", or the source
	src, dst registry.Reference
	allTags  bool
}

func runCopyMany(ctx context.Context, a *app.App, opts copyOptions, args []string) error {
	switch {
	case opts.many.fromFile != "" && opts.many.allRepos:
		return exit.Usagef("--from-file and --all-repos exclude each other")
	case opts.many.fromFile != "" && len(args) != 1:
		return &exit.UsageError{Err: fmt.Errorf("--from-file takes only DST, got %s", term.Plural(len(args), "argument")),
			Hint: shell.Command("davit", "copy", "--from-file", opts.many.fromFile, "DST")}
	}
	place, err := parseDestination(opts.dst)
	if err != nil {
		return err
	}
	var jobs []job
	switch {
	case opts.many.allRepos:
		jobs, err = listRepositoryJobs(ctx, a, args[:len(args)-1], place)
	case opts.many.fromFile != "":
		jobs, err = readJobs(a, opts, place)
	default:
		jobs, err = parseJobs(opts, args[:len(args)-1], place)
	}
	if err != nil {
		return err
	}
	if place.isDir {
		err = checkNesting(jobs)
	}
	if err == nil {
		err = assignJobs(a, jobs)
	}
	if err != nil {
		return err
	}
	if err := app.CheckTags(opts.tags); err != nil {
		return err
	}
	m := &manyCopier{app: a, opts: opts, sources: map[string]*app.Target{}, targets: map[string]*app.Target{}, shared: sharedLayouts(jobs)}
	result, err := m.run(ctx, jobs)
	if result != nil {
		result.Reference = opts.dst
		if printErr := a.Print(result); printErr != nil && err == nil {
			return printErr
		}
	}
	return err
}

// destination is where many artifacts are copied to.
type destination struct {
	registry.Reference      // a layout, an archive, or a registry with a prefix of repository names, which may be empty
	isDir              bool // it is a directory of layouts
}

// parseDestination parses the DST of many artifacts. A directory of layouts ends in a slash.
func parseDestination(text string) (destination, error) {
	if host, ok := places.AsHost(text); ok {
		return destination{Reference: registry.Reference{Registry: host}}, nil
	}
	trimmed := strings.TrimRight(text, `/\`)
	ref, err := registry.Parse(trimmed)
	switch {
	case err != nil:
		return destination{}, err
	case ref.Reference() != "" || ref.InLayout() != "" && ref.IsPath():
		return destination{}, &exit.UsageError{Err: fmt.Errorf("%q names one artifact, and many are copied", text), Hint: "name a registry, a layout, or a directory that ends in /"}
	}
	if ref.IsPath() && catalog.IsCompressed(ref.Path) && !paths.Exists(ref.Path) {
		return destination{}, &exit.UsageError{Err: fmt.Errorf("%q is named like a compressed archive", text), Hint: catalog.ArchiveHint}
	}
	return destination{ref, trimmed != text && ref.IsPath() && !ref.IsArchive()}, nil
}

// target returns the reference to copy src to. name is the name of its repository.
func (p destination) target(src registry.Reference, name string) (registry.Reference, error) {
	dst := p.Reference
	switch {
	case !p.IsPath():
		dst.Repository = path.Join(p.Repository, name)
		if err := reference.ValidateRepository(dst.Registry, dst.Repository, ""); err != nil {
			return dst, err
		}
	case p.isDir:
		if err := reference.ValidateRepository("", name, ""); err != nil {
			return dst, fmt.Errorf("%s: %w", src, err)
		}
		dst.Path = dst.Path + "/" + name
	case sourceName(src) == "": // the source has no repository name
		dst.Repository = name
		if reference.ValidateRepository("", name, "") != nil {
			dst.Repository = ""
		}
	}
	dst.Tag = src.Tag
	return dst, nil
}

// assignJobs decides which registries get the credentials in flags, before anything is opened.
func assignJobs(a *app.App, jobs []job) error {
	for _, j := range jobs {
		if err := a.AssignBoth(j.src, j.dst); err != nil {
			return err
		}
	}
	return nil
}

// manyCopier copies many artifacts. It opens each source and each target once: an archive is written after all are copied.
type manyCopier struct {
	app              *app.App
	opts             copyOptions
	sources, targets map[string]*app.Target
	shared           map[string]bool // the layouts that get more than one artifact
	left             leftBehind
}

// run copies the artifacts one after another. It returns the first error, and the result even then.
func (m *manyCopier) run(ctx context.Context, jobs []job) (*manyResult, error) {
	r := &manyResult{Copied: []*copyResult{}, Failed: []failedCopy{}}
	var first error
	var several severalSources
	inJSON := m.app.Format.Name == "json" // the result lists the failures
	for i, j := range jobs {
		if len(jobs) > 1 && !inJSON {
			m.app.Note("%d of %d: %s", i+1, len(jobs), j.src)
		}
		one, err := m.copy(ctx, j)
		if err == nil {
			r.Copied = append(r.Copied, one.each()...)
			continue
		}
		if m.opts.many.fromFile == "" {
			err = m.opts.pointToAll(ctx, m.app, j.src, err)
			several.add(j.src, err)
		}
		code := exit.Of(err)
		if !inJSON {
			m.app.Warn("%s: %s", j.where, describeFailure(j, err))
		}
		r.Failed = append(r.Failed, failedCopy{Where: j.where, Source: j.src.String(), Message: err.Error(), Hint: hintFor(err), ExitCode: int(code)})
		if first == nil {
			first = err
		}
		if m.opts.many.failFast || code == exit.Interrupted || code == exit.Local || ctx.Err() != nil {
			break
		}
	}
	m.left.note(ctx, m.app)
	for _, t := range m.sources {
		_ = t.Close(ctx, nil) // the source was only read
	}
	for _, t := range m.targets { // an archive keeps the artifacts copied so far
		if err := t.Close(context.WithoutCancel(ctx), ctx.Err()); first == nil {
			first = err
		}
	}
	if first != nil && len(r.Failed) > 0 {
		final := []int{int(exit.BadUsage), int(exit.NotFound), int(exit.Denied), int(exit.Refused)}
		mayPass := slices.ContainsFunc(r.Failed, func(f failedCopy) bool { return !slices.Contains(final, f.ExitCode) })
		many := &manyError{failed: len(r.Failed), all: len(jobs), first: first, isFinal: !mayPass}
		if len(several.names) == len(r.Failed) {
			many.instead = several.hint(&m.opts)
		}
		first = many
	}
	return r, first
}

// copy copies one artifact, or all tags of one repository.
func (m *manyCopier) copy(ctx context.Context, j job) (*copyResult, error) {
	src, err := openOnce(m.sources, j.src, func() (*app.Target, error) {
		return m.app.OpenSide(ctx, &m.app.Logins.From, j.src, registry.Read)
	})
	if err != nil {
		return nil, err
	}
	dst, err := openOnce(m.targets, j.dst, func() (*app.Target, error) { return m.opts.dryRun.Open(ctx, m.app, &m.app.Logins.To, j.dst) })
	if err != nil {
		return nil, err
	}
	opts := m.opts
	opts.allTags = j.allTags
	if src.Ref.Reference() == "" && !j.allTags {
		if err := opts.version.ApplyTo(src); err != nil {
			return nil, err
		}
	}
	if name := sourceName(src.Ref); dst.Ref.IsPath() && dst.Ref.InLayout() == "" && m.shared[filepath.Clean(dst.Ref.Path)] && name != "" {
		dst.Ref = nameIn(dst.Ref, name) // without its repository, a tag is ambiguous once another repository has it, too
	}
	one, err := copyBetween(ctx, m.app, src, dst, opts)
	if err == nil && opts.notesLeftBehind(m.app) {
		m.left.add(src, dst, one)
	}
	return one, err
}

// describeFailure returns the message about an artifact, with the tags or names that were meant if it does not exist.
func describeFailure(j job, err error) string {
	text := strings.TrimPrefix(err.Error(), j.where+": ")
	if hint := hintFor(err); hint != "" {
		text += " (" + hint + ")"
	}
	return text
}

// hintFor returns the hint about a source that does not exist or is not one artifact, or "". Other hints are about all artifacts, and follow
// once at the end.
func hintFor(err error) string {
	if exit.Of(err) != exit.NotFound && !errors.As(err, new(*severalError)) {
		return ""
	}
	return strings.Join(exit.Hints(err), "; ")
}

// openOnce returns the target of a reference. Artifacts in the same repository, layout, or archive share one open target.
func openOnce(all map[string]*app.Target, ref registry.Reference, open func() (*app.Target, error)) (*app.Target, error) {
	name := ref.Name()
	if ref.IsPath() {
		name = filepath.Clean(name)
	}
	t := all[name]
	if t == nil {
		var err error
		if t, err = open(); err != nil {
			return nil, err
		}
		all[name] = t
	}
	return t.At(ref), nil
}

// nameIn returns the reference with the name of a repository in a layout.
func nameIn(ref registry.Reference, name string) registry.Reference {
	ref.Registry, ref.Repository = "", name
	if host, rest, ok := strings.Cut(name, "/"); ok && reference.LooksLikeHost(host) {
		ref.Registry, ref.Repository = host, rest
	}
	return ref
}

// manyError reports the number of artifacts that were not copied. Its exit code is that of the first.
type manyError struct {
	failed, all int
	first       error
	isFinal     bool   // no failure is temporary
	instead     string // the hint at the command that copies the failed sources, if each has several artifacts
}

// Error returns the number of artifacts that were not copied.
func (e *manyError) Error() string {
	return fmt.Sprintf("%d of %s not copied", e.failed, term.Plural(e.all, "artifact"))
}

// Unwrap returns the first failure.
func (e *manyError) Unwrap() error { return e.first }

// Hint returns what to do about the first error, and advises to run the command again.
func (e *manyError) Hint() string {
	const again = "run the same command again: it copies the rest"
	switch code := exit.Of(e.first); {
	case e.instead != "":
		return e.instead
	case !e.isFinal:
		return again
	case code == exit.Denied:
		if hints := exit.Hints(e.first); len(hints) > 0 {
			return strings.Join(append(hints, "then "+again), "\n")
		}
		return again
	case code == exit.Refused:
		return "replace the content that was refused above, and " + again
	}
	return "correct the references that are named above, and " + again
}

// manyResult is the result of a copy of many artifacts.
type manyResult struct {
	Reference string        `json:"reference"`
	Copied    []*copyResult `json:"copied"`
	Failed    []failedCopy  `json:"failed"`
}

// failedCopy is an artifact that was not copied.
type failedCopy struct {
	Where    string `json:"where"` // the line of a list, or the source
	Source   string `json:"source"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"` // the tags or names that may be meant, if the artifact does not exist
	ExitCode int    `json:"exitCode"`
}

// WriteText prints a line for each artifact, and one for each tag that moved, each referrer, and each signature.
func (r *manyResult) WriteText(w io.Writer) error {
	var t term.Table
	printed := artifacts{}
	for _, one := range r.Copied {
		verb := app.DryRun(one.WouldSend != nil).Verb("copied", "copy")
		if one.Skipped {
			verb = "unchanged"
		}
		t.Row(verb, one.Reference, term.Digest(w, one.Digest))
		for _, tag := range lists.Keys(one.Was, strings.Compare) {
			t.Row("moved", tag, "was "+term.Digest(w, one.Was[tag]))
		}
		if printed.add(one) {
			addAttached(w, &t, one)
		}
		for _, s := range one.Signatures {
			t.Row(results.SignatureVerb(s, verb), string(s.Format), term.Digest(w, s.Digest))
		}
	}
	return t.WriteText(w)
}

// addAttached adds a row for each attachment of an artifact.
func addAttached(w io.Writer, t *term.Table, one *copyResult) {
	for _, ref := range one.Referrers {
		t.Row("referrer", cmp.Or(ref.Kind, "-"), term.Digest(w, ref.Digest))
	}
	for _, ref := range one.Gone {
		t.Row("gone", "listed, but deleted", term.Digest(w, ref.Digest))
	}
	for _, ref := range one.Left {
		t.Row("left", "attestation in the index", term.Digest(w, ref.Digest))
	}
}

// QuietLine returns a pinned reference for each artifact.
func (r *manyResult) QuietLine() string {
	var lines []string
	for _, one := range r.Copied {
		lines = append(lines, one.QuietLine())
	}
	return strings.Join(lines, "\n")
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/registry"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
)

// declaration is the name of the file that declares an artifact.
const declaration = "davit.yaml"

// maxDeclaration is the most bytes of a davit.yaml or config file that are read: a declaration is written by people.
const maxDeclaration = 4 << 20

// sourceOptions are what flags say about sources.
type sourceOptions struct {
	kind, name, version, artifactType string
	annotations                       []string
	config                            string
	packing                           string
	split, preserve                   *bool // nil: as the kind has it

	target registry.Reference // where it goes, which is no part of it
}

func addSourceFlags(fs *pflag.FlagSet, o *sourceOptions) {
	fs.StringVar(&o.kind, "kind", "", "the `KIND` of plain files, or a kind file (default: found out); \"davit kinds\" lists them")
	fs.StringVar(&o.name, "name", "", "`NAME` of the artifact")
	fs.StringVar(&o.version, "version", "", "`VERSION` of the artifact")
	fs.StringArrayVar(&o.annotations, "annotation", nil, "annotation of the manifest, `KEY=VALUE` (repeatable)")
	fs.StringVar(&o.artifactType, "artifact-type", "", "another artifact `TYPE` than the kind's")
	fs.StringVar(&o.config, "config", "", "`FILE` with the fields of the kind's config (YAML or JSON)")
	fs.StringVar(&o.packing, "packing", "", "raw, tar, tar+gzip or tar+zstd, for plain files")
	optionalBool(fs, &o.split, "split", "several layers for a directory, cut by content, for plain files (default: as the kind has it)")
	optionalBool(fs, &o.preserve, "preserve", "keep real modes, owners, times and xattrs, for plain files (default: as the kind has it)")
}

// optionalBool adds a flag that says yes, no, or nothing.
func optionalBool(fs *pflag.FlagSet, into **bool, name, usage string) {
	fs.BoolFunc(name, usage, func(s string) error {
		b, err := strconv.ParseBool(s)
		*into = &b
		return err
	})
}

// source is what is to be packed: files and what is declared about them.
type source struct {
	name string // as the user wrote it
	dir  string // what the declaration's paths are relative to
	root *os.Root
	fsys fs.FS
	spec *artifact.Spec
	plan *artifact.Plan
}

func (s *source) close() { _ = s.root.Close() } // only read from

// openSource reads one artifact's declaration: a directory with davit.yaml, a davit.yaml, "-", or plain files.
func (a *app) openSource(args []string, o *sourceOptions) (*source, error) {
	if len(args) == 0 {
		return a.openHere(o)
	}
	declared, err := declarations(args)
	if err != nil {
		return nil, err
	}
	if declared == "" {
		return a.openPlain(args, o)
	}
	if len(args) > 1 {
		return nil, &usageError{
			err:  fmt.Errorf("%q is an artifact of its own: it can't be packed together with other sources", declared),
			hint: "pack one davit.yaml at a time",
		}
	}
	return a.openDeclared(declared, o)
}

// openHere reads the artifact of the working directory when no source was named. Files that no davit.yaml and no kind
// claims are not taken for one: one is quickly in the wrong directory.
func (a *app) openHere(o *sourceOptions) (*source, error) {
	s, err := a.openSource([]string{"."}, o)
	if err != nil || o.kind != "" || s.plan.Kind.Name != "generic" || fileExists(declaration) {
		return s, err
	}
	s.close()
	return nil, &usageError{
		err:  fmt.Errorf("this directory has no %s, and its files are of no kind", declaration),
		hint: `write one with "davit init", or name what to pack: "." is all of it`,
	}
}

// declarations finds the source that has a davit.yaml; empty when none has.
func declarations(args []string) (string, error) {
	for _, arg := range args {
		if arg == "-" {
			return arg, nil
		}
		info, err := os.Stat(arg)
		if err != nil {
			return "", sourceError(arg, err)
		}
		if !info.IsDir() && isDeclaration(arg) || info.IsDir() && fileExists(filepath.Join(arg, declaration)) {
			return arg, nil
		}
	}
	return "", nil
}

func isDeclaration(name string) bool {
	base := filepath.Base(name)
	return base == declaration || strings.HasSuffix(base, "."+declaration)
}

// sourceError names a source that can't be read; something that looks like a target gets the hint that it isn't one.
func sourceError(arg string, err error) error {
	e := fileError("source", arg, err)
	if ref, parseErr := registry.Parse(arg); parseErr == nil && !ref.IsPath() && errors.Is(err, fs.ErrNotExist) {
		e.Hint = "sources come first, the target is the last argument"
	}
	return e
}

// fileError names a file as it was named to us, and what it should have been.
func fileError(what, name string, err error) *artifact.Error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &artifact.Error{Op: what, Item: name, Err: err}
}

// openDeclared reads a davit.yaml and opens the directory it is about.
func (a *app) openDeclared(arg string, o *sourceOptions) (*source, error) {
	dir, file := ".", "-"
	if arg != "-" {
		dir, file = filepath.Split(filepath.Clean(arg))
		if !isDeclaration(arg) {
			dir, file = arg, declaration
		}
	}
	s, err := openRoot(arg, filepath.Clean(dir), o.target)
	if err != nil {
		return nil, err
	}
	if err := a.parseDeclared(s, filepath.Join(dir, file), file, o); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (a *app) parseDeclared(s *source, name, file string, o *sourceOptions) error {
	if err := o.refusePlain(); err != nil {
		return err
	}
	if file == "-" && a.logins.countStdin() > 0 {
		return &usageError{err: errors.New("standard input is davit.yaml, and can't be the password too"), hint: "give the password in DAVIT_PASSWORD, or log in before"}
	}
	data, err := a.readDeclaration(s, file)
	if err != nil {
		return err
	}
	if file == "-" {
		name = "-"
	}
	spec, err := artifact.Parse(name, data)
	if spec == nil {
		return err
	}
	// Problems in the declaration come back from Compose, together with those of the files.
	return s.compose(spec, o)
}

// refusePlain refuses the flags that davit.yaml says for each layer.
func (o *sourceOptions) refusePlain() error {
	for flag, given := range map[string]bool{
		"--kind": o.kind != "", "--packing": o.packing != "", "--split": o.split != nil, "--preserve": o.preserve != nil,
	} {
		if given {
			return &usageError{err: fmt.Errorf("%s is for plain files", flag), hint: "say it in davit.yaml"}
		}
	}
	return nil
}

func (a *app) readDeclaration(s *source, file string) ([]byte, error) {
	r := a.stdin
	if file != "-" {
		f, err := s.root.Open(file)
		if err != nil {
			return nil, sourceError(s.name, err)
		}
		defer f.Close()
		r = f
	}
	return readAll(file, r)
}

// readAll reads a file of bounded size.
func readAll(name string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDeclaration+1))
	if err == nil && len(data) > maxDeclaration {
		err = fmt.Errorf("more than %s: %w", term.Size(maxDeclaration), artifact.ErrInvalid)
	}
	if err != nil {
		return nil, &artifact.Error{Op: "reading", Item: name, Err: err}
	}
	return data, nil
}

// openPlain makes a declaration for files that have none.
func (a *app) openPlain(args []string, o *sourceOptions) (*source, error) {
	dir, paths, err := commonDir(args)
	if err != nil {
		return nil, err
	}
	s, err := openRoot(strings.Join(args, " "), dir, o.target)
	if err != nil {
		return nil, err
	}
	if err := s.detect(paths, o); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// detect finds out what plain files are, and plans them.
func (s *source) detect(paths []string, o *sourceOptions) error {
	spec, notes, err := s.detected(paths, o.kind)
	if err != nil {
		return err
	}
	spec.Dir = filepath.Base(s.dir)
	if err := s.compose(spec, o); err != nil {
		return orGeneric(err, spec.Kind, o.kind)
	}
	s.plan.Notes = append(notes, s.plan.Notes...)
	return nil
}

// detected makes a declaration of plain files, of the kind that is named or found out. The path of a kind file is
// relative to the working directory, as all paths of the command line are.
func (s *source) detected(paths []string, kind string) (*artifact.Spec, []string, error) {
	if _, builtIn := mediatypes.Lookup(kind); builtIn || !artifact.IsKindFile(kind) {
		return artifact.Detect(s.fsys, paths, kind)
	}
	own, err := readKind(kind)
	if err != nil {
		return nil, nil, err
	}
	spec, err := artifact.InKind(s.fsys, paths, own)
	return spec, nil, err
}

// orGeneric says in the last problem of files whose kind was found out that they need not be of that kind.
func orGeneric(err error, found, named string) error {
	var problems artifact.Problems
	if named != "" || found == "generic" || !errors.As(err, &problems) {
		return err
	}
	if last := &problems[len(problems)-1]; last.Hint == "" {
		last.Hint = fmt.Sprintf("the files tell kind %q; --kind generic packs any as they are", found)
	}
	return problems
}

func openRoot(name, dir string, target registry.Reference) (*source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, sourceError(name, err)
	}
	return &source{name: name, dir: dir, root: root, fsys: contentOf(root, target)}, nil
}

// commonDir is the deepest directory that has all the arguments, and their slash paths in it. A single directory is
// that directory itself.
func commonDir(args []string) (string, []string, error) {
	var dir string
	absolute := make([]string, len(args))
	for i, arg := range args {
		abs, err := filepath.Abs(arg)
		if err != nil {
			return "", nil, err
		}
		absolute[i] = abs
		parent := abs
		if info, err := os.Stat(abs); err != nil || !info.IsDir() || len(args) > 1 {
			parent = filepath.Dir(abs)
		}
		if i == 0 {
			dir = parent
		}
		for !within(dir, parent) {
			dir = filepath.Dir(dir)
		}
	}
	paths := make([]string, len(args))
	for i, abs := range absolute {
		rel, err := filepath.Rel(dir, abs)
		if err != nil {
			return "", nil, err
		}
		paths[i] = path.Clean(filepath.ToSlash(rel))
	}
	return dir, paths, nil
}

func within(dir, name string) bool {
	return dir == name || strings.HasPrefix(name, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// compose completes the declaration with what the flags say, and plans the artifact.
func (s *source) compose(spec *artifact.Spec, o *sourceOptions) error {
	if err := o.apply(s.fsys, spec); err != nil {
		return err
	}
	plan, err := artifact.Compose(s.fsys, spec)
	s.spec, s.plan = spec, plan
	return err
}

// apply lays what flags say over a declaration.
func (o *sourceOptions) apply(fsys fs.FS, spec *artifact.Spec) error {
	spec.Name = cmp.Or(o.name, spec.Name)
	spec.Version = cmp.Or(o.version, spec.Version)
	spec.ArtifactType = cmp.Or(o.artifactType, spec.ArtifactType)
	annotations, err := parseAnnotations(o.annotations)
	if err != nil {
		return err
	}
	if spec.Annotations == nil {
		spec.Annotations = annotations
	}
	maps.Copy(spec.Annotations, annotations)
	o.applyLayers(fsys, spec.Layers)
	if err := o.applyConfig(spec); err != nil {
		return err
	}
	spec.Created, err = sourceDate()
	return err
}

// applyConfig reads the file of --config.
func (o *sourceOptions) applyConfig(spec *artifact.Spec) error {
	if o.config == "" {
		return nil
	}
	f, err := os.Open(o.config)
	if err != nil {
		return fileError("config", o.config, err)
	}
	defer f.Close()
	data, err := readAll(o.config, f)
	if err != nil {
		return err
	}
	return artifact.ReadConfig(spec, o.config, data)
}

// parseAnnotations reads KEY=VALUE; nil when there are none.
func parseAnnotations(list []string) (map[string]string, error) {
	var all map[string]string
	for _, a := range list {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return nil, &usageError{err: fmt.Errorf("--annotation %q: want KEY=VALUE", a)}
		}
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
	}
	return all, nil
}

// applyLayers lays what flags say over layers. Splitting and preserving are for directories: of files among them nothing
// is wanted.
func (o *sourceOptions) applyLayers(fsys fs.FS, layers []artifact.LayerSpec) {
	isDir := func(l artifact.LayerSpec) bool {
		info, err := fs.Stat(fsys, path.Clean(l.Path))
		return err == nil && info.IsDir()
	}
	mixed := slices.ContainsFunc(layers, isDir)
	for i := range layers {
		l := &layers[i]
		if o.packing != "" {
			l.Packing = mediatypes.Packing(o.packing)
		}
		if mixed && !isDir(*l) {
			continue
		}
		l.Split, l.Preserve = cmp.Or(o.split, l.Split), cmp.Or(o.preserve, l.Preserve)
	}
}

// lastSecond is that of the year 9999, after which RFC 3339 can write no time.
const lastSecond = 253402300799

// sourceDate is the time that SOURCE_DATE_EPOCH sets; zero when it sets none.
func sourceDate() (time.Time, error) {
	value := os.Getenv("SOURCE_DATE_EPOCH")
	if value == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, &usageError{err: fmt.Errorf("SOURCE_DATE_EPOCH=%s: want seconds since 1970", value)}
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// tell says what was decided without being told, and what may surprise. Beside JSON it waits for the end, since an error
// has to be all that is on standard error.
func (a *app) tell(plan *artifact.Plan) {
	if a.format.name == "json" {
		a.untold = append(a.untold, plan)
		return
	}
	a.tellNow(plan)
}

func (a *app) tellNow(plan *artifact.Plan) {
	for _, n := range plan.Notes {
		a.note("%s", n)
	}
	a.tellLeftOut(plan)
	for _, w := range plan.Warnings {
		a.warn("%s", w)
	}
	for _, p := range plan.Platforms {
		a.tellNow(p)
	}
	for _, r := range plan.Referrers {
		a.tellNow(r)
	}
}

// tellLeftOut prints how many files the native client does not pack and are left out, or each of them where nothing is sent.
func (a *app) tellLeftOut(plan *artifact.Plan) {
	if a.listLeftOut {
		for _, name := range plan.LeftOut {
			a.note("%s: left out %s", plan.Kind.Name, name)
		}
		return
	}
	files, dirs := 0, 0
	for _, name := range plan.LeftOut {
		if strings.HasSuffix(name, "/") {
			dirs++
		} else {
			files++
		}
	}
	var parts []string
	if files > 0 {
		parts = append(parts, term.Plural(files, "file"))
	}
	if dirs > 0 {
		parts = append(parts, term.Plural(dirs, "directory"))
	}
	if len(parts) > 0 {
		a.note("%s: %s left out; davit check lists them", plan.Kind.Name, strings.Join(parts, " and "))
	}
}

// leftOut lists what is left out of an artifact and of those that belong to it.
func leftOut(plan *artifact.Plan) []string {
	all := slices.Clone(plan.LeftOut)
	for _, p := range slices.Concat(plan.Platforms, plan.Referrers) {
		all = append(all, leftOut(p)...)
	}
	return all
}

// tagFor is the tag that an artifact gets where the target names none: the name of its reference, which bottles have, or
// its version, declared or read out of the files, if that can be a tag; "+" is "_" in it, as helm has it.
func (s *source) tagFor() string {
	annotations := s.plan.Annotations
	version := cmp.Or(annotations[ocispec.AnnotationRefName], s.spec.Version, s.plan.Cascade, annotations[ocispec.AnnotationVersion])
	if tag := strings.ReplaceAll(version, "+", "_"); registry.ValidTag(tag) == nil {
		return tag
	}
	return defaultTag
}

// packOptions say how the source is packed: on which base, at which time. The function it returns closes the base.
func (a *app) packOptions(ctx context.Context, s *source) (pack.Options, func(), error) {
	opts := pack.Options{Created: s.spec.Created, Concurrency: a.registry.Concurrency, Cache: cacheDir()}
	if s.plan.Base == "" {
		return opts, func() {}, nil
	}
	ref, err := s.reference(s.plan.Base)
	if err != nil {
		return opts, nil, err
	}
	// Not openReference: a declaration may be somebody else's, and must not choose where the password goes.
	base, err := a.openAssigned(ctx, &login{}, ref, registry.Read)
	if err != nil {
		return opts, nil, err
	}
	done := func() { _ = base.Close() } // only read from
	desc, err := base.resolve(ctx)
	if err != nil {
		done()
		return opts, nil, fmt.Errorf("base: %w", err)
	}
	opts.Base = &pack.Base{Source: base, Descriptor: desc}
	return opts, done, nil
}

// reference parses a target that the declaration names; a path is relative to the declaration.
func (s *source) reference(text string) (registry.Reference, error) {
	ref, err := registry.Parse(text)
	if err == nil && strings.HasPrefix(ref.Path, ".") {
		ref.Path = filepath.Join(s.dir, ref.Path)
	}
	return ref, err
}

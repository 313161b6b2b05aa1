package source

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/kinds"
)

// openPlain opens files without a declaration.
func (o *opener) openPlain(args []string) (*Source, error) {
	if err := checkLayouts(args); err != nil && o.kind == "" {
		return nil, err
	}
	dir, names, err := commonDir(args)
	if err != nil {
		return nil, err
	}
	s, err := openRoot(strings.Join(args, " "), dir, o.hide)
	if err != nil {
		return nil, err
	}
	if err := s.detect(names, o.Options); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// detect detects the kind of plain files, and plans the artifact.
func (s *Source) detect(paths []string, o *Options) error {
	spec, notes, err := s.detectSpec(paths, o.kind)
	if err != nil {
		return s.Locate(err)
	}
	spec.Dir = filepath.Base(s.Dir)
	if err := s.compose(spec, o); err != nil {
		return s.suggestKind(suggestGeneric(err, spec.Kind, o.kind), paths, o.kind)
	}
	s.Plan.Notes = append(notes, s.Plan.Notes...)
	s.warnAboutDeclarations(paths)
	return nil
}

// warnAboutDeclarations warns about files that declare an artifact and are packed like any other file.
func (s *Source) warnAboutDeclarations(paths []string) {
	for _, name := range paths {
		if ext := path.Ext(name); s.Plan.Kind.Name != kinds.Fallback().Name || ext != ".yaml" && ext != ".yml" {
			continue
		}
		f, err := s.FS.Open(name)
		if err != nil {
			continue // removed since the artifact was planned
		}
		data, err := ReadAll(name, f)
		f.Close()
		if err != nil {
			continue
		}
		spec, _ := artifact.Parse(name, data)
		if spec == nil || spec.Kind == "" {
			continue
		}
		if _, builtIn := kinds.Lookup(spec.Kind); builtIn || artifact.IsKindFile(spec.Kind) {
			file := s.formatPath(name)
			s.Plan.Warnings = append(s.Plan.Warnings, fmt.Sprintf("%s declares an artifact of kind %q, and is packed as a file: to pack what it declares, add -f %s", file, spec.Kind, file))
		}
	}
}

// formatPath returns the path of a file in the source for a message: relative to the working directory, if that is known.
func (s *Source) formatPath(name string) string {
	file := filepath.Join(s.Dir, filepath.FromSlash(name))
	if rel, err := makeRelative(file); err == nil {
		return rel
	}
	return file
}

// detectSpec returns a declaration for plain files of the given kind, or of the detected one. The path of a kind file is
// relative to the working directory, like all paths on the command line.
func (s *Source) detectSpec(paths []string, kind string) (*artifact.Spec, []string, error) {
	if _, builtIn := kinds.Lookup(kind); builtIn || !artifact.IsKindFile(kind) {
		return artifact.Detect(s.FS, paths, kind)
	}
	own, err := ReadKind(kind)
	if err != nil {
		return nil, nil, err
	}
	spec, err := artifact.InKind(s.FS, paths, own)
	return spec, nil, err
}

// suggestGeneric adds a hint at --kind generic to the last problem of files whose kind was guessed. The content of other files
// shows their kind, so the user must fix their faults.
func suggestGeneric(err error, found, named string) error {
	var problems artifact.Problems
	if k, _ := kinds.Lookup(found); named != "" || !k.IsGuessed() || !errors.As(err, &problems) {
		return err
	}
	if last := &problems[len(problems)-1]; last.Hint == "" {
		last.Hint = fmt.Sprintf("the files show kind %q; --kind generic packs any files unchanged", found)
	}
	return problems
}

// suggestKind adds the detected kind to the hint of the last problem if the files have no role in the named kind.
func (s *Source) suggestKind(err error, paths []string, named string) error {
	var problems artifact.Problems
	if named == "" || !errors.As(err, &problems) || !strings.HasPrefix(problems[len(problems)-1].Hint, "expected ") {
		return err
	}
	found, _, detectErr := artifact.Detect(s.FS, paths, "")
	if detectErr == nil && found.Kind != named && found.Kind != kinds.Fallback().Name {
		problems[len(problems)-1].Hint += fmt.Sprintf("; the files show kind %q", found.Kind)
	}
	return problems
}

package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

const (
	// IgnoreFile is the name of the file that lists the paths not to pack.
	IgnoreFile    = ".davitignore"
	maxIgnoreFile = 1 << 20
)

// Ignorer excludes paths by patterns in the syntax of .dockerignore, relative to a directory of the file system.
type Ignorer struct {
	base    string
	mu      sync.Mutex // matcher compiles patterns while it matches
	matcher *patternmatcher.PatternMatcher
	kept    []string // patterns that include paths again, without their "!"
}

// NewIgnorer compiles patterns, one per line, that are relative to base.
func NewIgnorer(base string, lines []byte) (*Ignorer, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(lines))
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	i := &Ignorer{base: base, matcher: matcher}
	for _, p := range matcher.Patterns() {
		if p.Exclusion() {
			i.kept = append(i.kept, strings.ReplaceAll(p.String(), `\`, "/"))
		}
		// A pattern is compiled at its first match. Match each one that may be invalid now, so that the error is reported here.
		if !strings.ContainsFunc(p.String(), mayBeInvalid) {
			continue
		}
		if _, err := patternmatcher.Matches("x", []string{p.String()}); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p.String(), err)
		}
	}
	return i, nil
}

// mayBeInvalid reports whether a pattern with the character may be invalid. Letters, digits, and simple wildcards are always valid.
func mayBeInvalid(r rune) bool {
	return r > unicode.MaxASCII || r != '*' && r != '?' && r != '/' && r != '.' && r != '-' && r != '_' && r != ' ' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// ReadIgnoreFile reads the ignore file with the name base in a directory. It returns nil if the file does not exist.
func ReadIgnoreFile(fsys fs.FS, dir, base string) (*Ignorer, error) {
	data, err := ReadFile(fsys, path.Join(dir, base), maxIgnoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return NewIgnorer(dir, data)
}

// Excludes reports whether a path of the file system is excluded. A directory is not excluded if a pattern may include paths below
// it again.
func (i *Ignorer) Excludes(name string, isDir bool) bool {
	rel := name
	if i.base != "." {
		var below bool
		if rel, below = strings.CutPrefix(name, i.base+"/"); !below {
			return false
		}
	}
	if rel == "." {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	out, err := i.matcher.MatchesOrParentMatches(rel)
	return err == nil && out && !(isDir && i.mayKeepBelow(rel))
}

func (i *Ignorer) mayKeepBelow(dir string) bool {
	for _, kept := range i.kept {
		fixed, _, wild := strings.Cut(kept, "*")
		if strings.HasPrefix(kept+"/", dir+"/") || wild && (strings.HasPrefix(fixed, dir+"/") || strings.HasPrefix(dir+"/", fixed)) {
			return true
		}
	}
	return false
}

// IsOwnName reports whether a name is one of davit's own: .davitignore, the record of a pull into the directory beside it
// (.NAME.davit.json), and unfinished files (.davit-…, .NAME.tar.davit-…).
func IsOwnName(base string) bool {
	return base == IgnoreFile || strings.HasPrefix(base, ".") &&
		(strings.HasSuffix(base, ".davit.json") || strings.Contains(base, ".davit-"))
}

// IgnoreFilter returns a filter for a directory. It excludes the paths listed in .davitignore, of the directory and of those above
// it, and davit's own files. The filter takes paths of fsys.
func IgnoreFilter(fsys fs.FS, dir string) (spec.Filter, error) {
	var ignorers []*Ignorer
	for _, d := range Parents(dir) {
		i, err := ReadIgnoreFile(fsys, d, IgnoreFile)
		if err != nil {
			return nil, fmt.Errorf("%q: %s", path.Join(d, IgnoreFile), Cause(err))
		}
		if i != nil {
			ignorers = append(ignorers, i)
		}
	}
	return func(name string, isDir bool) bool {
		return IsOwnName(path.Base(name)) ||
			slices.ContainsFunc(ignorers, func(i *Ignorer) bool { return i.Excludes(name, isDir) })
	}, nil
}

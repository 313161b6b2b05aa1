package spec

import (
	"slices"
	"strconv"
	"strings"
)

// Position is a place in a file. Line and Column count from 1.
type Position struct{ Line, Column int }

// Source is the file that a Spec was read from: the position of each value, and the problems found while reading.
type Source struct {
	File     string              // as the caller named it
	Values   map[string]Position // by JSON pointer
	Keys     map[string]Position // by JSON pointer of the value
	Problems Problems
	Planned  bool // the file does not exist yet
}

// Has reports whether the file has a value at a JSON pointer.
func (s *Source) Has(pointer string) bool {
	if s == nil {
		return false
	}
	_, ok := s.Values[pointer]
	return ok
}

// Problem returns a problem at the position of the value at a JSON pointer, or of the nearest value that contains it. Without a
// source the problem has no position.
func (s *Source) Problem(pointer, message, hint string) Problem {
	if s == nil {
		return Problem{Message: message, Hint: hint}
	}
	return s.problemAt(s.Values, pointer, message, hint)
}

// KeyProblem is like Problem, but with the position of the key instead of its value.
func (s *Source) KeyProblem(pointer, message, hint string) Problem {
	if s == nil {
		return Problem{Message: message, Hint: hint}
	}
	return s.problemAt(s.Keys, pointer, message, hint)
}

func (s *Source) problemAt(positions map[string]Position, pointer, message, hint string) Problem {
	at, ok := positions[pointer]
	for !ok && pointer != "" {
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
		at, ok = s.Values[pointer]
	}
	return Problem{File: s.File, Line: at.Line, Column: at.Column, Message: message, Hint: hint}
}

// origin records the files that the parts of a Spec were read from.
type origin struct {
	source *Source // nil if the Spec was built by hand
	at     string  // JSON pointer of the Spec in source
	config *Source // the file that Config was read from, unless it is source
	whole  *Spec   // for an entry of Platforms, the Spec that its other fields come from
}

// Shown returns a path as the user knows it: a directory that was named on the command line is "." in the declaration.
func (s *Spec) Shown(path string) string {
	if path == "." && s.Dir != "" {
		return s.Dir
	}
	return path
}

// Source returns the file that the Spec was read from, or nil for a Spec that was built by hand.
func (s *Spec) Source() *Source { return s.origin.source }

// IsInFile reports whether the Spec was read from a file that exists, so that problems can point into it.
func (s *Spec) IsInFile() bool { return s.origin.source != nil && !s.origin.source.Planned }

// SetSource records where the Spec, and each Spec inside it, was read. A null entry becomes an empty Spec: the source already
// has a problem for it.
func (s *Spec) SetSource(source *Source, at string) {
	s.origin.source, s.origin.at = source, at
	for name, specs := range map[string][]*Spec{"platforms": s.Platforms, "referrers": s.Referrers} {
		for i, inner := range specs {
			if inner == nil {
				specs[i] = &Spec{}
			}
			specs[i].SetSource(source, at+"/"+name+"/"+strconv.Itoa(i))
		}
	}
}

// SetConfig replaces the config fields with those of another file.
func (s *Spec) SetConfig(fields map[string]any, source *Source) {
	s.Config, s.origin.config = fields, source
}

// SetWhole records the Spec that an entry of Platforms takes its other fields from. Unless ownConfig is set, the entry uses
// the config file of whole.
func (s *Spec) SetWhole(whole *Spec, ownConfig bool) {
	s.origin.whole = whole
	if !ownConfig && whole.origin.config != nil {
		s.origin.config = whole.origin.config
	}
}

// Declares reports whether the source has a part of the Spec, such as "/layers", or a key that may be meant as this part. If a declared part
// is empty in the Spec, its value or its key had a problem when it was read.
func (s *Spec) Declares(part string) bool {
	return s.origin.source.Has(s.origin.at+part) || s.origin.source.hasMisspelled(s.origin.at+part)
}

// hasMisspelled reports whether there is a problem with a key for which the key at a pointer was suggested.
func (s *Source) hasMisspelled(pointer string) bool {
	if s == nil {
		return false
	}
	i := strings.LastIndexByte(pointer, '/')
	hint := "did you mean " + strconv.Quote(pointer[i+1:]) + "?"
	return slices.ContainsFunc(s.Problems, func(p Problem) bool {
		if p.Hint != hint {
			return false
		}
		for key, at := range s.Keys {
			if at == (Position{p.Line, p.Column}) && key[:strings.LastIndexByte(key, '/')] == pointer[:i] {
				return true
			}
		}
		return false
	})
}

// IsReported reports whether the source already has a problem with the value of a part.
func (s *Spec) IsReported(part string) bool {
	source := s.origin.source
	if source == nil {
		return false
	}
	at, ok := source.Values[s.origin.at+part]
	return ok && slices.ContainsFunc(source.Problems, func(p Problem) bool { return p.Line == at.Line && p.Column == at.Column })
}

// Problem returns a problem at the value of a part of the Spec, such as "/layers/0/path". Inlined, it would add 5 KB to the program.
//
//go:noinline
func (s *Spec) Problem(part, message, hint string) Problem {
	return s.origin.source.Problem(s.origin.at+part, message, hint)
}

// KeyProblem returns a problem at the key of a part of the Spec.
func (s *Spec) KeyProblem(part, message, hint string) Problem {
	return s.origin.source.KeyProblem(s.origin.at+part, message, hint)
}

// ConfigSource returns the file that sets a config field, and the JSON pointer of the field in it.
func (s *Spec) ConfigSource(field string) (source *Source, pointer string) {
	switch o := s.origin; {
	case o.config != nil:
		return o.config, field
	case o.whole != nil && !o.source.Has(o.at+"/config"+field):
		return o.whole.ConfigSource(field)
	default:
		return o.source, o.at + "/config" + field
	}
}

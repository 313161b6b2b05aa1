package spec

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/davit-oci/davit/internal/lists"
)

// Problem is one reason why a declaration can't be packed, and its position.
type Problem struct {
	File    string `json:"file,omitempty"` // as the caller named the declaration; empty if no file was read
	Line    int    `json:"line,omitempty"` // from 1; 0 if unknown
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to write instead, if that is known
	Err     error  `json:"-"`              // why a file that exists can't be read, which is not a fault of the declaration
}

// Unreadable returns p with the reason why a file can't be read.
func (p Problem) Unreadable(name string, err error) Problem {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	p.Message, p.Err = fmt.Sprintf("%q can't be read: %s", name, err), err
	return p
}

// Error returns "file:line:column: message (hint)", without the parts that are not known.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:", p.Line)
		}
		if p.Line > 0 && p.Column > 0 {
			fmt.Fprintf(&b, "%d:", p.Column)
		}
		b.WriteByte(' ')
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems lists the problems of a declaration. Err sorts them by position. As an error, it matches ErrInvalid.
type Problems []Problem

// Error returns one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Collect adds err if it is a Problem or Problems, so that a check can continue, and returns any other error.
func (p *Problems) Collect(err error) error {
	var one Problem
	var several Problems
	switch {
	case errors.As(err, &one):
		*p = append(*p, one)
	case errors.As(err, &several):
		*p = append(*p, several...)
	default:
		return err
	}
	return nil
}

// Unwrap returns ErrInvalid.
func (p Problems) Unwrap() error { return ErrInvalid }

// Err returns the problems as an error, sorted and without duplicates, or nil if the list is empty.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	var sorted Problems
	seen := map[Problem]bool{} // each platform reports the problems of the parts that all platforms share
	for _, one := range p {
		key := one
		key.Err = nil
		if !seen[key] {
			sorted = append(sorted, one)
		}
		seen[key] = true
	}
	lists.Sort(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return sorted
}

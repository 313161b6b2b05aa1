package artifact

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Problem is one thing in a declaration that keeps it from being packed, and where it stands.
type Problem struct {
	File    string `json:"file,omitempty"` // as the declaration was named; empty for what was not read from a file
	Line    int    `json:"line,omitempty"` // from 1; 0 where there is no place to point at
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to write instead, where that is known
	Err     error  `json:"-"`              // why a file that is there can't be read: not the declaration is to blame
}

// of is a problem with reading a file.
func (p Problem) of(name string, err error) Problem {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	p.Message, p.Err = fmt.Sprintf("%q can't be read: %s", name, err), err
	return p
}

// Error is "file:line:column: message (hint)", without the parts that are not known.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
		}
		b.WriteByte(' ')
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all the problems of a declaration, in the order of the file. errors.Is(err, ErrInvalid) holds.
type Problems []Problem

// Error is one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives ErrInvalid.
func (p Problems) Unwrap() error { return ErrInvalid }

// err is the problems as an error: sorted, each once; nil when there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	var sorted Problems
	seen := map[Problem]bool{} // what platforms share is a problem of each
	for _, one := range p {
		key := one
		key.Err = nil
		if !seen[key] {
			sorted = append(sorted, one)
		}
		seen[key] = true
	}
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return sorted
}

// didYouMean is the hint that suggests the nearest of the words that could have been meant, or lists them where none
// is near and they are few.
func didYouMean(word string, known []string) string {
	best, distance := "", max(1, (len(word)+1)/3)
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d <= distance {
			if best == "" || d < distance {
				best = k
			}
			distance = d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) > 0 && len(known) <= 12:
		return "one of " + strings.Join(known, ", ")
	}
	return ""
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that make b of a. Words longer
// than any key are not compared, which bounds the work.
func editDistance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

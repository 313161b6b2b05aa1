// Package fault wraps and joins errors.
package fault

import "errors"

// As returns an error with the text of err that matches, for errors.Is, both err and each of kinds. Inlined, it would add 9 KB to the
// program.
//
//go:noinline
func As(err error, kinds ...error) error { return also{err, kinds} }

type also struct {
	err   error
	kinds []error
}

// Error returns the text of err.
func (a also) Error() string { return a.err.Error() }

// Unwrap returns err and kinds.
func (a also) Unwrap() []error { return append([]error{a.err}, a.kinds...) }

// Join is errors.Join. Inlined, it would add 17 KB to the program.
//
//go:noinline
func Join(errs ...error) error { return errors.Join(errs...) }

// Worded returns an error with the given text that matches kind for errors.Is.
func Worded(text string, kind error) error { return worded{text, kind} }

type worded struct {
	text string
	kind error
}

// Error returns text.
func (w worded) Error() string { return w.text }

// Unwrap returns kind.
func (w worded) Unwrap() error { return w.kind }

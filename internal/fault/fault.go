// Package fault makes errors that also match other errors in errors.Is.
package fault

// As returns an error with the text of err for which errors.Is also holds for each of kinds.
func As(err error, kinds ...error) error { return also{err, kinds} }

type also struct {
	err   error
	kinds []error
}

// Error returns the text of err.
func (a also) Error() string { return a.err.Error() }

// Unwrap returns err and kinds.
func (a also) Unwrap() []error { return append([]error{a.err}, a.kinds...) }

// Worded returns an error with a text of its own for which errors.Is(err, kind) holds.
func Worded(text string, kind error) error { return worded{text, kind} }

type worded struct {
	text string
	kind error
}

// Error returns text.
func (w worded) Error() string { return w.text }

// Unwrap returns kind.
func (w worded) Unwrap() error { return w.kind }

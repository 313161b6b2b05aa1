package jsonwalk

import (
	"fmt"
	"io"
)

// Limits bound the memory that a decoder allocates for a JSON document. The size of the document does not bound it: "{}," takes 3
// bytes, but may be decoded to a descriptor of more than 100 bytes.
type Limits struct {
	Objects int // the number of objects
	Values  int // the number of values of any kind in lists and objects; an empty list or object counts twice
}

// LimitError is the error for a document that exceeds its Limits.
type LimitError struct {
	What string // "objects" or "values"
	Most int    // the limit
}

// Error names the exceeded limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("too many %s: limit is %d", e.What, e.Most)
}

// Check counts the values of a document before it is decoded, and fails with a *LimitError if they exceed the limits. It does not
// check that the document is valid JSON.
func (l Limits) Check(data []byte) error {
	c := counter{limits: l}
	return c.add(data)
}

// Reader returns a reader of the document in r that fails with a *LimitError once the document exceeds the limits.
func (l Limits) Reader(r io.Reader) io.Reader {
	return &limitedReader{r: r, counter: counter{limits: l}}
}

type limitedReader struct {
	r       io.Reader
	counter counter
	err     error
}

// Read implements io.Reader.
func (r *limitedReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	if r.err = r.counter.add(p[:n]); r.err != nil {
		return 0, r.err
	}
	return n, err
}

// counter counts the values of a document that is added in pieces.
type counter struct {
	limits          Limits
	objects, values int
	quoted, escaped bool
}

func (c *counter) add(data []byte) error {
	for _, b := range data {
		switch {
		case c.escaped:
			c.escaped = false
		case c.quoted:
			c.quoted, c.escaped = b != '"', b == '\\'
		case b == '"':
			c.quoted = true
		case b == ',', b == '[':
			c.values++
		case b == '{':
			c.values++
			c.objects++
		}
		if c.values > c.limits.Values {
			return &LimitError{"values", c.limits.Values}
		}
		if c.objects > c.limits.Objects {
			return &LimitError{"objects", c.limits.Objects}
		}
	}
	return nil
}

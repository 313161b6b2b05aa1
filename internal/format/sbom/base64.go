package sbom

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
)

// errNotBase64 is the error for a payload that is not a string.
var errNotBase64 = errors.New("the payload of the envelope is not base64")

// newBase64Reader returns a reader that decodes a JSON string in base64, with either alphabet, padded or not. r begins at the colon
// before the string. It fails with errNotBase64 if no string follows. The string is decoded as a stream, since it may be too long
// for memory.
func newBase64Reader(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	for _, want := range []byte(`:"`) {
		if got, err := peekByte(b); err != nil || got != want {
			return nil, errNotBase64
		}
		_, _ = b.Discard(1)
	}
	return base64.NewDecoder(base64.RawStdEncoding, &stringReader{r: b}), nil
}

// stringReader reads the base64 text in a JSON string up to the closing quote or the padding, and converts it to the standard
// alphabet.
type stringReader struct {
	r    *bufio.Reader
	done bool
}

// Read implements io.Reader.
func (s *stringReader) Read(p []byte) (n int, err error) {
	for n < len(p) && !s.done {
		c, err := s.r.ReadByte()
		if err != nil {
			return n, io.ErrUnexpectedEOF
		}
		switch c {
		case '"', '=':
			s.done = true
			continue
		case '\\': // some writers escape the slash
			continue
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		p[n] = c
		n++
	}
	if n == 0 && s.done {
		return 0, io.EOF
	}
	return n, nil
}

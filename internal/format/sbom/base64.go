package sbom

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
)

// errNotBase64 is the value of a payload that is none.
var errNotBase64 = errors.New("the payload of the envelope is not base64")

// newBase64Text reads what a JSON string has in base64, of either alphabet, padded or not. r begins behind the name of
// the field. The string is decoded as it comes; it may be longer than what one would hold.
func newBase64Text(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	for _, want := range []byte(`:"`) {
		if got, err := firstByte(b); err != nil || got != want {
			return nil, errNotBase64
		}
		_, _ = b.Discard(1)
	}
	return base64.NewDecoder(base64.RawStdEncoding, &stringReader{r: b}), nil
}

// stringReader gives the characters of a JSON string that is base64, in the standard alphabet, up to its end or padding.
type stringReader struct {
	r    *bufio.Reader
	done bool
}

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
		case '\\': // before a slash, which some write so
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

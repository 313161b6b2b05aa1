package jsonwalk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A Stream reads a JSON document one value at a time, in memory that does not depend on the length of the document.
type Stream struct {
	dec  *json.Decoder
	part *partReader
	most int
}

// NewStream returns a stream of r. Reading a decoded value or a token of more than most bytes fails.
func NewStream(r io.Reader, most int) *Stream {
	part := &partReader{r: r, left: most, most: most}
	return &Stream{json.NewDecoder(part), part, most}
}

// Object reads an object and calls field for each of its keys. field must read the value, with one of the methods of the
// stream. A value that is not an object is skipped.
func (s *Stream) Object(field func(key string) error) error {
	return s.each('{', func() error {
		key, err := s.dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string) // the decoder accepts no other key
		return field(name)
	})
}

// Array reads an array and calls element for each of its elements. element must read the element. A value that is not an array
// is skipped.
func (s *Stream) Array(element func() error) error { return s.each('[', element) }

func (s *Stream) each(open json.Delim, element func() error) error {
	s.part.left = s.most
	token, err := s.dec.Token()
	if err != nil {
		return err
	}
	if token != open {
		if token == json.Delim('{') || token == json.Delim('[') {
			return s.skipRest()
		}
		return nil
	}
	for s.dec.More() {
		s.part.left = s.most
		if err := element(); err != nil {
			return err
		}
	}
	_, err = s.dec.Token()
	return err
}

// Decode reads a value. Parts whose type differs from that of v stay zero.
func (s *Stream) Decode(v any) error {
	s.part.left = s.most
	err := s.dec.Decode(v)
	if errors.As(err, new(*json.UnmarshalTypeError)) {
		return nil
	}
	return err
}

// Skip reads a value and discards it.
func (s *Stream) Skip() error {
	s.part.left = s.most
	token, err := s.dec.Token()
	if err != nil || token != json.Delim('{') && token != json.Delim('[') {
		return err
	}
	return s.skipRest()
}

// skipRest reads the rest of an object or array and discards it.
func (s *Stream) skipRest() error { return Skip(s.dec, 1, 0, func() { s.part.left = s.most }) }

// partReader limits the bytes that are read for one value.
type partReader struct {
	r          io.Reader
	left, most int
}

// Read implements io.Reader. It fails if left is used up.
func (p *partReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("value too large: the limit is %d bytes", p.most)
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// Text returns a JSON value if it is a string, or the first of some fields of an object that is a string other than "". It returns
// "" for any other value.
func Text(value []byte, fields ...string) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var object map[string]json.RawMessage
	_ = json.Unmarshal(value, &object) // another value has no fields
	for _, field := range fields {
		if json.Unmarshal(object[field], &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

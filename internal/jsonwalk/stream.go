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

// NewStream returns a stream of r. Its methods fail if a decoded value or a token is longer than most bytes.
func NewStream(r io.Reader, most int) *Stream {
	part := &partReader{r: r, left: most, most: most}
	return &Stream{json.NewDecoder(part), part, most}
}

// Object reads an object and calls field for each of its keys. field must read the value with a method of the stream. A value
// that is not an object is skipped.
func (s *Stream) Object(field func(key string) error) error {
	return s.forEach('{', func() error {
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
func (s *Stream) Array(element func() error) error { return s.forEach('[', element) }

// forEach reads an object or array and calls element for each of its members. It skips a value that does not begin with open.
func (s *Stream) forEach(open json.Delim, element func() error) error {
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

// Decode reads a value into v. Fields of v stay unchanged if the value has another type for them.
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

// partReader limits the bytes that are read for one value to most. left must be set to most before each value.
type partReader struct {
	r          io.Reader
	left, most int
}

// Read implements io.Reader. It fails if left is 0.
func (p *partReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, fmt.Errorf("value too large: limit is %d KiB", p.most>>10)
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// Text returns the text of a JSON value: a string, or the first of the given fields of an object that is a non-empty string. It
// returns "" for any other value.
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

package jsonwalk

import (
	"bufio"
	"errors"
	"io"
)

const (
	// MaxScan is the size of the part of a JSON file that is searched for the keys that identify its type. They are
	// usually at the top, but no rule requires it.
	MaxScan = 64 << 20
	// maxToken limits the length of a key or string that Scan reports; longer ones are reported as empty.
	maxToken = 1 << 10
)

// errNotJSON is the error of Scan for input that does not look like a JSON object.
var errNotJSON = errors.New("not a JSON object")

// Scan reads a JSON object without building it and reports the strings in it, in memory that does not depend on its size. It
// calls visit with the path of keys, at most two and joined by slashes, and the string at that path; strings in a list have
// the path of the list. A key with another type of value is reported with an empty string. The scan ends when visit returns
// false, at the end of the object, or after MaxScan bytes. Scan finds keys in valid JSON. It does not validate the JSON, but
// it does check that only another object follows.
func Scan(r io.Reader, visit func(key, value string) bool) error {
	s := &scanner{r: bufio.NewReaderSize(io.LimitReader(r, MaxScan), 64<<10), visit: visit}
	first, err := s.readByte()
	if err != nil || first != '{' {
		return errNotJSON
	}
	if err := s.scanObject("", 1); err != nil || s.stopped {
		return err
	}
	// More objects may follow, each on its own line, as in bundles of attestations.
	if b, err := s.readByte(); err == nil && b != '{' {
		return errNotJSON
	}
	return nil
}

type scanner struct {
	r       *bufio.Reader
	visit   func(key, value string) bool
	stopped bool
}

// readByte reads the next byte that is not white space.
func (s *scanner) readByte() (byte, error) {
	for {
		b, err := s.r.ReadByte()
		if err != nil || b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return b, err
		}
	}
}

// scanObject reads the members of an object after its "{". It skips objects deeper than two keys.
func (s *scanner) scanObject(above string, level int) error {
	for !s.stopped {
		b, err := s.readByte()
		if err != nil || b == '}' {
			return err
		}
		if b == ',' {
			continue
		}
		if b != '"' {
			return errNotJSON
		}
		key, err := s.readString()
		if err != nil {
			return err
		}
		if colon, err := s.readByte(); err != nil || colon != ':' {
			return errNotJSON
		}
		if above != "" {
			key = above + "/" + key
		}
		if err := s.scanValue(key, level); err != nil {
			return err
		}
	}
	return nil
}

// scanValue reads the value of a key.
func (s *scanner) scanValue(key string, level int) error {
	b, err := s.readByte()
	if err != nil {
		return err
	}
	if b == '"' {
		value, err := s.readString()
		s.report(key, value)
		return err
	}
	s.report(key, "")
	switch {
	case b == '{' && level < 2:
		return s.scanObject(key, level+1)
	case b == '[':
		return s.reportList(key)
	case b == '{':
		return s.skip(1)
	}
	return s.scanLiteral()
}

func (s *scanner) report(key, value string) {
	if !s.stopped && !s.visit(key, value) {
		s.stopped = true
	}
}

// reportList reports the strings of a list after its "[", and skips everything else in the list.
func (s *scanner) reportList(key string) error {
	for !s.stopped {
		b, err := s.readByte()
		if err != nil || b == ']' {
			return err
		}
		switch b {
		case '"':
			var value string
			value, err = s.readString()
			s.report(key, value)
		case '{', '[':
			err = s.skip(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skip reads until the given number of open brackets are closed.
func (s *scanner) skip(open int) error {
	for open > 0 {
		b, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		switch b {
		case '"':
			if _, err := s.readString(); err != nil {
				return err
			}
		case '{', '[':
			open++
		case '}', ']':
			open--
		}
	}
	return nil
}

// scanLiteral reads a number, true, false, or null, up to its delimiter.
func (s *scanner) scanLiteral() error {
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		if b == ',' || b == '}' || b == ']' {
			return s.r.UnreadByte()
		}
	}
}

// readString reads a string after its opening quote. It decodes only the escapes of slashes and quotes, and returns "" for a
// string longer than maxToken.
func (s *scanner) readString() (string, error) {
	var text []byte
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			return "", err
		}
		if b == '"' {
			if len(text) > maxToken {
				return "", nil
			}
			return string(text), nil
		}
		if b == '\\' {
			if b, err = s.r.ReadByte(); err != nil {
				return "", err
			}
			if b != '/' && b != '"' && len(text) <= maxToken {
				text = append(text, '\\')
			}
		}
		if len(text) <= maxToken {
			text = append(text, b)
		}
	}
}

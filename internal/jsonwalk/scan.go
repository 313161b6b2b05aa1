package jsonwalk

import (
	"bufio"
	"errors"
	"io"
)

const (
	// MaxScan is the number of bytes that Scan reads at most. The keys that identify the type of a JSON file are usually at the
	// top, but no rule requires it.
	MaxScan = 64 << 20
	// maxToken limits the length in bytes of a key or string that Scan reports; longer ones are reported as "".
	maxToken = 1 << 10
)

// errNotJSON is the error of Scan for input that does not look like a JSON object.
var errNotJSON = errors.New("not a JSON object")

// Scan reads a JSON object as a stream and reports its strings, in memory that does not depend on the size of the object. It
// calls visit with the path of a string, at most two keys joined by a slash, and the string. Strings in a list have the path of the
// list. A key with a value of another type is reported with "". Scan ends when visit returns false or at the end of the object. It
// fails with io.EOF if the object does not end within MaxScan bytes. Scan does not validate the JSON, except that only another
// object may follow.
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

// scanObject reads the members of an object after its "{". The path of the object is above, and its level is 1 for the outermost
// object. Objects below level 2 are skipped.
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

// scanValue reads and reports the value of a key. The key is a path, in an object at the given level.
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

// report calls visit, unless an earlier call stopped the scan.
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

// readString reads a string after its opening quote. It decodes only the escapes \/ and \", and returns "" for a string longer than
// maxToken.
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

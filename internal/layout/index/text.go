package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/manifest"
	"oras.land/oras-go/v2/errdef"
)

// maxSize is the maximum size of an index.json in bytes, enough for some 120,000 entries. It exceeds the limit for manifests,
// because the index of a layout with many tags is large, and is never pushed to a registry.
const maxSize = 32 << 20

// limits bound the JSON values in an index.json. Each entry has several, such as annotations and a platform.
var limits = jsonwalk.Limits{Objects: 400_000, Values: 2_000_000}

// head holds the fields of an index.json other than its entries.
type head struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType,omitempty"`
	ArtifactType  string          `json:"artifactType,omitempty"`
	Manifests     json.RawMessage `json:"manifests"`
	Subject       json.RawMessage `json:"subject,omitempty"`
	Annotations   json.RawMessage `json:"annotations,omitempty"`
}

// Read reads an index.json of size bytes. name is its name in errors. Read fails with artifact.ErrRefused if the index is invalid or
// too large.
func Read(r io.Reader, name string, size int64) (*Index, error) {
	if size > maxSize {
		return nil, artifact.Refused(name, "index too large: %d bytes, limit is %d MiB", size, maxSize>>20)
	}
	var text strings.Builder
	text.Grow(int(size))
	_, err := io.Copy(&text, limits.Reader(io.LimitReader(r, maxSize)))
	var tooMany *jsonwalk.LimitError
	if err != nil && !errors.As(err, &tooMany) {
		return nil, err
	}
	var ix *Index
	if err == nil {
		ix, err = parse(text.String())
	}
	if err != nil {
		return nil, artifact.Refused(name, "invalid index: %w", err)
	}
	return ix, nil
}

// parse parses an index.json. The entries share the memory of the text.
func parse(text string) (*Index, error) {
	ix := &Index{entries: make([]Entry, 0, min(strings.Count(text, `"digest"`), limits.Objects))}
	c := cursor{text: text}
	start, end, err := c.list("manifests", func(element string) error {
		e, err := decode(element)
		if err == nil {
			ix.entries = append(ix.entries, e)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if rest := len(text) - (end - start); rest > manifest.MaxSize {
		return nil, fmt.Errorf("too large without its entries: %d bytes, limit is %d MiB", rest, manifest.MaxSize>>20)
	}
	// decode has parsed each element. This parses the rest, which ensures that the whole text is valid JSON.
	if err := json.Unmarshal([]byte(text[:start]+text[end:]), &ix.head); err != nil {
		return nil, err
	}
	if m := string(ix.head.Manifests); m != "" && m != "null" && m != "[]" {
		return nil, errors.New("manifests is not a list, or is a duplicate key")
	}
	if ix.head.Manifests = nil; ix.head.SchemaVersion != 2 {
		return nil, fmt.Errorf("unsupported schemaVersion %d", ix.head.SchemaVersion)
	}
	ix.live = len(ix.entries)
	return ix, nil
}

// cursor finds the values in a JSON document without validating them. In an invalid document, a value may be invalid too.
type cursor struct {
	text string
	at   int
}

var errNotJSON = errors.New("not a JSON object")

// peek skips white space and returns the next byte without skipping it, or 0 at the end.
func (c *cursor) peek() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// accept skips white space and then the byte b, and reports whether b was the next byte.
func (c *cursor) accept(b byte) bool {
	if c.peek() != b || c.at == len(c.text) {
		return false
	}
	c.at++
	return true
}

// list calls fn for each element of the list under key in the top-level object. It returns the offsets at which the elements begin
// and end, both 0 if there is no such list.
func (c *cursor) list(key string, fn func(element string) error) (start, end int, err error) {
	if !c.accept('{') {
		return 0, 0, errNotJSON
	}
	for more := c.peek() != '}'; more; more = c.accept(',') {
		got := c.value()
		if !c.accept(':') {
			return 0, 0, errNotJSON
		}
		switch named := strings.EqualFold(got, `"`+key+`"`); {
		case named && (start > 0 || got != `"`+key+`"`):
			return 0, 0, fmt.Errorf("key %.20s: want %q once, in this case", got, key)
		case named && c.accept('['):
			start = c.at
			for more := c.peek() != ']'; more; more = c.accept(',') {
				if err := fn(c.value()); err != nil {
					return 0, 0, err
				}
			}
			c.peek()
			if end = c.at; !c.accept(']') {
				return 0, 0, errNotJSON
			}
		default:
			c.value()
		}
	}
	return start, end, nil
}

// value skips white space and a value, and returns the text of the value.
func (c *cursor) value() string {
	c.peek()
	start := c.at
	for depth := 0; c.at < len(c.text); {
		switch c.text[c.at] {
		case '"':
			c.skipString()
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			if depth == 0 {
				return c.text[start:c.at]
			}
			depth--
			c.at++
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return c.text[start:c.at]
			}
			c.at++
			continue
		default: // part of a literal
			c.at++
			continue
		}
		if depth == 0 {
			return c.text[start:c.at]
		}
	}
	return c.text[start:]
}

// skipString skips a string, whose opening quote is the next byte.
func (c *cursor) skipString() {
	for c.at++; c.at < len(c.text); c.at++ {
		switch c.text[c.at] {
		case '\\':
			c.at++
		case '"':
			c.at++
			return
		}
	}
	c.at = len(c.text)
}

// Text returns the index as JSON, and its size. It fails with errdef.ErrSizeExceedsLimit if the index is too large to be read again.
func (ix *Index) Text() (io.Reader, int64, error) {
	before, _ := json.Marshal(head{SchemaVersion: ix.head.SchemaVersion, MediaType: ix.head.MediaType, ArtifactType: ix.head.ArtifactType,
		Manifests: json.RawMessage("[]")})
	after, err := json.Marshal(struct {
		Subject     json.RawMessage `json:"subject,omitempty"`
		Annotations json.RawMessage `json:"annotations,omitempty"`
	}{ix.head.Subject, ix.head.Annotations})
	if err != nil {
		return nil, 0, err
	}
	t := &textReader{entries: ix.Entries(), rest: strings.TrimSuffix(string(before), "]}"), after: "]}"}
	if rest := strings.TrimPrefix(string(after), "{"); rest != "}" {
		t.after = "]," + rest
	}
	size := len(t.rest) + len(t.after) + max(0, len(t.entries)-1) // the commas
	for _, e := range t.entries {
		size += len(e.text)
	}
	if size > maxSize {
		return nil, 0, fmt.Errorf("%w: index.json too large: %d bytes", errdef.ErrSizeExceedsLimit, size)
	}
	return t, int64(size), nil
}

// textReader reads the text of an index from its entries, without a joined copy in memory.
type textReader struct {
	entries     []Entry
	read        int    // how many entries have been read
	rest, after string // rest is returned next; after follows the entries
}

// Read implements io.Reader.
func (t *textReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if t.rest != "" {
			m := copy(p[n:], t.rest)
			n, t.rest = n+m, t.rest[m:]
			continue
		}
		switch {
		case t.read < len(t.entries):
			t.rest = t.entries[t.read].text
			if t.read++; t.read > 1 {
				t.rest = "," + t.rest
			}
		case t.after != "":
			t.rest, t.after = t.after, ""
		default:
			if n == 0 {
				err = io.EOF
			}
			return n, err
		}
	}
	return n, nil
}

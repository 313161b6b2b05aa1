package frontmatter

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// tomlToYAML converts TOML front matter to YAML with the keys on the same lines. It reads the TOML that site generators accept:
// keys, tables, strings, numbers, dates (as strings), arrays, and inline tables. ok is false for anything else, and beyond
// maxValues or maxDepth.
//
// BurntSushi/toml, which reads configuration elsewhere, does not fit: nested arrays in an untrusted page overflow its
// stack, and it does not report the positions of keys.
func tomlToYAML(front []byte) (yaml []byte, ok bool) {
	p := &tomlParser{text: string(front)}
	lines := make([]string, strings.Count(p.text, "\n")+1)
	root := map[string]any{}
	lineOf := map[string]int{} // by key of the root
	table := root
	for p.skip(true); p.pos < len(p.text); p.skip(true) {
		line := strings.Count(p.text[:p.pos], "\n")
		keys, value, isTable, err := p.readEntry()
		if err != nil || p.values > maxValues {
			return nil, false
		}
		if isTable {
			if table, ok = tableAt(root, keys, value != nil); !ok {
				return nil, false
			}
		} else if !set(table, keys, value) {
			return nil, false
		}
		for key := range root {
			if _, known := lineOf[key]; !known {
				lineOf[key] = line
			}
		}
		p.skip(false)
		if p.pos < len(p.text) && p.text[p.pos] != '\n' {
			return nil, false
		}
	}
	for key, line := range lineOf {
		name, _ := json.Marshal(key)
		value, err := json.Marshal(root[key])
		if err != nil || lines[line] != "" {
			return nil, false
		}
		lines[line] = string(name) + ": " + string(value)
	}
	return []byte(strings.Join(lines, "\n")), true
}

// tableAt returns the table with a dotted name, and creates missing tables. If array is true, it appends a table to the array of
// tables with that name and returns the new table. It returns false if a part of the name has a value that is not a table.
func tableAt(root map[string]any, keys []string, array bool) (map[string]any, bool) {
	last := len(keys) - 1
	for i, key := range keys {
		below, _ := root[key].(map[string]any)
		list, isList := root[key].([]any)
		switch {
		case i == last && array:
			below = map[string]any{}
			if root[key] != nil && !isList {
				return nil, false
			}
			root[key] = append(list, below)
		case isList && len(list) > 0:
			if below, _ = list[len(list)-1].(map[string]any); below == nil {
				return nil, false
			}
		case root[key] == nil:
			below = map[string]any{}
			root[key] = below
		case below == nil:
			return nil, false
		}
		root = below
	}
	return root, true
}

// set sets a dotted key. It returns false if the key already has a value, or if a part of the key is not a table.
func set(table map[string]any, keys []string, value any) bool {
	last := len(keys) - 1
	if last > 0 {
		var ok bool
		if table, ok = tableAt(table, keys[:last], false); !ok {
			return false
		}
	}
	if _, twice := table[keys[last]]; twice {
		return false
	}
	table[keys[last]] = value
	return true
}

var errTOML = errors.New("not TOML")

type tomlParser struct {
	text   string
	pos    int
	values int // the number of values read
	depth  int // the nesting of the current value
}

// skip skips blanks and comments. If lines is true, it also skips line breaks.
func (p *tomlParser) skip(lines bool) {
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == ' ' || c == '\t' || c == '\r' || lines && c == '\n':
		case c == '#':
			end := strings.IndexByte(p.text[p.pos:], '\n')
			if end < 0 {
				end = len(p.text) - p.pos
			}
			p.pos += end - 1
		default:
			return
		}
	}
}

// take skips text if it is next, and reports whether it did.
func (p *tomlParser) take(text string) bool {
	if !strings.HasPrefix(p.text[p.pos:], text) {
		return false
	}
	p.pos += len(text)
	return true
}

// readEntry reads KEY = VALUE or a table header. For a header, isTable is true, and value is nil unless the header begins a table in
// an array.
func (p *tomlParser) readEntry() (keys []string, value any, isTable bool, err error) {
	if p.take("[") {
		array := p.take("[")
		if keys, err = p.readKey(); err != nil || !p.take("]") || array && !p.take("]") {
			return nil, nil, false, errTOML
		}
		if array {
			value = true
		}
		return keys, value, true, nil
	}
	if keys, err = p.readKey(); err != nil || !p.take("=") {
		return nil, nil, false, errTOML
	}
	value, err = p.readValue()
	return keys, value, false, err
}

// readKey reads a dotted key and returns its parts.
func (p *tomlParser) readKey() ([]string, error) {
	var keys []string
	for {
		p.skip(false)
		start := p.pos
		if p.pos < len(p.text) && (p.text[p.pos] == '"' || p.text[p.pos] == '\'') {
			key, err := p.readQuoted()
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		} else {
			for p.pos < len(p.text) && (isAlphanumeric(p.text[p.pos]) || p.text[p.pos] == '_' || p.text[p.pos] == '-') {
				p.pos++
			}
			if p.pos == start || len(keys) > maxDepth {
				return nil, errTOML
			}
			keys = append(keys, p.text[start:p.pos])
		}
		if p.skip(false); !p.take(".") {
			return keys, nil
		}
	}
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// readValue reads a value. It fails beyond maxValues or maxDepth.
func (p *tomlParser) readValue() (any, error) {
	p.skip(false)
	p.values++
	p.depth++
	defer func() { p.depth-- }()
	switch {
	case p.pos >= len(p.text), p.depth > maxDepth, p.values > maxValues:
		return nil, errTOML
	case p.text[p.pos] == '"' || p.text[p.pos] == '\'':
		return p.readQuoted()
	case p.take("["):
		return p.readArray()
	case p.take("{"):
		return p.readInlineTable()
	}
	start := p.pos
	for p.pos < len(p.text) && !strings.ContainsRune(",]}#\n\r", rune(p.text[p.pos])) {
		p.pos++
	}
	word := strings.TrimSpace(p.text[start:p.pos])
	switch {
	case word == "true" || word == "false":
		return word == "true", nil
	case word == "":
		return nil, errTOML
	}
	number := strings.ReplaceAll(word, "_", "")
	if n, err := strconv.ParseInt(number, 0, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(number, 64); err == nil && json.Valid([]byte(strings.TrimPrefix(number, "+"))) {
		return f, nil
	}
	if c := word[0]; c == '+' || c == '-' || '0' <= c && c <= '9' {
		return word, nil // a date
	}
	return nil, errTOML
}

// readArray reads an array after its "[".
func (p *tomlParser) readArray() (any, error) {
	list := []any{}
	for {
		if p.skip(true); p.take("]") {
			return list, nil
		}
		value, err := p.readValue()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		if p.skip(true); !p.take(",") && !strings.HasPrefix(p.text[p.pos:], "]") {
			return nil, errTOML
		}
	}
}

// readInlineTable reads an inline table after its "{".
func (p *tomlParser) readInlineTable() (any, error) {
	table := map[string]any{}
	for {
		if p.skip(false); p.take("}") {
			return table, nil
		}
		keys, err := p.readKey()
		if err != nil || !p.take("=") {
			return nil, errTOML
		}
		value, err := p.readValue()
		if err != nil || !set(table, keys, value) {
			return nil, errTOML
		}
		if p.skip(false); !p.take(",") && !strings.HasPrefix(p.text[p.pos:], "}") {
			return nil, errTOML
		}
	}
}

// readQuoted reads a quoted string, single-line or multi-line.
func (p *tomlParser) readQuoted() (string, error) {
	quote := p.text[p.pos : p.pos+1]
	if p.take(strings.Repeat(quote, 3)) {
		p.take("\r")
		p.take("\n") // a line break right after the opening quotes is not part of the string
		quote = strings.Repeat(quote, 3)
	} else {
		p.pos++
	}
	for end := p.pos; end < len(p.text); end++ {
		switch {
		case quote[0] == '"' && p.text[end] == '\\':
			end++
		case len(quote) == 1 && p.text[end] == '\n':
			return "", errTOML
		case strings.HasPrefix(p.text[end:], quote):
			text := p.text[p.pos:end]
			p.pos = end + len(quote)
			if quote[0] == '\'' {
				return text, nil
			}
			return unescape(text)
		}
	}
	return "", errTOML
}

// unescape resolves the escapes in a string: those of Go, which include the TOML 1.0 escapes, and a backslash at the end of a
// line.
func unescape(text string) (string, error) {
	var b bytes.Buffer
	for len(text) > 0 {
		if text[0] == '\\' && len(text) > 1 && strings.ContainsRune("\n\r \t", rune(text[1])) {
			text = strings.TrimLeft(text[1:], "\n\r \t")
			continue
		}
		if text[0] != '\\' {
			end := strings.IndexByte(text, '\\')
			if end < 0 {
				end = len(text)
			}
			b.WriteString(text[:end])
			text = text[end:]
			continue
		}
		r, _, rest, err := strconv.UnquoteChar(text, '"')
		if err != nil {
			return "", errTOML
		}
		b.WriteRune(r)
		text = rest
	}
	return b.String(), nil
}

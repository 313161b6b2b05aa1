// Package modelfile reads the Modelfiles of Ollama.
package modelfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Command is a command of a Modelfile.
type Command struct {
	Name string // in upper case
	Key  string // the name of a PARAMETER, or the role of a MESSAGE
	Args string // the value, without quotes around it
	Line int    // the line of the name, counted from 1
}

// commands are the names of the commands that Ollama knows.
var commands = []string{"FROM", "ADAPTER", "DRAFT", "LICENSE", "MESSAGE", "PARAMETER", "PARSER", "RENDERER", "REQUIRES", "SYSTEM", "TEMPLATE"}

// IsCommand reports whether a word, in upper or lower case, is the name of a command.
func IsCommand(word string) bool { return slices.Contains(commands, strings.ToUpper(word)) }

// Fault is an error in a line of a Modelfile.
type Fault struct {
	Line int
	Err  error
}

// Error returns "line N: cause".
func (f *Fault) Error() string { return fmt.Sprintf("line %d: %v", f.Line, f.Err) }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Parse reads a Modelfile. A value ends at the end of its line or, if it begins with " or """, at the closing quotes. Parse fails
// with a *Fault if a command is invalid, and with another error if there is no FROM command.
func Parse(data []byte) ([]Command, error) {
	p := &parser{rest: string(bytes.TrimPrefix(data, []byte("\ufeff"))), line: 1}
	var all []Command
	for p.skipBlank() {
		c, err := p.readCommand()
		if err != nil {
			return nil, &Fault{c.Line, err}
		}
		all = append(all, c)
	}
	if !slices.ContainsFunc(all, func(c Command) bool { return c.Name == "FROM" }) {
		return nil, errors.New("no FROM command")
	}
	return all, nil
}

// parser holds the rest of the file and the number of the current line.
type parser struct {
	rest string
	line int
}

// skipBlank skips blank lines and comments, and reports whether a command follows.
func (p *parser) skipBlank() bool {
	for p.rest != "" {
		switch p.rest[0] {
		case '\n':
			p.line++
			p.rest = p.rest[1:]
		case ' ', '\t', '\r':
			p.rest = p.rest[1:]
		case '#':
			_, after, found := strings.Cut(p.rest, "\n")
			if p.rest = after; found {
				p.line++
			}
		default:
			return true
		}
	}
	return false
}

// readCommand reads a command with its value. If it fails, the result still has the line.
func (p *parser) readCommand() (Command, error) {
	word := p.readWord()
	c := Command{Name: strings.ToUpper(word), Line: p.line}
	if !IsCommand(word) {
		return c, fmt.Errorf("unknown command %q", word)
	}
	if c.Name == "PARAMETER" || c.Name == "MESSAGE" {
		c.Key = p.readWord()
	}
	if c.Name == "MESSAGE" && !slices.Contains([]string{"system", "user", "assistant"}, c.Key) {
		return c, fmt.Errorf("invalid role %q of MESSAGE: want system, user, or assistant", c.Key)
	}
	var err error
	c.Args, err = p.readValue()
	switch {
	case err != nil:
		return c, err
	case c.Name == "PARAMETER" && (c.Key == "" || c.Args == ""):
		return c, errors.New("PARAMETER needs a name and a value")
	case c.Args == "" && c.Name == "FROM":
		return c, errors.New("FROM needs a file")
	}
	return c, nil
}

// readWord reads up to the next white space, and skips the spaces after the word.
func (p *parser) readWord() string {
	end := strings.IndexAny(p.rest, " \t\r\n")
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = strings.TrimLeft(p.rest[end:], " \t")
	return word
}

// readValue reads a value to the end of its line. Closing quotes end a quoted value only if they are at the end of a line.
func (p *parser) readValue() (string, error) {
	quote := ""
	for _, q := range [...]string{`"""`, `"`} {
		if quote == "" && strings.HasPrefix(p.rest, q) {
			quote = q
		}
	}
	for at := 0; ; {
		end, length := strings.IndexByte(p.rest[at:], '\n'), 1
		if end < 0 {
			end, length = len(p.rest)-at, 0
		}
		text := strings.TrimRight(p.rest[:at+end], " \t\r")
		if at += end + length; length > 0 {
			p.line++
		}
		if inner, ok := strings.CutSuffix(text, quote); ok && len(text) >= 2*len(quote) {
			p.rest = p.rest[at:]
			return inner[len(quote):], nil
		}
		if length == 0 {
			return "", errors.New("unterminated quotes")
		}
	}
}

// Package yamlerror rewords the errors of the YAML library for users.
package yamlerror

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
	"gopkg.in/yaml.v3"
)

// prefix matches the beginning of a message of the library.
var prefix = lazy.Regexp(`^(?:yaml: )?(?:unmarshal errors:\s+)?(?:line (\d+): )?`)

// fromZero matches the messages whose lines the library counts from 0; it counts the others from 1.
var fromZero = lazy.Regexp(`^did not find expected (',' or|'-' ind|<|key$|node)|^found (duplicate %|incompatible|undefined tag)`)

// goType matches the message for a value that cannot be decoded into a Go type.
var goType = lazy.Regexp(`^cannot unmarshal !!(\w+) (?:(\x60.*\x60) )?into .*`)

// types describes the values of YAML tags.
var types = map[string]string{"map": "a mapping", "seq": "a list", "str": "a string", "int": "a number", "float": "a number", "bool": "a boolean", "null": "nothing", "timestamp": "a time"}

// Split returns the line of an error of the library, counted from 1 or 0 if unknown, and a description without line breaks. Of several
// errors, it returns the first.
func Split(err error) (line int, text string) {
	text = err.Error()
	var several *yaml.TypeError
	if errors.As(err, &several) && len(several.Errors) > 0 {
		text = several.Errors[0]
	}
	m := prefix().FindStringSubmatch(text)
	text, _, _ = strings.Cut(text[len(m[0]):], "\n")
	if n, err := strconv.Atoi(m[1]); err == nil {
		line = n
		if fromZero().MatchString(text) {
			line++
		}
	}
	if strings.HasPrefix(text, "invalid map key: ") {
		return line, "a key must be a string, not a mapping or a list: put {{ ... }} in quotes"
	}
	if m := goType().FindStringSubmatch(text); m != nil {
		if kind := types[m[1]]; kind != "" {
			text = strings.TrimSpace(kind+" "+strings.Trim(m[2], "`")) + " is not possible here"
		}
	}
	return line, text
}

// Worded returns an error of the library as "line N: description", with the results of Split. It returns any other error
// unchanged.
func Worded(err error) error {
	var several *yaml.TypeError
	if err == nil || !errors.As(err, &several) && !strings.HasPrefix(err.Error(), "yaml: ") {
		return err
	}
	line, text := Split(err)
	if several == nil && !strings.HasPrefix(text, "a key ") {
		text = "not YAML: " + text
	}
	if line == 0 {
		return errors.New(text)
	}
	return fmt.Errorf("line %d: %s", line, text)
}

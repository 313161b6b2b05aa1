// Package jsonwalk goes through JSON that is too large to be held in memory.
package jsonwalk

import (
	"encoding/json"
	"fmt"
)

// Skip reads tokens until the open objects and arrays of d are closed, or for open = 0 the next value, and keeps none
// of them. Deeper nesting than maxDepth is an error, unless it is 0. before, if not nil, is called before each token: a
// reader that limits the length of one starts to count anew.
func Skip(d *json.Decoder, open, maxDepth int, before func()) error {
	for {
		if before != nil {
			before()
		}
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if open++; maxDepth > 0 && open > maxDepth {
				return fmt.Errorf("more than %d levels of nesting", maxDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		if open <= 0 {
			return nil
		}
	}
}

// Package jsonwalk reads and formats JSON in bounded memory.
package jsonwalk

import (
	"encoding/json"
	"fmt"
)

// Skip reads and discards the rest of the open objects and arrays of d, whose number is open, or the next value if open is 0.
// Nesting deeper than maxDepth is an error, unless maxDepth is 0. If before is not nil, it is called before each token, so that
// a reader that limits the length of a token can reset its count.
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
				return fmt.Errorf("too many levels of nesting: limit is %d", maxDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			open--
		}
		if open <= 0 {
			return nil
		}
	}
}

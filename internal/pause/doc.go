// Package pause waits for a time or a result, until a context ends.
package pause

// Package pause waits, unless the context ends.
package pause

// Package record remembers what pulls placed in a directory.
package record

// Package byterange parses the Content-Range headers of clients and registries.
package byterange

import (
	"strconv"
	"strings"
)

// Range is the bytes First to Last, inclusive, of a blob.
type Range struct {
	First, Last int64
	Size        int64 // of the blob, or -1 if unknown
}

// Length returns the number of bytes in the range.
func (r Range) Length() int64 { return r.Last - r.First + 1 }

// Parse reads FIRST-LAST, as clients of the distribution specification send it, and "bytes FIRST-LAST/SIZE", as HTTP defines it
// (RFC 9110, section 14.4). SIZE may be "*". Parse returns false for
// any other text.
func Parse(s string) (Range, bool) {
	s, size, isSized := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	first, last, _ := strings.Cut(s, "-")
	r := Range{First: parseInt(first), Last: parseInt(last), Size: -1}
	if isSized && size != "*" {
		if r.Size = parseInt(size); r.Size <= r.Last {
			return r, false
		}
	}
	return r, 0 <= r.First && r.First <= r.Last
}

// parseInt parses a number. It returns -1 for other text, and for numbers of 2^61 or more, so that sums can't overflow.
func parseInt(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 62)
	if err != nil {
		return -1
	}
	return n
}

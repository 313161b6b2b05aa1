package download

import "slices"

// span is the bytes [From, To) of a blob.
type span struct{ From, To int64 }

// spans is a set of bytes: sorted spans that neither touch nor overlap.
type spans []span

// add returns the set with [from, to).
func (s spans) add(from, to int64) spans {
	if from >= to {
		return s
	}
	i, _ := slices.BinarySearchFunc(s, from, func(e span, from int64) int { // the first that ends at or after from
		if e.To < from {
			return -1
		}
		return 1
	})
	j := i
	for ; j < len(s) && s[j].From <= to; j++ {
		from, to = min(from, s[j].From), max(to, s[j].To)
	}
	switch added := (span{from, to}); j {
	case i:
		s = append(s, added)
		copy(s[i+1:], s[i:])
		s[i] = added
	default:
		s[i] = added
		s = append(s[:i+1], s[j:]...)
	}
	return s
}

// remove returns the set without [from, to).
func (s spans) remove(from, to int64) spans {
	if from >= to {
		return s
	}
	var out spans
	for _, e := range s {
		if left := (span{e.From, min(e.To, from)}); left.From < left.To {
			out = append(out, left)
		}
		if right := (span{max(e.From, to), e.To}); right.From < right.To {
			out = append(out, right)
		}
	}
	return out
}

// gap returns the first span of at most length bytes, from at to end, that is not in the set, or false if the set has no gap.
func (s spans) gap(at, length, end int64) (span, bool) {
	for _, e := range s {
		if at < e.From {
			end = min(end, e.From)
			break
		}
		at = max(at, e.To)
	}
	if at >= end {
		return span{}, false
	}
	return span{at, min(end, at+length)}, true
}

// reach returns the start of the first gap at or after at. It returns at if that byte is not in the set.
func (s spans) reach(at int64) int64 {
	for _, e := range s {
		if e.From <= at && at < e.To {
			return e.To
		}
	}
	return at
}

// total returns the number of bytes in the set.
func (s spans) total() (n int64) {
	for _, e := range s {
		n += e.To - e.From
	}
	return n
}

// isValid reports whether the set is sorted, has no overlaps, and fits into a blob of size bytes.
func (s spans) isValid(size int64) bool {
	last := int64(-1)
	for _, e := range s {
		if e.From <= last || e.From < 0 || e.From >= e.To || e.To > size {
			return false
		}
		last = e.To
	}
	return true
}

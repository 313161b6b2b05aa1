package read

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// pax is the list of records in an extended header, in order.
type pax []paxRecord

type paxRecord struct{ key, value string }

// get returns the last value of a key. An empty value deletes the key.
func (p pax) get(key string) (string, bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].key == key {
			return p[i].value, p[i].value != ""
		}
	}
	return "", false
}

// parsePAX parses records of the form "LENGTH KEY=VALUE\n". A critical key must not occur twice, since readers differ in which
// value they use.
func parsePAX(b []byte) (pax, bool) {
	var records pax
	for len(b) > 0 {
		space := bytes.IndexByte(b, ' ')
		if space <= 0 || space > 7 {
			return nil, false
		}
		n, err := strconv.ParseUint(string(b[:space]), 10, 31)
		if err != nil || b[0] == '0' || int(n) <= space+1 || int(n) > len(b) || b[n-1] != '\n' {
			return nil, false
		}
		key, value, ok := strings.Cut(string(b[space+1:n-1]), "=")
		if !ok || key == "" || strings.Contains(key, "\x00") {
			return nil, false
		}
		if isCritical(key) && (strings.Contains(value, "\x00") || records.has(key)) {
			return nil, false
		}
		records = append(records, paxRecord{key, value})
		b = b[n:]
	}
	return records, true
}

func (p pax) has(key string) bool {
	for _, r := range p {
		if r.key == key {
			return true
		}
	}
	return false
}

// isCritical reports whether a key determines the path or the size of an entry. The keys offset and numbytes are not critical:
// the maps of sparse format 0.0 repeat them.
func isCritical(key string) bool {
	switch key {
	case "path", "linkpath", "size":
		return true
	case paxSparse + "offset", paxSparse + "numbytes":
		return false
	}
	return strings.HasPrefix(key, paxSparse)
}

// parseNumber parses a decimal record. Without the record, it leaves into unchanged.
func (p pax) parseNumber(key string, into *int64) bool {
	s, ok := p.get(key)
	if !ok {
		return true
	}
	n, err := strconv.ParseUint(s, 10, 63)
	*into = int64(n)
	return err == nil
}

// parseTime parses the record mtime: seconds, possibly with a fraction. Without the record, it leaves into unchanged.
func (p pax) parseTime(into *time.Time) bool {
	s, ok := p.get("mtime")
	if !ok {
		return true
	}
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return false
	}
	nsec, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if strings.HasPrefix(whole, "-") {
		nsec = -nsec
	}
	*into = time.Unix(sec, nsec)
	return true
}

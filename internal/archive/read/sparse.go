package read

import (
	"errors"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/archive"
)

var errSparse = errors.New("malformed map of a sparse file")

// readSparse reads the map of a sparse file in any format, after which its content begins. See
// https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html.
func (p *parser) readSparse(h *Header, b *headerBlock, records pax) error {
	var err error
	major, _ := records.get(paxSparse + "major")
	minor, _ := records.get(paxSparse + "minor")
	switch {
	case b.typeflag() == 'S':
		err = p.readSparseGNU(h, b)
	case major == "1" && minor == "0":
		err = p.readSparse10(h, records)
	case major != "" || minor != "":
		err = errSparse
	case records.has(paxSparse+"map") || records.has(paxSparse+"offset"):
		err = readSparse0(h, records)
	case records.has(paxSparse+"name") || records.has(paxSparse+"size") || records.has(paxSparse+"realsize"):
		err = errSparse
	default:
		return nil
	}
	if name, ok := records.get(paxSparse + "name"); ok {
		h.Name = name
	}
	if err == nil && (!h.Mode.IsRegular() || h.IsHardLink() || !hasValidExtents(h)) {
		err = errSparse
	}
	if errors.Is(err, errSparse) {
		return archive.Refuse(h.Name, "%v", err)
	}
	h.IsSparse, h.Offset = true, -1
	return err
}

// hasValidExtents reports whether the extents are in order, within the file, and add up to the stored size.
func hasValidExtents(h *Header) bool {
	at, sum := int64(0), int64(0)
	for _, e := range h.Extents {
		if e.Offset < at || e.Length < 0 || e.Offset > h.Size || e.Length > h.Size-e.Offset {
			return false
		}
		at = e.Offset + e.Length
		sum += e.Length
	}
	return sum == h.stored
}

// readSparseGNU reads the old format: four extents in the header and 21 in each of the following blocks.
func (p *parser) readSparseGNU(h *Header, b *headerBlock) error {
	if !b.isGNU() {
		return errSparse
	}
	size, ok := parseNumber(b[483:495])
	if !ok || size < 0 {
		return errSparse
	}
	h.Size = size
	table, more := b[386:482], b[482] != 0
	for {
		for len(table) >= 24 && table[0] != 0 {
			offset, ok1 := parseNumber(table[:12])
			length, ok2 := parseNumber(table[12:24])
			if !ok1 || !ok2 || len(h.Extents) == archive.MaxExtents {
				return errSparse
			}
			h.Extents = append(h.Extents, archive.Extent{Offset: offset, Length: length})
			table = table[24:]
		}
		if !more {
			return nil
		}
		var next headerBlock
		if err := p.in.readFull(next[:]); err != nil {
			return refuseEOF(err)
		}
		table, more = next[:504], next[504] != 0
	}
}

// readSparse0 reads formats 0.0 and 0.1, whose map is in the extended header.
func readSparse0(h *Header, records pax) error {
	if !records.parseNumber(paxSparse+"size", &h.Size) || !records.has(paxSparse+"size") {
		return errSparse
	}
	var numbers []string
	if list, ok := records.get(paxSparse + "map"); ok {
		numbers = strings.Split(list, ",")
	}
	for _, r := range records {
		if r.key == paxSparse+"offset" || r.key == paxSparse+"numbytes" {
			if (r.key == paxSparse+"offset") != (len(numbers)%2 == 0) {
				return errSparse
			}
			numbers = append(numbers, r.value)
		}
	}
	if len(numbers)%2 != 0 || len(numbers)/2 > archive.MaxExtents {
		return errSparse
	}
	for i := 0; i < len(numbers); i += 2 {
		offset, err1 := strconv.ParseUint(numbers[i], 10, 63)
		length, err2 := strconv.ParseUint(numbers[i+1], 10, 63)
		if err1 != nil || err2 != nil {
			return errSparse
		}
		h.Extents = append(h.Extents, archive.Extent{Offset: int64(offset), Length: int64(length)})
	}
	return nil
}

// readSparse10 reads format 1.0, whose map is lines of decimal numbers before the content, padded to blocks.
func (p *parser) readSparse10(h *Header, records pax) error {
	if !records.parseNumber(paxSparse+"realsize", &h.Size) || !records.has(paxSparse+"realsize") {
		return errSparse
	}
	lines := blockLines{p: p}
	count, err := lines.readNumber(h)
	if err != nil {
		return err
	}
	if count > archive.MaxExtents {
		return errSparse
	}
	for range count {
		offset, err := lines.readNumber(h)
		if err != nil {
			return err
		}
		length, err := lines.readNumber(h)
		if err != nil {
			return err
		}
		h.Extents = append(h.Extents, archive.Extent{Offset: offset, Length: length})
	}
	return nil
}

// blockLines reads a sparse map block by block and splits it into lines.
type blockLines struct {
	p    *parser
	rest string
}

// readNumber returns the decimal number in the next line.
func (l *blockLines) readNumber(h *Header) (int64, error) {
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if ok {
			l.rest = rest
			n, err := strconv.ParseUint(line, 10, 63)
			if err != nil {
				return 0, errSparse
			}
			return int64(n), nil
		}
		if len(l.rest) > 20 || h.stored < archive.BlockSize {
			return 0, errSparse
		}
		var b headerBlock
		if err := l.p.in.readFull(b[:]); err != nil {
			return 0, refuseEOF(err)
		}
		h.stored -= archive.BlockSize
		l.p.pending -= archive.BlockSize
		l.rest += string(b[:])
	}
}

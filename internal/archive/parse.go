package archive

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"
)

// parser reads the headers of a tar: v7, ustar, GNU and PAX, sparse files in all their formats. It is stricter than
// archive/tar, since an archive must mean the same to whoever checked it and to whoever unpacks it: what readers are
// known to take differently (a size in two places, extended headers that repeat or mix, data behind the end) is refused.
type parser struct {
	in      *stream
	block   headerBlock // the one that was read last
	pending int64       // of the current entry's content and padding, not read yet
	name    string      // of the current entry
}

// blame names the current entry in a refusal that has no name: of what is wrong with the bytes of its content.
func (p *parser) blame(err error) error {
	if unsafe, ok := err.(*UnsafeError); ok && unsafe.Name == "" && p.name != "" {
		return &UnsafeError{Name: p.name, Reason: unsafe.Reason, Limit: unsafe.Limit}
	}
	return err
}

// extended is what stands in front of an entry.
type extended struct {
	pax     pax
	name    string // of a GNU header 'L'
	link    string // of a GNU header 'K'
	hasPAX  bool
	hasName bool
	hasLink bool
	count   int
}

// next gives the next header, with its name as it stands in the archive, or io.EOF.
func (p *parser) next() (*Header, error) {
	if err := p.in.skip(p.pending); err != nil {
		return nil, p.blame(err)
	}
	p.pending, p.name = 0, ""
	var ext extended
	for {
		b, err := p.header()
		if err == io.EOF && ext.count > 0 {
			return nil, errCut
		}
		if err != nil {
			return nil, err
		}
		more, err := p.extension(b, &ext)
		if err != nil {
			return nil, err
		}
		if !more {
			return p.entry(b, &ext)
		}
		if ext.count++; ext.count > maxHeaders {
			return nil, refuse(b.path(), "more than %d headers in front of an entry", maxHeaders)
		}
	}
}

// header reads a block. The end of the archive, two blocks of zeros or that of the stream, is io.EOF.
func (p *parser) header() (*headerBlock, error) {
	b := &p.block
	if err := p.in.full(b[:]); err != nil {
		return nil, err
	}
	if *b == (headerBlock{}) {
		return nil, p.end()
	}
	if !b.checksum() {
		return nil, refuse("", "not a tar: the checksum of a header is wrong")
	}
	if strings.HasPrefix(b.magic(), "ustar") && b.magic() != magicUstar && !b.gnu() {
		return nil, refuse(b.path(), "unknown tar format")
	}
	return b, nil
}

// end reads what stands behind the first block of zeros: nothing but zeros, since another reader could go on there.
func (p *parser) end() error {
	buf := make([]byte, 32<<10)
	for {
		n, err := p.in.Read(buf)
		for _, c := range buf[:n] {
			if c != 0 {
				return refuse("", "there is data behind the end of the archive")
			}
		}
		if err != nil {
			return err
		}
	}
}

// extension reads the headers that belong to a following one.
func (p *parser) extension(b *headerBlock, ext *extended) (bool, error) {
	switch b.typeflag() {
	case 'x', 'g':
		body, err := p.body(b, maxExtended)
		if err != nil {
			return false, err
		}
		records, ok := parsePAX(body)
		if !ok {
			return false, refuse(b.path(), "malformed extended header")
		}
		if b.typeflag() == 'g' {
			return true, checkGlobal(records)
		}
		if ext.hasPAX || ext.hasName || ext.hasLink {
			return false, refuse(b.path(), "several extended headers for one entry")
		}
		ext.pax, ext.hasPAX = records, true
		return true, nil
	case 'L', 'K':
		body, err := p.body(b, maxName+1)
		if err != nil {
			return false, err
		}
		into, has := &ext.name, &ext.hasName
		if b.typeflag() == 'K' {
			into, has = &ext.link, &ext.hasLink
		}
		if *has || ext.hasPAX {
			return false, refuse(b.path(), "several extended headers for one entry")
		}
		*into, *has = cString(body), true
		return true, nil
	}
	return false, nil
}

// checkGlobal lets pass what git and others write about an archive as a whole.
func checkGlobal(records pax) error {
	for _, r := range records {
		if decides(r.key) || strings.HasPrefix(r.key, paxSparse) {
			return refuse("", "a global extended header sets %q", r.key)
		}
	}
	return nil
}

// body reads the content of an extended header.
func (p *parser) body(b *headerBlock, limit int64) ([]byte, error) {
	size, ok := parseNumber(b.size())
	if !ok || size < 0 {
		return nil, refuse(b.path(), "malformed size of an extended header")
	}
	if size > limit {
		return nil, refuse(b.path(), "extended header of %d bytes, more than %d", size, limit)
	}
	body := make([]byte, size+padding(size))
	if err := p.in.full(body); err != nil {
		return nil, cut(err)
	}
	return body[:size], nil
}

// cut turns the end of the stream into a refusal.
func cut(err error) error {
	if err == io.EOF {
		return errCut
	}
	return err
}

// entry makes a Header of a block and what stood in front of it.
func (p *parser) entry(b *headerBlock, ext *extended) (*Header, error) {
	h := &Header{Name: b.path(), Link: cString(b.linkname())}
	if ext.hasName {
		h.Name = ext.name
	}
	if ext.hasLink {
		h.Link = ext.link
	}
	if path, ok := ext.pax.get("path"); ok {
		h.Name = path
	}
	if link, ok := ext.pax.get("linkpath"); ok {
		h.Link = link
	}
	if err := p.metadata(h, b, ext.pax); err != nil {
		return nil, err
	}
	if err := setType(h, b.typeflag()); err != nil {
		return nil, err
	}
	h.Size, h.Offset = h.stored, p.in.at
	p.pending = h.stored
	if h.stored > math.MaxInt64-blockSize {
		return nil, refuse(h.Name, "malformed size")
	}
	padding := padding(h.stored)
	if err := p.sparse(h, b, ext.pax); err != nil {
		return nil, err
	}
	p.pending, p.name = p.pending+padding, h.Name
	return h, nil
}

// metadata reads the numbers of a header. The size must be the same wherever it stands: CVE-2025-62518 and its kin are
// readers that went by the wrong one.
func (p *parser) metadata(h *Header, b *headerBlock, records pax) error {
	mode, ok1 := parseNumber(b.mode())
	uid, ok2 := parseNumber(b.uid())
	gid, ok3 := parseNumber(b.gid())
	mtime, ok4 := parseNumber(b.mtime())
	size, ok5 := parseNumber(b.size())
	if !ok5 || size < 0 {
		return refuse(h.Name, "malformed size")
	}
	h.stored, h.ModTime = size, time.Unix(mtime, 0)
	ok6 := records.number("uid", &uid) && records.number("gid", &gid) && records.mtime(&h.ModTime)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok6 || uid < 0 || gid < 0 || uid > math.MaxUint32 || gid > math.MaxUint32 {
		return refuse(h.Name, "malformed number in the header")
	}
	if !records.number("size", &h.stored) {
		return refuse(h.Name, "malformed size")
	}
	overflow := h.stored > maxOctal && (size == 0 || size == maxOctal)
	if h.stored != size && !overflow {
		return refuse(h.Name, "two sizes, %d and %d", size, h.stored)
	}
	h.UID, h.GID, h.Mode = int(uid), int(gid), fileMode(mode)
	for _, r := range records {
		if name, ok := strings.CutPrefix(r.key, xattrPrefix); ok {
			if h.Xattrs == nil {
				h.Xattrs = make(map[string]string)
			}
			h.Xattrs[name] = r.value
		}
	}
	return nil
}

// fileMode is the permissions of an entry.
func fileMode(bits int64) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	if bits&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if bits&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if bits&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// setType sets the type of the entry, and refuses all but files, directories and links.
func setType(h *Header, typeflag byte) error {
	slash := strings.HasSuffix(h.Name, "/")
	switch typeflag {
	case '0', 0, '7', 'S':
		h.Link = ""
		if slash && h.stored == 0 && typeflag != 'S' { // how v7 wrote directories
			h.Mode |= fs.ModeDir
			return nil
		}
		if slash {
			return refuse(h.Name, "a file whose name ends in a slash")
		}
		return nil
	case '1':
		if h.Link == "" {
			return refuse(h.Name, "hard link without a target")
		}
	case '2':
		h.Mode |= fs.ModeSymlink
	case '5':
		h.Mode |= fs.ModeDir
		h.Link = ""
	case '3', '4':
		return refuse(h.Name, "a device")
	case '6':
		return refuse(h.Name, "a named pipe")
	default:
		return refuse(h.Name, "an entry of the unknown type %q", typeflag)
	}
	if slash && typeflag != '5' {
		return refuse(h.Name, "a link whose name ends in a slash")
	}
	if h.stored != 0 {
		return refuse(h.Name, "content of what is no file")
	}
	return nil
}

var errSparse = errors.New("malformed map of a sparse file")

// sparse reads the map of a sparse file in any of its formats. Content then begins behind the map.
func (p *parser) sparse(h *Header, b *headerBlock, records pax) error {
	var err error
	major, _ := records.get(paxSparse + "major")
	minor, _ := records.get(paxSparse + "minor")
	switch {
	case b.typeflag() == 'S':
		err = p.sparseGNU(h, b)
	case major == "1" && minor == "0":
		err = p.sparse10(h, records)
	case major != "" || minor != "":
		err = errSparse
	case records.has(paxSparse+"map") || records.has(paxSparse+"offset"):
		err = sparse0(h, records)
	case records.has(paxSparse+"name") || records.has(paxSparse+"size") || records.has(paxSparse+"realsize"):
		err = errSparse
	default:
		return nil
	}
	if name, ok := records.get(paxSparse + "name"); ok {
		h.Name = name
	}
	if err == nil && (!h.Mode.IsRegular() || h.HardLink() || !validExtents(h)) {
		err = errSparse
	}
	if errors.Is(err, errSparse) {
		return refuse(h.Name, "%v", err)
	}
	h.sparse, h.Offset = true, -1
	return err
}

// validExtents checks that the extents follow one another, within the file, and are all that is stored.
func validExtents(h *Header) bool {
	at, sum := int64(0), int64(0)
	for _, e := range h.extents {
		if e.offset < at || e.length < 0 || e.offset > h.Size || e.length > h.Size-e.offset {
			return false
		}
		at = e.offset + e.length
		sum += e.length
	}
	return sum == h.stored
}

// sparseGNU reads the old format: four extents in the header, 21 in each block that follows.
func (p *parser) sparseGNU(h *Header, b *headerBlock) error {
	if !b.gnu() {
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
			if !ok1 || !ok2 || len(h.extents) == maxExtents {
				return errSparse
			}
			h.extents = append(h.extents, extent{offset, length})
			table = table[24:]
		}
		if !more {
			return nil
		}
		var next headerBlock
		if err := p.in.full(next[:]); err != nil {
			return cut(err)
		}
		table, more = next[:504], next[504] != 0
	}
}

// sparse0 reads the formats 0.0 and 0.1, whose map is in the extended header.
func sparse0(h *Header, records pax) error {
	if !records.number(paxSparse+"size", &h.Size) || !records.has(paxSparse+"size") {
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
	if len(numbers)%2 != 0 || len(numbers)/2 > maxExtents {
		return errSparse
	}
	for i := 0; i < len(numbers); i += 2 {
		offset, err1 := strconv.ParseUint(numbers[i], 10, 63)
		length, err2 := strconv.ParseUint(numbers[i+1], 10, 63)
		if err1 != nil || err2 != nil {
			return errSparse
		}
		h.extents = append(h.extents, extent{int64(offset), int64(length)})
	}
	return nil
}

// sparse10 reads the format 1.0, whose map is lines of decimal numbers in front of the content, padded to blocks.
func (p *parser) sparse10(h *Header, records pax) error {
	if !records.number(paxSparse+"realsize", &h.Size) || !records.has(paxSparse+"realsize") {
		return errSparse
	}
	lines := blockLines{p: p}
	count, err := lines.number(h)
	if err != nil {
		return err
	}
	if count > maxExtents {
		return errSparse
	}
	for range count {
		offset, err := lines.number(h)
		if err != nil {
			return err
		}
		length, err := lines.number(h)
		if err != nil {
			return err
		}
		h.extents = append(h.extents, extent{offset, length})
	}
	return nil
}

// blockLines gives the lines of a sparse map, reading a block at a time.
type blockLines struct {
	p    *parser
	rest string
}

func (l *blockLines) number(h *Header) (int64, error) {
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
		if len(l.rest) > 20 || h.stored < blockSize {
			return 0, errSparse
		}
		var b headerBlock
		if err := l.p.in.full(b[:]); err != nil {
			return 0, cut(err)
		}
		h.stored -= blockSize
		l.p.pending -= blockSize
		l.rest += string(b[:])
	}
}

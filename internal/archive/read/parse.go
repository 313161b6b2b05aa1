package read

import (
	"io"
	"io/fs"
	"math"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/archive"
)

// parser reads the headers of a tar: v7, ustar, GNU, and PAX, with sparse files in all their formats. It is stricter than
// package archive/tar, since an archive must mean the same to a program that checked it and one that unpacks it. It refuses
// archives that readers are known to interpret differently: a size in two places, repeated or mixed extended headers, data
// after the end.
type parser struct {
	in      *stream
	block   headerBlock // the latest one
	pending int64       // unread bytes of the current entry's content and padding
	name    string      // name of the current entry
}

// addName adds the name of the current entry to a refusal without a name.
func (p *parser) addName(err error) error {
	if unsafe, ok := err.(*archive.UnsafeError); ok && unsafe.Name == "" && p.name != "" {
		return &archive.UnsafeError{Name: p.name, Reason: unsafe.Reason, Limit: unsafe.Limit}
	}
	return err
}

// extended is the content of the extended headers before an entry.
type extended struct {
	pax     pax
	name    string // from a GNU header 'L'
	link    string // from a GNU header 'K'
	hasPAX  bool
	hasName bool
	hasLink bool
	count   int
}

// readNext returns the next header, with its name as in the archive, or io.EOF.
func (p *parser) readNext() (*Header, error) {
	if err := p.in.skip(p.pending); err != nil {
		return nil, p.addName(err)
	}
	p.pending, p.name = 0, ""
	var ext extended
	for {
		b, err := p.readHeader()
		if err == io.EOF && ext.count > 0 {
			return nil, archive.ErrTruncated
		}
		if err != nil {
			return nil, err
		}
		more, err := p.readExtension(b, &ext)
		if err != nil {
			return nil, err
		}
		if !more {
			return p.newHeader(b, &ext)
		}
		if ext.count++; ext.count > maxHeaders {
			return nil, archive.Refuse(b.path(), "more than %d extended headers before an entry", maxHeaders)
		}
	}
}

// readHeader reads a header block. It returns io.EOF at the end of the archive, which is a block of zeros or the end of the
// stream.
func (p *parser) readHeader() (*headerBlock, error) {
	b := &p.block
	if err := p.in.readFull(b[:]); err != nil {
		return nil, err
	}
	if *b == (headerBlock{}) {
		return nil, p.readEnd()
	}
	if !b.hasChecksum() {
		return nil, archive.Refuse("", "not a tar: the checksum of a header is wrong")
	}
	if strings.HasPrefix(b.magic(), "ustar") && b.magic() != magicUstar && !b.isGNU() {
		return nil, archive.Refuse(b.path(), "unknown tar format")
	}
	return b, nil
}

// readEnd reads the rest of the stream after the first block of zeros, and returns io.EOF. It refuses bytes other than zeros,
// because another reader could continue there.
func (p *parser) readEnd() error {
	buf := make([]byte, 32<<10)
	for {
		n, err := p.in.Read(buf)
		for _, c := range buf[:n] {
			if c != 0 {
				return archive.Refuse("", "there is data after the end of the archive")
			}
		}
		if err != nil {
			return err
		}
	}
}

// readExtension reads an extended header. It returns false for any other header.
func (p *parser) readExtension(b *headerBlock, ext *extended) (bool, error) {
	switch b.typeflag() {
	case 'x', 'g':
		body, err := p.readBody(b, maxExtended)
		if err != nil {
			return false, err
		}
		records, ok := parsePAX(body)
		if !ok {
			return false, archive.Refuse(b.path(), "malformed extended header")
		}
		if b.typeflag() == 'g' {
			return true, checkGlobal(records)
		}
		if ext.hasPAX || ext.hasName || ext.hasLink {
			return false, archive.Refuse(b.path(), "several extended headers for one entry")
		}
		ext.pax, ext.hasPAX = records, true
		return true, nil
	case 'L', 'K':
		body, err := p.readBody(b, archive.MaxName+1)
		if err != nil {
			return false, err
		}
		into, has := &ext.name, &ext.hasName
		if b.typeflag() == 'K' {
			into, has = &ext.link, &ext.hasLink
		}
		if *has || ext.hasPAX {
			return false, archive.Refuse(b.path(), "several extended headers for one entry")
		}
		*into, *has = cString(body), true
		return true, nil
	}
	return false, nil
}

// checkGlobal refuses a global header that would change entries. Those that git and others write only describe the archive.
func checkGlobal(records pax) error {
	for _, r := range records {
		if isCritical(r.key) || strings.HasPrefix(r.key, paxSparse) {
			return archive.Refuse("", "a global extended header sets %q", r.key)
		}
	}
	return nil
}

// readBody reads the content of an extended header.
func (p *parser) readBody(b *headerBlock, limit int64) ([]byte, error) {
	size, ok := parseNumber(b.size())
	if !ok || size < 0 {
		return nil, archive.Refuse(b.path(), "malformed size of an extended header")
	}
	if size > limit {
		return nil, archive.Refuse(b.path(), "extended header too large: %d bytes, limit is %d", size, limit)
	}
	body := make([]byte, size+archive.Padding(size))
	if err := p.in.readFull(body); err != nil {
		return nil, refuseEOF(err)
	}
	return body[:size], nil
}

// refuseEOF turns the end of the stream into a refusal.
func refuseEOF(err error) error {
	if err == io.EOF {
		return archive.ErrTruncated
	}
	return err
}

// newHeader returns the Header for a block and the extended headers before it.
func (p *parser) newHeader(b *headerBlock, ext *extended) (*Header, error) {
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
	if err := p.parseMetadata(h, b, ext.pax); err != nil {
		return nil, err
	}
	if err := setType(h, b.typeflag()); err != nil {
		return nil, err
	}
	h.Size, h.Offset = h.stored, p.in.at
	p.pending = h.stored
	if h.stored > math.MaxInt64-archive.BlockSize {
		return nil, archive.Refuse(h.Name, "malformed size")
	}
	padding := archive.Padding(h.stored)
	if err := p.readSparse(h, b, ext.pax); err != nil {
		return nil, err
	}
	p.pending, p.name = p.pending+padding, h.Name
	return h, nil
}

// parseMetadata parses the numbers and extended attributes of a header. The size must be the same wherever it is given:
// CVE-2025-62518 and similar flaws are in readers that used the wrong one.
func (p *parser) parseMetadata(h *Header, b *headerBlock, records pax) error {
	mode, ok1 := parseNumber(b.mode())
	uid, ok2 := parseNumber(b.uid())
	gid, ok3 := parseNumber(b.gid())
	mtime, ok4 := parseNumber(b.mtime())
	size, ok5 := parseNumber(b.size())
	if !ok5 || size < 0 {
		return archive.Refuse(h.Name, "malformed size")
	}
	h.stored, h.ModTime = size, time.Unix(mtime, 0)
	ok6 := records.parseNumber("uid", &uid) && records.parseNumber("gid", &gid) && records.parseTime(&h.ModTime)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok6 || uid < 0 || gid < 0 || uid > math.MaxUint32 || gid > math.MaxUint32 {
		return archive.Refuse(h.Name, "malformed number in the header")
	}
	if !records.parseNumber("size", &h.stored) {
		return archive.Refuse(h.Name, "malformed size")
	}
	overflow := h.stored > maxOctal && (size == 0 || size == maxOctal)
	if h.stored != size && !overflow {
		return archive.Refuse(h.Name, "two sizes, %d and %d", size, h.stored)
	}
	h.UID, h.GID, h.Mode = int(uid), int(gid), fileMode(mode)
	for _, r := range records {
		if name, ok := strings.CutPrefix(r.key, archive.XattrPrefix); ok {
			if h.Xattrs == nil {
				h.Xattrs = make(map[string]string)
			}
			h.Xattrs[name] = r.value
		}
	}
	return nil
}

// fileMode returns the permissions of an entry.
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

const namedPipe = "a named pipe"

// setType sets the type of an entry, and refuses unknown types. Iterator.check decides on devices and named pipes.
func setType(h *Header, typeflag byte) error {
	slash := strings.HasSuffix(h.Name, "/")
	switch typeflag {
	case '0', 0, '7', 'S':
		h.Link = ""
		if slash && h.stored == 0 && typeflag != 'S' { // a directory in v7
			h.Mode |= fs.ModeDir
			return nil
		}
		if slash {
			return archive.Refuse(h.Name, "a file whose name ends in a slash")
		}
		return nil
	case '1':
		if h.Link == "" {
			return archive.Refuse(h.Name, "hard link without a target")
		}
	case '2':
		h.Mode |= fs.ModeSymlink
	case '5':
		h.Mode |= fs.ModeDir
		h.Link = ""
	case '3', '4':
		h.special = "a device"
	case '6':
		h.special, h.Link = namedPipe, ""
		h.Mode |= fs.ModeNamedPipe
	default:
		return archive.Refuse(h.Name, "an entry of the unknown type %q", typeflag)
	}
	if slash && typeflag != '5' {
		return archive.Refuse(h.Name, "a link whose name ends in a slash")
	}
	if h.stored != 0 {
		return archive.Refuse(h.Name, "an entry with content that is not a file")
	}
	return nil
}

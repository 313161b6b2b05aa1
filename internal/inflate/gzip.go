package inflate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

var (
	// ErrHeader is returned for bytes that are not the header of a gzip member.
	ErrHeader = errors.New("invalid gzip header")
	// ErrChecksum is returned if decompressed bytes do not match the checksum or size in the trailer.
	ErrChecksum = errors.New("wrong checksum")
)

// maxHeaderText is the maximum length in bytes of the name and of the comment in a gzip header, which are skipped: a header
// without an end would otherwise be read to the end of the input.
const maxHeaderText = 64 << 10

// The flags in a gzip header (RFC 1952, section 2.3.1).
const (
	flagHeaderCRC = 1 << 1
	flagExtra     = 1 << 2
	flagName      = 1 << 3
	flagComment   = 1 << 4
	flagsReserved = 0xe0
)

// GzipReader decompresses all members of a gzip file, one after the other.
type GzipReader struct {
	in   *Reader
	crc  uint32
	size uint32
	err  error
}

// NewGzipReader returns a GzipReader that decompresses src. It reads the first header.
func NewGzipReader(src io.Reader) (*GzipReader, error) {
	g := &GzipReader{in: NewReader(src)}
	return g, g.readHeader()
}

// Read reads decompressed bytes. It returns io.EOF after the last member.
func (g *GzipReader) Read(p []byte) (int, error) {
	for g.err == nil {
		n, err := g.in.Read(p)
		g.crc = crc32.Update(g.crc, crc32.IEEETable, p[:n])
		g.size += uint32(n)
		switch {
		case n > 0 || len(p) == 0:
			return n, nil
		case err == io.EOF:
			if g.err = g.checkTrailer(); g.err == nil {
				g.err = g.readHeader()
			}
		default:
			g.err = err
		}
	}
	return 0, g.err
}

// readHeader reads the header of the next member. It returns io.EOF after the last member.
func (g *GzipReader) readHeader() error {
	g.crc, g.size = 0, 0
	g.in.reset()
	first, err := g.in.readByte()
	if err != nil {
		return err
	}
	head := [10]byte{first}
	if err := g.in.readFull(head[1:]); err != nil {
		return err
	}
	flags := head[3]
	if !bytes.Equal(head[:3], []byte{0x1f, 0x8b, 8}) || flags&flagsReserved != 0 {
		return ErrHeader
	}
	return g.skipOptional(head[:], flags)
}

// skipOptional skips the optional fields of a header, and verifies the checksum of the header if it has one.
func (g *GzipReader) skipOptional(head []byte, flags byte) error {
	crc := crc32.ChecksumIEEE(head)
	var two [2]byte
	if flags&flagExtra != 0 {
		if err := g.in.readFull(two[:]); err != nil {
			return err
		}
		extra := make([]byte, binary.LittleEndian.Uint16(two[:]))
		if err := g.in.readFull(extra); err != nil {
			return err
		}
		crc = crc32.Update(crc32.Update(crc, crc32.IEEETable, two[:]), crc32.IEEETable, extra)
	}
	for _, flag := range []byte{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		text, err := g.readText()
		if err != nil {
			return err
		}
		crc = crc32.Update(crc, crc32.IEEETable, text)
	}
	if flags&flagHeaderCRC == 0 {
		return nil
	}
	if err := g.in.readFull(two[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint16(two[:]) != uint16(crc) {
		return ErrHeader
	}
	return nil
}

// readText reads up to and including the next NUL. It fails with ErrHeader if the text is longer than maxHeaderText.
func (g *GzipReader) readText() ([]byte, error) {
	var text []byte
	for len(text) < maxHeaderText {
		var b [1]byte
		if err := g.in.readFull(b[:]); err != nil {
			return nil, err
		}
		text = append(text, b[0])
		if b[0] == 0 {
			return text, nil
		}
	}
	return nil, ErrHeader
}

// checkTrailer compares the checksum and the size in the trailer with those of the decompressed bytes.
func (g *GzipReader) checkTrailer() error {
	var b [8]byte
	if err := g.in.readFull(b[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b[:4]) != g.crc || binary.LittleEndian.Uint32(b[4:]) != g.size {
		return ErrChecksum
	}
	return nil
}

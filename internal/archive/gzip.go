package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

var (
	errGzipHeader   = errors.New("invalid gzip header")
	errGzipChecksum = errors.New("wrong checksum")
)

// maxGzipText bounds the name and the comment in the header of gzip, which nobody reads.
const maxGzipText = 64 << 10

// gunzip decompresses gzip (RFC 1952), all members one after the other.
type gunzip struct {
	in   *inflater
	crc  uint32
	size uint32
	err  error
}

func newGunzip(r io.Reader) (*gunzip, error) {
	g := &gunzip{in: newInflater()}
	g.in.open(r)
	return g, g.header()
}

// Read gives decompressed bytes, and io.EOF behind the last member.
func (g *gunzip) Read(p []byte) (int, error) {
	for g.err == nil {
		n, err := g.in.Read(p)
		g.crc = crc32.Update(g.crc, crc32.IEEETable, p[:n])
		g.size += uint32(n)
		switch {
		case n > 0 || len(p) == 0:
			return n, nil
		case err == io.EOF:
			if g.err = g.trailer(); g.err == nil {
				g.err = g.header()
			}
		default:
			g.err = err
		}
	}
	return 0, g.err
}

// header reads what stands before a member; io.EOF: there is none.
func (g *gunzip) header() error {
	g.crc, g.size = 0, 0
	g.in.reset()
	first, err := g.in.readByte()
	if err != nil {
		return err
	}
	head := [10]byte{first}
	if err := g.full(head[1:]); err != nil {
		return err
	}
	flags := head[3]
	if !bytes.Equal(head[:3], gzipHeader[:3]) || flags&0xe0 != 0 {
		return errGzipHeader
	}
	return g.optional(head[:], flags)
}

// optional reads the parts of a header that flags announce.
func (g *gunzip) optional(head []byte, flags byte) error {
	crc := crc32.ChecksumIEEE(head)
	var two [2]byte
	if flags&4 != 0 { // extra fields
		if err := g.full(two[:]); err != nil {
			return err
		}
		extra := make([]byte, binary.LittleEndian.Uint16(two[:]))
		if err := g.full(extra); err != nil {
			return err
		}
		crc = crc32.Update(crc32.Update(crc, crc32.IEEETable, two[:]), crc32.IEEETable, extra)
	}
	for _, flag := range []byte{8, 16} { // name, comment
		if flags&flag == 0 {
			continue
		}
		text, err := g.text()
		if err != nil {
			return err
		}
		crc = crc32.Update(crc, crc32.IEEETable, text)
	}
	if flags&2 == 0 {
		return nil
	}
	if err := g.full(two[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint16(two[:]) != uint16(crc) {
		return errGzipHeader
	}
	return nil
}

// text reads up to a NUL.
func (g *gunzip) text() ([]byte, error) {
	var text []byte
	for len(text) < maxGzipText {
		var b [1]byte
		if err := g.full(b[:]); err != nil {
			return nil, err
		}
		text = append(text, b[0])
		if b[0] == 0 {
			return text, nil
		}
	}
	return nil, errGzipHeader
}

// trailer compares what was decompressed with what should have been.
func (g *gunzip) trailer() error {
	var b [8]byte
	if err := g.full(b[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b[:4]) != g.crc || binary.LittleEndian.Uint32(b[4:]) != g.size {
		return errGzipChecksum
	}
	return nil
}

// full reads bytes outside of the deflate data.
func (g *gunzip) full(p []byte) error {
	for i := range p {
		b, err := g.in.readByte()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		p[i] = b
	}
	return nil
}

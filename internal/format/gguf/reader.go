package gguf

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// readLength reads a length or dimension: 32 bits in version 1, 64 bits in later versions.
func (g *reader) readLength() (int64, error) {
	if g.version == 1 {
		n, err := g.readUint32()
		return int64(n), err
	}
	n, err := g.readUint64()
	if err == nil && n > math.MaxInt64 {
		err = fmt.Errorf("a length of %d does not fit into a file of %d bytes", n, g.size)
	}
	return int64(n), err
}

// readText reads a string, trims white space, and replaces invalid UTF-8. If the string is longer than maxString, readText
// skips it and keep is false.
func (g *reader) readText() (text string, keep bool, err error) {
	n, err := g.readLength()
	if err != nil {
		return "", false, err
	}
	if n > g.size-g.pos {
		return "", false, fmt.Errorf("a string of %d bytes at byte %d does not fit into a file of %d bytes", n, g.pos, g.size)
	}
	if n > maxString {
		return "", false, g.skip(n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(g.in, b); err != nil {
		return "", false, err
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "\ufffd"), true, g.advance(n)
}

func (g *reader) readUint32() (uint32, error) {
	b, err := g.readBytes(4)
	if err != nil {
		return 0, err
	}
	return g.order.Uint32(b), nil
}

func (g *reader) readUint64() (uint64, error) {
	b, err := g.readBytes(8)
	if err != nil {
		return 0, err
	}
	return g.order.Uint64(b), nil
}

// readBytes reads n bytes, at most eight. The next call overwrites the result.
func (g *reader) readBytes(n int64) ([]byte, error) {
	b := g.buf[:n]
	if _, err := io.ReadFull(g.in, b); err != nil {
		return nil, err
	}
	return b, g.advance(n)
}

// skip skips n bytes. It fails with io.ErrUnexpectedEOF if the file has fewer.
func (g *reader) skip(n int64) error {
	if n < 0 || n > g.size-g.pos {
		return io.ErrUnexpectedEOF
	}
	if err := g.advance(n); err != nil {
		return err
	}
	_, err := g.in.Discard(int(n))
	return err
}

// advance adds n to the position. It fails if the header exceeds maxHeader.
func (g *reader) advance(n int64) error {
	g.pos += n
	if g.pos > maxHeader {
		return fmt.Errorf("GGUF header too large: limit is %d MiB", maxHeader>>20)
	}
	return nil
}

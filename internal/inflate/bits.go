package inflate

import "io"

const (
	inputSize = 64 << 10
	// inputPadding zero bytes follow the last input byte, so that loading a word needs no separate bounds check.
	inputPadding = 32
	// inputMargin is the number of buffered bytes below which more input is read. The code lengths of any block header fit in it.
	inputMargin = 512
)

// bitReader reads bits, least significant first, from a byte stream.
type bitReader struct {
	src io.Reader
	in  []byte // buffered input, followed by inputPadding zeros after the end of src
	pos int    // index in in of the next byte
	end int    // index in in after the last byte
	eof bool   // src is exhausted
	bb  uint64 // bits taken from in but not used yet; the lowest is next
	bn  uint   // number of bits in bb
}

func newBitReader(src io.Reader) bitReader {
	return bitReader{src: src, in: make([]byte, inputSize+inputPadding)}
}

// fillBuffer reads input until inputMargin bytes are buffered or src ends.
func (b *bitReader) fillBuffer() error {
	if b.eof || b.end-b.pos >= inputMargin {
		return nil
	}
	b.unreadBytes()
	b.end = copy(b.in, b.in[b.pos:b.end])
	b.pos = 0
	for b.end < inputMargin {
		n, err := b.src.Read(b.in[b.end:inputSize])
		b.end += n
		if err == io.EOF {
			b.eof = true
			clear(b.in[b.end : b.end+inputPadding])
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isOverrun reports whether more bits were used than src had.
func (b *bitReader) isOverrun() bool { return b.pos-int(b.bn>>3) > b.end }

// need fills the bit buffer with at least n bits, n <= 32. Bits after the end of src are zeros, which isOverrun detects.
func (b *bitReader) need(n uint) error {
	for b.bn < n {
		if b.pos >= b.end-8 {
			if err := b.fillBuffer(); err != nil {
				return err
			}
		}
		if b.pos >= b.end+8 {
			return io.ErrUnexpectedEOF
		}
		b.bb |= uint64(b.in[b.pos]) << b.bn
		b.pos++
		b.bn += 8
	}
	return nil
}

// takeBits takes the next n bits, which the caller has requested with need.
func (b *bitReader) takeBits(n uint) uint {
	v := uint(b.bb & (1<<n - 1))
	b.bb >>= n
	b.bn -= n
	return v
}

// unreadBytes returns the whole bytes in the bit buffer to the input.
func (b *bitReader) unreadBytes() {
	b.pos -= int(b.bn >> 3)
	b.bn &= 7
	b.bb &= 1<<b.bn - 1
}

// align skips to the next byte boundary.
func (b *bitReader) align() {
	b.unreadBytes()
	b.bb, b.bn = 0, 0
}

// readByte reads one byte. The input must be aligned.
func (b *bitReader) readByte() (byte, error) {
	if b.pos == b.end {
		if err := b.fillBuffer(); err != nil {
			return 0, err
		}
		if b.pos == b.end {
			return 0, io.EOF
		}
	}
	b.pos++
	return b.in[b.pos-1], nil
}

// readFull fills p with whole bytes. The input must be aligned.
func (b *bitReader) readFull(p []byte) error {
	for i := range p {
		c, err := b.readByte()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		p[i] = c
	}
	return nil
}

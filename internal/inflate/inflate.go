package inflate

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrData is returned for bytes that are not a DEFLATE stream.
var ErrData = errors.New("invalid deflate data")

const (
	windowSize = 32 << 10 // the largest distance of a match
	outputSize = 128 << 10
	// outputSlack is the room after the output limit for the longest match, and for the bytes that a copy by words writes past it.
	outputSlack = 320
)

// Reader decompresses a DEFLATE stream.
type Reader struct {
	bitReader

	out     []byte // the window, followed by newly decoded bytes
	decoded int    // bytes in out
	read    int    // how many of them the caller has read

	block  blockKind
	last   bool // the current block is the last
	stored int  // bytes left in a stored block
	codes  *codeTables
	err    error
}

// codeTables are the lookup tables of the current block.
type codeTables struct {
	litlen  [2 << litlenBits]uint32
	dist    [4 << distBits]uint32
	isFixed bool // the tables are those of blocks with fixed codes
}

type blockKind uint8

const (
	blockNone blockKind = iota
	blockStored
	blockCoded
)

// NewReader returns a Reader that decompresses src. It may read past the end of the DEFLATE stream.
func NewReader(src io.Reader) *Reader {
	return &Reader{
		bitReader: newBitReader(src),
		out:       make([]byte, windowSize+outputSize+outputSlack),
		codes:     new(codeTables),
	}
}

// reset begins a new DEFLATE stream at the next byte of the input.
func (f *Reader) reset() {
	f.decoded, f.read, f.block, f.last, f.stored, f.err = 0, 0, blockNone, false, 0, nil
}

// Read reads decompressed bytes. It returns io.EOF at the end of the DEFLATE stream.
func (f *Reader) Read(p []byte) (int, error) {
	for f.read == f.decoded {
		if f.err != nil {
			return 0, f.err
		}
		f.err = f.fill()
	}
	n := copy(p, f.out[f.read:f.decoded])
	f.read += n
	return n, nil
}

// fill decodes until the output buffer is full or the stream ends. The caller has read everything decoded before.
func (f *Reader) fill() error {
	if f.decoded > windowSize {
		f.decoded = copy(f.out, f.out[f.decoded-windowSize:f.decoded])
		f.read = f.decoded
	}
	for f.decoded < windowSize+outputSize {
		var err error
		switch f.block {
		case blockNone:
			if f.last {
				f.align()
				return io.EOF
			}
			err = f.beginBlock()
		case blockStored:
			err = f.copyStored()
		case blockCoded:
			err = f.decodeBlock()
		}
		if f.eof && f.isOverrun() {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// beginBlock reads the header of a block.
func (f *Reader) beginBlock() error {
	if err := f.need(3); err != nil {
		return err
	}
	f.last = f.takeBits(1) == 1
	switch f.takeBits(2) {
	case 0:
		return f.beginStored()
	case 1:
		f.block = blockCoded
		f.useFixedCodes()
		return nil
	case 2:
		f.block = blockCoded
		return f.readCodes()
	}
	return ErrData
}

// beginStored reads the length of a block that is not compressed.
func (f *Reader) beginStored() error {
	f.align()
	if err := f.need(32); err != nil {
		return err
	}
	n, inverse := f.takeBits(16), f.takeBits(16)
	if n != ^inverse&0xffff {
		return ErrData
	}
	f.align()
	f.block, f.stored = blockStored, int(n)
	return nil
}

// copyStored copies bytes that are not compressed.
func (f *Reader) copyStored() error {
	for f.stored > 0 && f.decoded < windowSize+outputSize {
		if f.pos == f.end {
			if err := f.fillBuffer(); err != nil {
				return err
			}
			if f.pos == f.end {
				return io.ErrUnexpectedEOF
			}
		}
		n := copy(f.out[f.decoded:windowSize+outputSize], f.in[f.pos:min(f.end, f.pos+f.stored)])
		f.decoded, f.pos, f.stored = f.decoded+n, f.pos+n, f.stored-n
	}
	if f.stored == 0 {
		f.block = blockNone
	}
	return nil
}

// decodeBlock decodes until the block ends or the output is full.
func (f *Reader) decodeBlock() error {
	for f.decoded < windowSize+outputSize {
		if err := f.fillBuffer(); err != nil {
			return err
		}
		end, err := f.decodeSymbols()
		if err != nil || f.eof && f.isOverrun() {
			return err
		}
		if end {
			f.block = blockNone
			return nil
		}
	}
	return nil
}

// decodeSymbols is the hot loop. It stops at the end of the block and near the end of the input or output. It is one function,
// with the state in local variables, so that the compiler keeps them in registers: each call in the loop would spill them.
//
// A refill leaves at least 56 bits. A match uses at most 48 of them, three literals at most 45.
func (f *Reader) decodeSymbols() (end bool, err error) {
	in, pos, bb, bn, out, o, codes := f.in, f.pos, f.bb, f.bn, f.out, f.decoded, f.codes
	stop := f.end - 16
	if f.eof {
		stop = f.end + 8 // isOverrun detects the use of zeros after the end
	}
	for pos <= stop && o < windowSize+outputSize {
		bb |= binary.LittleEndian.Uint64(in[pos:]) << (bn & 63)
		pos += int((63 - bn) >> 3)
		bn |= 56
		e := codes.litlen[bb&(1<<litlenBits-1)]
		if e&codeLiteral != 0 {
			bb >>= e & 63
			bn -= uint(e & 63)
			out[o] = byte(e >> 16)
			o++
			e = codes.litlen[bb&(1<<litlenBits-1)]
			if e&codeLiteral != 0 {
				bb >>= e & 63
				bn -= uint(e & 63)
				out[o] = byte(e >> 16)
				o++
				e = codes.litlen[bb&(1<<litlenBits-1)]
				if e&codeLiteral != 0 {
					bb >>= e & 63
					bn -= uint(e & 63)
					out[o] = byte(e >> 16)
					o++
					continue
				}
			}
			bb |= binary.LittleEndian.Uint64(in[pos:]) << (bn & 63)
			pos += int((63 - bn) >> 3)
			bn |= 56
		}
		if e&codeTable != 0 {
			bb >>= litlenBits
			bn -= litlenBits
			e = codes.litlen[e>>16+uint32(bb)&(1<<(e>>8&15)-1)]
			if e&codeLiteral != 0 {
				bb >>= e & 63
				bn -= uint(e & 63)
				out[o] = byte(e >> 16)
				o++
				continue
			}
		}
		bb >>= e & 63
		bn -= uint(e & 63)
		if e&codeSpecial != 0 {
			end = e>>16 != 0
			if !end {
				err = ErrData
			}
			break
		}
		extra := e >> 8 & 15
		length := int(e>>16) + int(bb&(1<<extra-1))
		bb >>= extra
		bn -= uint(extra)
		e = codes.dist[bb&(1<<distBits-1)]
		if e&codeTable != 0 {
			bb >>= distBits
			bn -= distBits
			e = codes.dist[e>>16+uint32(bb)&(1<<(e>>8&15)-1)]
		}
		bb >>= e & 63
		bn -= uint(e & 63)
		extra = e >> 8 & 15
		distance := int(e>>16) + int(bb&(1<<extra-1))
		bb >>= extra
		bn -= uint(extra)
		if e&codeSpecial != 0 || distance > o {
			err = ErrData
			break
		}
		if distance < 8 {
			for i := o; i < o+length; i++ {
				out[i] = out[i-distance]
			}
		} else { // by words; up to 7 bytes too many are written, and overwritten later
			for i := o; i < o+length; i += 8 {
				binary.LittleEndian.PutUint64(out[i:], binary.LittleEndian.Uint64(out[i-distance:]))
			}
		}
		o += length
	}
	f.pos, f.bb, f.bn, f.decoded = pos, bb, bn, o
	return end, err
}

// useFixedCodes selects the tables of blocks with fixed codes.
func (f *Reader) useFixedCodes() {
	if f.codes.isFixed {
		return
	}
	litlens, dists := fixedLitlenLengths(), fixedDistanceLengths()
	makeTable(f.codes.litlen[:], litlenBits, litlens[:], litlenEntry)
	makeTable(f.codes.dist[:], distBits, dists[:], distanceEntry)
	f.codes.isFixed = true
}

// lengthOrder is the order of the code lengths in a block header (RFC 1951, section 3.2.7).
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readCodes reads the codes in the header of a block (RFC 1951, section 3.2.7).
func (f *Reader) readCodes() error {
	f.codes.isFixed = false
	if err := f.need(14); err != nil {
		return err
	}
	litlens, dists, n := int(f.takeBits(5))+257, int(f.takeBits(5))+1, int(f.takeBits(4))+4
	if litlens > 286 || dists > 30 {
		return ErrData
	}
	var lengths [286 + 30]uint8
	for _, symbol := range lengthOrder[:n] {
		if err := f.need(3); err != nil {
			return err
		}
		lengths[symbol] = uint8(f.takeBits(3))
	}
	if !makeTable(f.codes.dist[:], lengthBits, lengths[:19], func(symbol int) uint32 { return uint32(symbol) << 16 }) {
		return ErrData
	}
	clear(lengths[:19])
	if err := f.readLengths(lengths[:litlens+dists]); err != nil {
		return err
	}
	if !makeTable(f.codes.litlen[:], litlenBits, lengths[:litlens], litlenEntry) ||
		!makeTable(f.codes.dist[:], distBits, lengths[litlens:litlens+dists], distanceEntry) {
		return ErrData
	}
	return nil
}

// readLengths reads code lengths, which are Huffman-coded themselves; their table is in f.codes.dist.
func (f *Reader) readLengths(lengths []uint8) error {
	for i := 0; i < len(lengths); {
		if err := f.need(lengthBits + 7); err != nil {
			return err
		}
		e := f.codes.dist[f.bb&(1<<lengthBits-1)]
		if e&codeSpecial != 0 {
			return ErrData
		}
		f.takeBits(uint(e & 63))
		symbol, value, n := uint8(e>>16), uint8(0), 1
		switch {
		case symbol < 16:
			value = symbol
		case symbol == 16 && i == 0:
			return ErrData
		case symbol == 16:
			value, n = lengths[i-1], 3+int(f.takeBits(2))
		case symbol == 17:
			n = 3 + int(f.takeBits(3))
		default:
			n = 11 + int(f.takeBits(7))
		}
		if n > len(lengths)-i {
			return ErrData
		}
		for range n {
			lengths[i] = value
			i++
		}
	}
	return nil
}

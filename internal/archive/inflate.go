package archive

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// errDeflate: the bytes are no deflate stream.
var errDeflate = errors.New("invalid deflate data")

const (
	inflateIn     = 64 << 10
	inflateOut    = 128 << 10
	inflateSlack  = 320 // of the output: the longest match, and what a copy in words writes beyond its end
	inflatePad    = 32  // zeros behind the input's end, so that a word can always be loaded
	inflateMargin = 512 // of the input: more is read when less is left, which is enough for the lengths of any table
)

// inflater decompresses deflate data (RFC 1951). Unpacking a directory is for the most part this; it takes half the time
// of the decompressors that read byte by byte and copy their window once more.
//
// It loads its input by words into a buffer of bits, looks up a whole code at once, and decodes into the window itself.
type inflater struct {
	src io.Reader
	in  []byte // what is read of src, and inflatePad zeros when that has ended
	pos int    // in in
	end int    // of what was read
	eof bool   // src has ended
	bb  uint64 // bits that were taken from in and not used; the lowest is the next
	bn  uint   // how many there are

	out []byte // the window, and what is decoded behind it
	o   int    // how much of out there is
	r   int    // how much of it was given out

	block  blockState
	last   bool // this block is the last one
	left   int  // bytes left in a stored block
	litlen [2 << litlenBits]uint32
	dist   [4 << distBits]uint32
	fixed  bool // they are those of a block with fixed codes
	err    error
}

type blockState uint8

const (
	blockNone blockState = iota
	blockStored
	blockCodes
)

func newInflater() *inflater {
	return &inflater{in: make([]byte, inflateIn+inflatePad), out: make([]byte, windowSize+inflateOut+inflateSlack)}
}

// windowSize is how far back a match refers.
const windowSize = 32 << 10

// open begins with a stream of bytes, of which the caller may read with the methods below until it calls reset.
func (f *inflater) open(src io.Reader) {
	f.src, f.pos, f.end, f.eof, f.bb, f.bn = src, 0, 0, false, 0, 0
	f.reset()
}

// reset begins a deflate stream at the next byte.
func (f *inflater) reset() {
	f.o, f.r, f.block, f.last, f.left, f.err = 0, 0, blockNone, false, 0, nil
}

// more reads input until there is enough of it to work with, or no more.
func (f *inflater) more() error {
	if f.eof || f.end-f.pos >= inflateMargin {
		return nil
	}
	f.giveBack()
	f.end = copy(f.in, f.in[f.pos:f.end])
	f.pos = 0
	for f.end < inflateMargin {
		n, err := f.src.Read(f.in[f.end:inflateIn])
		f.end += n
		if err == io.EOF {
			f.eof = true
			clear(f.in[f.end : f.end+inflatePad])
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// overrun tells whether more bits were used than there are.
func (f *inflater) overrun() bool { return f.pos-int(f.bn>>3) > f.end }

// need takes input until there are n bits, at most 32. Those behind the end are zeros, and overrun tells.
func (f *inflater) need(n uint) error {
	for f.bn < n {
		if f.pos >= f.end-8 {
			if err := f.more(); err != nil {
				return err
			}
		}
		if f.pos >= f.end+8 {
			return io.ErrUnexpectedEOF
		}
		f.bb |= uint64(f.in[f.pos]) << f.bn
		f.pos++
		f.bn += 8
	}
	return nil
}

// bits gives the next n bits, which need has made sure of.
func (f *inflater) bits(n uint) uint {
	v := uint(f.bb & (1<<n - 1))
	f.bb >>= n
	f.bn -= n
	return v
}

// giveBack returns the whole bytes in the buffer of bits to the input.
func (f *inflater) giveBack() {
	f.pos -= int(f.bn >> 3)
	f.bn &= 7
	f.bb &= 1<<f.bn - 1
}

// align goes on to the next whole byte of the input.
func (f *inflater) align() {
	f.giveBack()
	f.bb, f.bn = 0, 0
}

// readByte gives a byte of the input; only between deflate streams.
func (f *inflater) readByte() (byte, error) {
	if f.pos == f.end {
		if err := f.more(); err != nil {
			return 0, err
		}
		if f.pos == f.end {
			return 0, io.EOF
		}
	}
	f.pos++
	return f.in[f.pos-1], nil
}

// Read gives what is decompressed, and io.EOF at the end of the deflate stream.
func (f *inflater) Read(p []byte) (int, error) {
	for f.r == f.o {
		if f.err != nil {
			return 0, f.err
		}
		f.err = f.fill()
	}
	n := copy(p, f.out[f.r:f.o])
	f.r += n
	return n, nil
}

// fill decodes until the buffer is full or the stream ends. All before is given out.
func (f *inflater) fill() error {
	if f.o > windowSize {
		f.o = copy(f.out, f.out[f.o-windowSize:f.o])
		f.r = f.o
	}
	for f.o < windowSize+inflateOut {
		var err error
		switch f.block {
		case blockNone:
			if f.last {
				f.align()
				return io.EOF
			}
			err = f.begin()
		case blockStored:
			err = f.stored()
		case blockCodes:
			err = f.codes()
		}
		if f.eof && f.overrun() {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin reads the header of a block.
func (f *inflater) begin() error {
	if err := f.need(3); err != nil {
		return err
	}
	f.last = f.bits(1) == 1
	switch f.bits(2) {
	case 0:
		f.align()
		if err := f.need(32); err != nil {
			return err
		}
		n, inverse := f.bits(16), f.bits(16)
		if n != ^inverse&0xffff {
			return errDeflate
		}
		f.align()
		f.block, f.left = blockStored, int(n)
		return nil
	case 1:
		f.block = blockCodes
		f.fixedCodes()
		return nil
	case 2:
		f.block = blockCodes
		return f.dynamicCodes()
	}
	return errDeflate
}

// stored copies what is not compressed.
func (f *inflater) stored() error {
	for f.left > 0 && f.o < windowSize+inflateOut {
		if f.pos == f.end {
			if err := f.more(); err != nil {
				return err
			}
			if f.pos == f.end {
				return io.ErrUnexpectedEOF
			}
		}
		n := copy(f.out[f.o:windowSize+inflateOut], f.in[f.pos:min(f.end, f.pos+f.left)])
		f.o, f.pos, f.left = f.o+n, f.pos+n, f.left-n
	}
	if f.left == 0 {
		f.block = blockNone
	}
	return nil
}

// codes decodes until the end of the block, or until the output is full.
func (f *inflater) codes() error {
	for f.o < windowSize+inflateOut {
		if err := f.more(); err != nil {
			return err
		}
		end, err := f.run()
		if err != nil || f.eof && f.overrun() {
			return err
		}
		if end {
			f.block = blockNone
			return nil
		}
	}
	return nil
}

// run is the loop that all the time goes into. It ends with the block, or when it nears the end of the input or of the
// output. One match takes at most 48 bits, and three literals 45, of the 56 that there are at least.
func (f *inflater) run() (end bool, err error) {
	in, pos, bb, bn, out, o := f.in, f.pos, f.bb, f.bn, f.out, f.o
	stop := f.end - 16
	if f.eof {
		stop = f.end + 8 // what is taken of the zeros there, overrun finds
	}
	for pos <= stop && o < windowSize+inflateOut {
		bb |= binary.LittleEndian.Uint64(in[pos:]) << (bn & 63)
		pos += int((63 - bn) >> 3)
		bn |= 56
		e := f.litlen[bb&(1<<litlenBits-1)]
		if e&codeLiteral != 0 {
			bb >>= e & 63
			bn -= uint(e & 63)
			out[o] = byte(e >> 16)
			o++
			e = f.litlen[bb&(1<<litlenBits-1)]
			if e&codeLiteral != 0 {
				bb >>= e & 63
				bn -= uint(e & 63)
				out[o] = byte(e >> 16)
				o++
				e = f.litlen[bb&(1<<litlenBits-1)]
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
			e = f.litlen[e>>16+uint32(bb)&(1<<(e>>8&15)-1)]
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
				err = errDeflate
			}
			break
		}
		extra := e >> 8 & 15
		length := int(e>>16) + int(bb&(1<<extra-1))
		bb >>= extra
		bn -= uint(extra)
		e = f.dist[bb&(1<<distBits-1)]
		if e&codeTable != 0 {
			bb >>= distBits
			bn -= distBits
			e = f.dist[e>>16+uint32(bb)&(1<<(e>>8&15)-1)]
		}
		bb >>= e & 63
		bn -= uint(e & 63)
		extra = e >> 8 & 15
		distance := int(e>>16) + int(bb&(1<<extra-1))
		bb >>= extra
		bn -= uint(extra)
		if e&codeSpecial != 0 || distance > o {
			err = errDeflate
			break
		}
		if distance < 8 {
			for i := o; i < o+length; i++ {
				out[i] = out[i-distance]
			}
		} else { // in words, which may write some bytes too many: the next ones write over them
			for i := o; i < o+length; i += 8 {
				binary.LittleEndian.PutUint64(out[i:], binary.LittleEndian.Uint64(out[i-distance:]))
			}
		}
		o += length
	}
	f.pos, f.bb, f.bn, f.o = pos, bb, bn, o
	return end, err
}

// An entry of a table of codes: how many bits the code has, how many extra bits follow it, what it is, and its value,
// which is a byte, or the base of a length or a distance, or where the table of longer codes begins.
const (
	codeLiteral = 1 << 15
	codeTable   = 1 << 14
	codeSpecial = 1 << 13 // the end of the block, or, with the value 0, no code
	codeEnd     = codeSpecial | 1<<16

	litlenBits = 11 // codes that are longer need two steps
	distBits   = 8
	maxCode    = 15
)

// litlenCode is the meaning of a literal or length symbol.
func litlenCode(symbol int) uint32 {
	switch {
	case symbol < 256:
		return codeLiteral | uint32(symbol)<<16
	case symbol == 256:
		return codeEnd
	case symbol < 265:
		return uint32(symbol-257+3) << 16
	case symbol < 285:
		extra := uint32(symbol-261) / 4
		return (uint32(symbol-261)%4+4)<<extra<<16 + 3<<16 | extra<<8
	case symbol == 285:
		return 258 << 16
	}
	return codeSpecial
}

// distCode is the meaning of a distance symbol.
func distCode(symbol int) uint32 {
	switch {
	case symbol < 4:
		return uint32(symbol+1) << 16
	case symbol < 30:
		extra := uint32(symbol-2) / 2
		return ((uint32(symbol)%2+2)<<extra+1)<<16 | extra<<8
	}
	return codeSpecial
}

// fixedCodes makes the tables that the format has for small blocks.
func (f *inflater) fixedCodes() {
	if f.fixed {
		return
	}
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	makeTable(f.litlen[:], litlenBits, lengths[:], litlenCode)
	for i := range 32 {
		lengths[i] = 5
	}
	makeTable(f.dist[:], distBits, lengths[:32], distCode)
	f.fixed = true
}

// lengthOrder is the order in which the lengths of the codes for lengths come.
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicCodes reads the tables of a block.
func (f *inflater) dynamicCodes() error {
	f.fixed = false
	if err := f.need(14); err != nil {
		return err
	}
	litlens, dists, n := int(f.bits(5))+257, int(f.bits(5))+1, int(f.bits(4))+4
	if litlens > 286 || dists > 30 {
		return errDeflate
	}
	var lengths [286 + 30]uint8
	for _, symbol := range lengthOrder[:n] {
		if err := f.need(3); err != nil {
			return err
		}
		lengths[symbol] = uint8(f.bits(3))
	}
	if !makeTable(f.dist[:], lengthBits, lengths[:19], func(symbol int) uint32 { return uint32(symbol) << 16 }) {
		return errDeflate
	}
	clear(lengths[:19])
	if err := f.lengths(lengths[:litlens+dists]); err != nil {
		return err
	}
	if !makeTable(f.litlen[:], litlenBits, lengths[:litlens], litlenCode) ||
		!makeTable(f.dist[:], distBits, lengths[litlens:litlens+dists], distCode) {
		return errDeflate
	}
	return nil
}

// lengthBits is the longest code for a length.
const lengthBits = 7

// lengths reads the lengths of codes, which are themselves in codes.
func (f *inflater) lengths(lengths []uint8) error {
	for i := 0; i < len(lengths); {
		if err := f.need(lengthBits + 7); err != nil {
			return err
		}
		e := f.dist[f.bb&(1<<lengthBits-1)]
		if e&codeSpecial != 0 {
			return errDeflate
		}
		f.bits(uint(e & 63))
		symbol, value, n := uint8(e>>16), uint8(0), 1
		switch {
		case symbol < 16:
			value = symbol
		case symbol == 16 && i == 0:
			return errDeflate
		case symbol == 16:
			value, n = lengths[i-1], 3+int(f.bits(2))
		case symbol == 17:
			n = 3 + int(f.bits(3))
		default:
			n = 11 + int(f.bits(7))
		}
		if n > len(lengths)-i {
			return errDeflate
		}
		for range n {
			lengths[i] = value
			i++
		}
	}
	return nil
}

// makeTable fills a table of codes from their lengths; codes of more than width bits get a second table behind the
// first. False: there are no such codes. None at all, or a single one of one bit, leave a part of the table without code.
func makeTable(table []uint32, width uint, lengths []uint8, meaning func(symbol int) uint32) bool {
	var count, next [maxCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	code, codes := 0, 0
	for n := 1; n <= maxCode; n++ {
		code <<= 1
		next[n] = code
		code += count[n]
		codes += count[n]
	}
	if code != 1<<maxCode && codes != 0 && !(codes == 1 && count[1] == 1) {
		return false
	}
	size := 1 << width
	for i := range size {
		table[i] = codeSpecial
	}
	var reversed [288]uint16
	var deep [1 << litlenBits]uint8 // by the first bits of codes that are longer: how much longer
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		r := bits.Reverse16(uint16(next[n])) >> (16 - n)
		next[n]++
		reversed[symbol] = r
		if uint(n) > width {
			deep[int(r)&(size-1)] = max(deep[int(r)&(size-1)], n-uint8(width))
		}
	}
	if !place(table, width, deep[:size]) {
		return false
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		part, r, n := table[:size], int(reversed[symbol]), uint(n)
		e := meaning(symbol)
		if n > width {
			to := table[r&(size-1)]
			part = table[to>>16:][:1<<(to>>8&15)]
			r, n = r>>width, n-width
		}
		for e |= uint32(n); r < len(part); r += 1 << n {
			part[r] = e
		}
	}
	return true
}

// place gives the longer codes their tables.
func place(table []uint32, width uint, deep []uint8) bool {
	at := len(deep)
	for i, n := range deep {
		if n == 0 {
			continue
		}
		if at+1<<n > len(table) {
			return false
		}
		table[i] = codeTable | uint32(at)<<16 | uint32(n)<<8 | uint32(width)
		at += 1 << n
	}
	return true
}

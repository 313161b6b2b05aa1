package inflate

import "math/bits"

// A table entry holds, from the lowest bit up: the length of the code in bits (6 bits), the number of extra bits that
// follow it (4 bits, from bit 8), flags (from bit 13), and a value (from bit 16): a literal byte, the base of a length or
// distance, or the index of the second-level table.
const (
	codeLiteral = 1 << 15
	codeTable   = 1 << 14             // the value is the index of a second-level table for longer codes
	codeSpecial = 1 << 13             // the end of the block or, if the value is 0, an invalid code
	codeEnd     = codeSpecial | 1<<16 // the end of the block
)

const (
	litlenBits = 11 // literal and length codes longer than this need a second lookup
	distBits   = 8  // the same for distance codes
	lengthBits = 7  // longest code in the block header's own code (RFC 1951, section 3.2.7)
	maxCode    = 15 // longest code of any kind
)

// base is a row of the tables in RFC 1951, section 3.2.5: the symbol stands for value plus the number in the extra bits.
type base struct{ value, extra uint16 }

// lengthBases are the match lengths of symbols 257 to 285.
var lengthBases = [...]base{
	{3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}, {8, 0}, {9, 0}, {10, 0},
	{11, 1}, {13, 1}, {15, 1}, {17, 1},
	{19, 2}, {23, 2}, {27, 2}, {31, 2},
	{35, 3}, {43, 3}, {51, 3}, {59, 3},
	{67, 4}, {83, 4}, {99, 4}, {115, 4},
	{131, 5}, {163, 5}, {195, 5}, {227, 5},
	{258, 0},
}

// distanceBases are the match distances of symbols 0 to 29.
var distanceBases = [...]base{
	{1, 0}, {2, 0}, {3, 0}, {4, 0},
	{5, 1}, {7, 1}, {9, 2}, {13, 2},
	{17, 3}, {25, 3}, {33, 4}, {49, 4},
	{65, 5}, {97, 5}, {129, 6}, {193, 6},
	{257, 7}, {385, 7}, {513, 8}, {769, 8},
	{1025, 9}, {1537, 9}, {2049, 10}, {3073, 10},
	{4097, 11}, {6145, 11}, {8193, 12}, {12289, 12},
	{16385, 13}, {24577, 13},
}

// endOfBlock is the literal/length symbol that ends a block.
const endOfBlock = 256

// litlenEntry returns the table entry of a literal/length symbol, without its code length.
func litlenEntry(symbol int) uint32 {
	switch {
	case symbol < endOfBlock:
		return codeLiteral | uint32(symbol)<<16
	case symbol == endOfBlock:
		return codeEnd
	}
	return baseEntry(lengthBases[:], symbol-endOfBlock-1)
}

// distanceEntry returns the table entry of a distance symbol, without its code length.
func distanceEntry(symbol int) uint32 { return baseEntry(distanceBases[:], symbol) }

func baseEntry(bases []base, i int) uint32 {
	if i >= len(bases) {
		return codeSpecial
	}
	return uint32(bases[i].value)<<16 | uint32(bases[i].extra)<<8
}

// fixedLitlenLengths returns the code lengths of blocks with fixed codes (RFC 1951, section 3.2.6).
func fixedLitlenLengths() (lengths [288]uint8) {
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
	return lengths
}

// fixedDistanceLengths returns the distance code lengths of blocks with fixed codes.
func fixedDistanceLengths() (lengths [32]uint8) {
	for i := range lengths {
		lengths[i] = 5
	}
	return lengths
}

// makeTable fills a lookup table from code lengths. Codes longer than width bits go into second-level tables behind the
// first one. It returns false if the lengths do not form a complete prefix code; an empty code and a single code of one
// bit are allowed, and leave part of the table invalid.
func makeTable(table []uint32, width uint, lengths []uint8, entry func(symbol int) uint32) bool {
	next, ok := firstCodes(lengths)
	if !ok {
		return false
	}
	size := 1 << width
	for i := range size {
		table[i] = codeSpecial
	}
	var reversed [288]uint16
	var deep [1 << litlenBits]uint8 // indexed by the first width bits of longer codes: how many more bits they have
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
	if !placeTables(table, width, deep[:size]) {
		return false
	}
	for symbol, n := range lengths {
		if n > 0 {
			fillCode(table, width, code{reversed: int(reversed[symbol]), length: uint(n), entry: entry(symbol)})
		}
	}
	return true
}

// firstCodes returns the first code of each length (RFC 1951, section 3.2.2), and whether the lengths form a code that
// makeTable accepts.
func firstCodes(lengths []uint8) (first [maxCode + 1]int, ok bool) {
	var count [maxCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	code, codes := 0, 0
	for n := 1; n <= maxCode; n++ {
		code <<= 1
		first[n] = code
		code += count[n]
		codes += count[n]
	}
	return first, code == 1<<maxCode || codes == 0 || codes == 1 && count[1] == 1
}

// placeTables reserves a second-level table for each index with longer codes. It returns false if table has no room for them.
func placeTables(table []uint32, width uint, deep []uint8) bool {
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

// code is one Huffman code, its bits reversed to the order in which they are read.
type code struct {
	reversed int
	length   uint
	entry    uint32
}

// fillCode writes the entry of a code to every index that begins with its bits.
func fillCode(table []uint32, width uint, c code) {
	part, r, n := table[:1<<width], c.reversed, c.length
	if n > width {
		to := table[r&(1<<width-1)]
		part = table[to>>16:][:1<<(to>>8&15)]
		r, n = r>>width, n-width
	}
	for ; r < len(part); r += 1 << n {
		part[r] = c.entry | uint32(n)
	}
}

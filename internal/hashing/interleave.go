package hashing

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// The layout of a state that crypto/sha256 marshals: a magic number, eight words, a partial block, the number of bytes.
const (
	stateMagic = "sha\x03"
	wordsAt    = len(stateMagic)
	partialAt  = wordsAt + sha256.Size
	countAt    = partialAt + sha256.BlockSize
	stateSize  = countAt + 8
)

// movable is a hash whose state can be read and set.
type movable interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// movableSHA256 returns h if its state has the layout above, and nil otherwise.
func movableSHA256(h hash.Hash) movable {
	m, ok := h.(movable)
	if !ok {
		return nil
	}
	if state, err := m.AppendBinary(nil); err != nil || len(state) != stateSize || !bytes.HasPrefix(state, []byte(stateMagic)) {
		return nil
	}
	return m
}

// lane is one of two streams of blocks: the state of its SHA-256, and its next byte.
type lane struct {
	state *[8]uint32
	data  *byte
}

// interleave hashes the bytes left of a and b until one of them has none.
func interleave(a, b *Hash) {
	a.align()
	b.align()
	if n := min(len(a.left), len(b.left)) / sha256.BlockSize; n > 0 {
		x, y := a.words(), b.words()
		hashBlocks(lane{&x, &a.left[0]}, lane{&y, &b.left[0]}, n)
		a.advance(x, n)
		b.advance(y, n)
	}
	for _, h := range [...]*Hash{a, b} {
		if len(h.left) < sha256.BlockSize {
			h.hash.Write(h.left)
			h.left = nil
		}
	}
}

// align completes a partial block and reads the state.
func (h *Hash) align() {
	h.readState()
	if partial := int(binary.BigEndian.Uint64(h.state[countAt:]) % sha256.BlockSize); partial > 0 {
		n := min(sha256.BlockSize-partial, len(h.left))
		h.hash.Write(h.left[:n])
		h.left = h.left[n:]
		h.readState()
	}
}

func (h *Hash) readState() { _, _ = h.movable.AppendBinary(h.state[:0]) }

// words returns the words of the state.
func (h *Hash) words() (w [8]uint32) {
	for i := range w {
		w[i] = binary.BigEndian.Uint32(h.state[wordsAt+4*i:])
	}
	return w
}

// advance removes n blocks from h.left and sets the state of the hash after them, whose words are w.
func (h *Hash) advance(w [8]uint32, n int) {
	for i, word := range w {
		binary.BigEndian.PutUint32(h.state[wordsAt+4*i:], word)
	}
	n *= sha256.BlockSize
	binary.BigEndian.PutUint64(h.state[countAt:], binary.BigEndian.Uint64(h.state[countAt:])+uint64(n))
	_ = h.movable.UnmarshalBinary(h.state[:]) // a state that h.movable marshaled
	h.left = h.left[n:]
}

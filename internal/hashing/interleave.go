package hashing

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// A state of SHA-256 as crypto/sha256 marshals it: a magic, the eight words, a begun block, the number of bytes.
const (
	stateMagic = "sha\x03"
	wordsAt    = len(stateMagic)
	beginsAt   = wordsAt + sha256.Size
	countAt    = beginsAt + sha256.BlockSize
	stateSize  = countAt + 8
)

// movable is a hash of which the state can be taken and given back.
type movable interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// movableSHA256 gives the hash if it is one whose state is laid out as above; else nil.
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

// interleave hashes what is left of two hashes until one has nothing left.
func interleave(a, b *Hash) {
	a.align()
	b.align()
	if n := min(len(a.left), len(b.left)) / sha256.BlockSize; n > 0 {
		x, y := a.words(), b.words()
		blocks(&x, &y, &a.left[0], &b.left[0], n)
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

// align hashes up to the end of a begun block, and takes the state.
func (h *Hash) align() {
	h.take()
	if begun := int(binary.BigEndian.Uint64(h.state[countAt:]) % sha256.BlockSize); begun > 0 {
		n := min(sha256.BlockSize-begun, len(h.left))
		h.hash.Write(h.left[:n])
		h.left = h.left[n:]
		h.take()
	}
}

func (h *Hash) take() { _, _ = h.movable.AppendBinary(h.state[:0]) }

// words are those of the state.
func (h *Hash) words() (w [8]uint32) {
	for i := range w {
		w[i] = binary.BigEndian.Uint32(h.state[wordsAt+4*i:])
	}
	return w
}

// advance gives the hash the state it has after n blocks of what is left.
func (h *Hash) advance(w [8]uint32, n int) {
	for i, word := range w {
		binary.BigEndian.PutUint32(h.state[wordsAt+4*i:], word)
	}
	n *= sha256.BlockSize
	binary.BigEndian.PutUint64(h.state[countAt:], binary.BigEndian.Uint64(h.state[countAt:])+uint64(n))
	_ = h.movable.UnmarshalBinary(h.state[:]) // it made the state itself
	h.left = h.left[n:]
}

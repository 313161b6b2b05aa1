package hashing

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"math/rand/v2"
	"sync"
	"testing"
)

// content is n bytes that depend on seed.
func content(seed uint64, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(p)
	return p
}

// sumOf is the hash of p by the standard library alone.
func sumOf(newHash func() hash.Hash, p []byte) []byte {
	h := newHash()
	h.Write(p)
	return h.Sum(nil)
}

// together hashes two streams that have begun at a time, until one is at its end.
func together(t *testing.T, p []byte, begunP int, q []byte, begunQ int) {
	t.Helper()
	var g Group
	a, b := g.New(sha256.New()), g.New(sha256.New())
	a.hash.Write(p[:begunP])
	b.hash.Write(q[:begunQ])
	a.left, b.left = p[begunP:], q[begunQ:]
	if canInterleave() {
		if interleave(a, b); len(a.left) > 0 && len(b.left) > 0 {
			t.Errorf("%d and %d bytes are left", len(a.left), len(b.left))
		}
	}
	for h, all := range map[*Hash][]byte{a: p, b: q} {
		if got, want := h.Settled().Sum(nil), sumOf(sha256.New, all); !bytes.Equal(got, want) {
			t.Errorf("%d and %d bytes, begun at %d and %d: the hash of %d is %x, want %x", len(p), len(q), begunP, begunQ, len(all), got, want)
		}
	}
}

func TestInterleave(t *testing.T) {
	t.Parallel()
	lengths := []int{0, 1, 63, 64, 65, 127, 128, 1000, 4096}
	for begun := range 3 * sha256.BlockSize {
		for i, length := range lengths {
			other := lengths[(begun+i)%len(lengths)]
			together(t, content(1, begun+length), begun, content(2, begun*2/3+other), begun*2/3)
		}
	}
}

func FuzzInterleave(f *testing.F) {
	f.Add([]byte("a"), uint16(0), bytes.Repeat([]byte("b"), 200), uint16(70))
	f.Fuzz(func(t *testing.T, p []byte, begunP uint16, q []byte, begunQ uint16) {
		together(t, p, int(begunP)%(len(p)+1), q, int(begunQ)%(len(q)+1))
	})
}

// TestGroup hashes streams in blocks of all sizes beside each other, which come and go.
func TestGroup(t *testing.T) {
	t.Parallel()
	var g Group
	var streams sync.WaitGroup
	for i := range 24 {
		streams.Go(func() {
			newHash := sha256.New
			if i%6 == 5 {
				newHash = sha512.New
			}
			r := rand.New(rand.NewPCG(uint64(i), 0))
			all := content(uint64(i), r.IntN(2<<20))
			h := g.New(newHash())
			defer h.Close()
			var buffers [2][]byte
			for turn, rest := 0, all; len(rest) > 0; turn++ {
				n := min(len(rest), 1+r.IntN(100<<10))
				buffers[turn%2] = append(buffers[turn%2][:0], rest[:n]...)
				h.Leave(buffers[turn%2])
				rest = rest[n:]
			}
			if got, want := h.Settled().Sum(nil), sumOf(newHash, all); !bytes.Equal(got, want) {
				t.Errorf("stream %d: the hash is %x, want %x", i, got, want)
			}
		})
	}
	streams.Wait()
	if len(g.idle) > 0 || g.hashes != 0 {
		t.Errorf("the group still has %d hashes, %d with bytes", g.hashes, len(g.idle))
	}
}

// TestLeave sees that bytes which one hash left are taken in by another, and that a hash alone leaves none. Where the
// processor can't do two at a time, none does.
func TestLeave(t *testing.T) {
	t.Parallel()
	var g Group
	a := g.New(sha256.New())
	if a.Leave(content(1, worthLeaving)) {
		t.Error("the only hash of a group leaves bytes")
	}
	b := g.New(sha256.New())
	for i, h := range []*Hash{a, b} {
		if left := h.Leave(content(2+uint64(i), worthLeaving)); left != canInterleave() {
			t.Errorf("hash %d of two leaves its bytes: %v, want %v", i, left, canInterleave())
		}
	}
	b.Settled()
	if len(a.left) > 0 || len(g.idle) > 0 {
		t.Errorf("%d bytes of the other hash are still left", len(a.left))
	}
	if got, want := a.Settled().Sum(nil), sumOf(sha256.New, append(content(1, worthLeaving), content(2, worthLeaving)...)); !bytes.Equal(got, want) {
		t.Errorf("the hash is %x, want %x", got, want)
	}
	a.Leave(content(4, worthLeaving))
	a.Close()
	if len(g.idle) > 0 {
		t.Error("a closed hash still has bytes in the group")
	}
}

// BenchmarkStreams hashes several streams at a time, each on a goroutine of its own: by themselves and in a group.
func BenchmarkStreams(b *testing.B) {
	const size, block = 16 << 20, 256 << 10
	for _, streams := range []int{1, 2, 8} {
		for _, way := range []string{"alone", "group"} {
			b.Run(fmt.Sprintf("%d/%s", streams, way), func(b *testing.B) {
				b.SetBytes(int64(streams) * size)
				p := content(1, size)
				for range b.N {
					var g Group
					var all sync.WaitGroup
					for range streams {
						all.Go(func() {
							plain := sha256.New()
							h := g.New(plain)
							defer h.Close()
							for at := 0; at < size; at += block {
								if way == "alone" {
									plain.Write(p[at : at+block])
								} else {
									h.Leave(p[at : at+block])
								}
							}
							h.Settled()
						})
					}
					all.Wait()
				}
			})
		}
	}
}

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

// content returns n bytes that depend on seed.
func content(seed uint64, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(p)
	return p
}

// sumOf returns the hash of p as the standard library computes it.
func sumOf(newHash func() hash.Hash, p []byte) []byte {
	h := newHash()
	h.Write(p)
	return h.Sum(nil)
}

// checkInterleaved hashes the beginnings of p and q, interleaves the rest until one stream ends, and checks both hashes.
func checkInterleaved(t *testing.T, p []byte, begunP int, q []byte, begunQ int) {
	t.Helper()
	var g Group
	a, b := g.New(sha256.New()), g.New(sha256.New())
	a.hash.Write(p[:begunP])
	b.hash.Write(q[:begunQ])
	a.left, b.left = p[begunP:], q[begunQ:]
	if canInterleave() {
		if interleave(a, b); len(a.left) > 0 && len(b.left) > 0 {
			t.Errorf("got %d and %d bytes left, want none in one of the streams", len(a.left), len(b.left))
		}
	}
	for h, all := range map[*Hash][]byte{a: p, b: q} {
		if got, want := h.Sum(nil), sumOf(sha256.New, all); !bytes.Equal(got, want) {
			t.Errorf("%d and %d bytes, from %d and %d: the hash of the %d bytes is %x, want %x", len(p), len(q), begunP, begunQ, len(all), got, want)
		}
	}
}

func TestInterleave(t *testing.T) {
	t.Parallel()
	lengths := []int{0, 1, 63, 64, 65, 127, 128, 1000, 4096}
	for begun := range 3 * sha256.BlockSize {
		for i, length := range lengths {
			other := lengths[(begun+i)%len(lengths)]
			checkInterleaved(t, content(1, begun+length), begun, content(2, begun*2/3+other), begun*2/3)
		}
	}
}

func FuzzInterleave(f *testing.F) {
	f.Add([]byte("a"), uint16(0), bytes.Repeat([]byte("b"), 200), uint16(70))
	f.Fuzz(func(t *testing.T, p []byte, begunP uint16, q []byte, begunQ uint16) {
		checkInterleaved(t, p, int(begunP)%(len(p)+1), q, int(begunQ)%(len(q)+1))
	})
}

// TestGroup checks the hashes of streams that begin and end at different times, with writes of many sizes.
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
			var buffer []byte
			for rest := all; len(rest) > 0; {
				n := min(len(rest), 1+r.IntN(100<<(6+i%6)))
				buffer = append(buffer[:0], rest[:n]...)
				if k, err := h.Write(buffer); k != n || err != nil {
					t.Errorf("stream %d: Write returned %d, %v", i, k, err)
				}
				clear(buffer) // Write must not keep the slice
				rest = rest[n:]
			}
			if got, want := h.Sum(nil), sumOf(newHash, all); !bytes.Equal(got, want) {
				t.Errorf("stream %d: the hash is %x, want %x", i, got, want)
			}
		})
	}
	streams.Wait()
	if len(g.idle) > 0 || g.hashes != 0 {
		t.Errorf("got %d hashes in the group, %d of them with bytes, want none", g.hashes, len(g.idle))
	}
}

// TestWrite checks that a hash keeps bytes for another hash to process, unless it is alone in its group or the processor can't
// interleave.
func TestWrite(t *testing.T) {
	t.Parallel()
	var g Group
	a := g.New(sha256.New())
	a.Write(content(1, minKept))
	if len(a.left) > 0 {
		t.Error("the only hash of a group keeps bytes")
	}
	b := g.New(sha256.New())
	a.Write(content(2, minKept))
	if kept := len(a.left) > 0; kept != canInterleave() {
		t.Errorf("the first of two hashes keeps bytes: got %v, want %v", kept, canInterleave())
	}
	b.Write(content(3, minKept))
	if len(a.left) > 0 || len(b.left) > 0 || len(g.idle) > 0 {
		t.Errorf("after a write to each hash: got %d and %d bytes left, want none", len(a.left), len(b.left))
	}
	if got, want := a.Sum(nil), sumOf(sha256.New, append(content(1, minKept), content(2, minKept)...)); !bytes.Equal(got, want) {
		t.Errorf("the hash is %x, want %x", got, want)
	}
	a.Write(content(4, minKept))
	a.Close()
	if len(g.idle) > 0 {
		t.Error("a closed hash still has bytes in the group")
	}
}

// TestState checks that a hash can be marshaled in the middle of a stream, while another hash keeps bytes, and resumed in a second
// group.
func TestState(t *testing.T) {
	t.Parallel()
	for _, newHash := range []func() hash.Hash{sha256.New, sha512.New} {
		var before, after Group
		all := content(9, 300<<10)
		h, other := before.New(newHash()), before.New(newHash())
		other.Write(content(8, 10<<10))
		h.Write(all[:123_456])
		state, err := h.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		resumed := after.New(newHash())
		resumed.Write(all[:5])
		if err := resumed.UnmarshalBinary(state); err != nil {
			t.Fatal(err)
		}
		resumed.Write(all[123_456:])
		if got, want := resumed.Sum(nil), sumOf(newHash, all); !bytes.Equal(got, want) {
			t.Errorf("the hash is %x, want %x", got, want)
		}
		if err := resumed.UnmarshalBinary(state[:7]); err == nil {
			t.Error("truncated state: got no error, want one")
		}
		if got, want := resumed.Sum(nil), sumOf(newHash, nil); !bytes.Equal(got, want) {
			t.Errorf("after a bad state, the hash is %x, want %x", got, want)
		}
	}
}

// BenchmarkStreams hashes several streams at a time, each on a goroutine of its own: separately and in a group.
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
									h.Write(p[at : at+block])
								}
							}
							h.Sum(nil)
						})
					}
					all.Wait()
				}
			})
		}
	}
}

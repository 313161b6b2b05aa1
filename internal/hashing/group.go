package hashing

import (
	"errors"
	"hash"
	"runtime"
	"slices"
	"sync"
)

// Group pairs the hashes of streams that are read at the same time. The zero value is ready to use.
//
// During a Write, the bytes are paired with those that other hashes have at that time. Then the goroutine yields once, so
// that another one can pair the rest with its own. Bytes that are still left are copied, and hashed during the next Write
// of any hash in the group. No hash waits for a second stream to appear, or refers to the caller's slice after Write.
type Group struct {
	mu      sync.Mutex
	free    sync.Cond // signals that a hash is no longer taken
	idle    []*Hash   // hashes that keep bytes and that no goroutine is working on
	hashes  int
	buffers sync.Pool // of *[]byte with room for maxKept bytes
}

// Hash is the hash of one stream. It is a [hash.Hash] for use by one goroutine at a time.
type Hash struct {
	group   *Group
	hash    hash.Hash
	movable movable // hash, if it can be computed along with another one; otherwise nil
	left    []byte  // bytes not hashed yet: in buf, or those of the current Write
	buf     *[]byte // from Group.buffers
	taken   bool    // the goroutine of another hash is working on this one
	state   [stateSize]byte
}

var _ hash.Hash = (*Hash)(nil)

const (
	// minKept is the minimum number of bytes for which hashing two streams at once gains more than it costs.
	minKept = 4 << 10
	// maxKept limits the bytes that a hash keeps, and so its memory. A larger limit gains nothing: its overhead is small
	// already, and the pieces of two streams no longer fit into the second-level cache.
	maxKept = 128 << 10
)

// New adds a hash to the group, with the bytes that h has hashed so far. The caller must close it.
func (g *Group) New(h hash.Hash) *Hash {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free.L = &g.mu
	g.hashes++
	out := &Hash{group: g, hash: h}
	if canInterleave() {
		out.movable = movableSHA256(h)
	}
	return out
}

// Write adds p to the hash. It never returns an error.
func (h *Hash) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		piece := p[:min(len(p), maxKept)]
		p = p[len(piece):]
		h.flush()
		if h.movable == nil || len(piece) < minKept {
			h.hash.Write(piece)
			continue
		}
		h.left = piece
		h.group.pair(h)
		if len(h.left) >= minKept {
			h.group.offer(h)
		}
		if len(h.left) < minKept || !h.group.keep(h) {
			h.hash.Write(h.left)
			h.left = nil
		}
	}
	return n, nil
}

// Sum appends to b the hash of all bytes written so far.
func (h *Hash) Sum(b []byte) []byte {
	h.flush()
	return h.hash.Sum(b)
}

// Reset discards all bytes that were written.
func (h *Hash) Reset() {
	h.flush()
	h.hash.Reset()
}

// Size returns the number of bytes that Sum appends.
func (h *Hash) Size() int { return h.hash.Size() }

// BlockSize returns the block size of the underlying hash.
func (h *Hash) BlockSize() int { return h.hash.BlockSize() }

// MarshalBinary returns the state of the underlying hash. It fails with errors.ErrUnsupported if that hash has no such method.
func (h *Hash) MarshalBinary() ([]byte, error) {
	h.flush()
	m, ok := h.hash.(interface{ MarshalBinary() ([]byte, error) })
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return m.MarshalBinary()
}

// UnmarshalBinary restores a state that MarshalBinary returned. After an error the hash is reset.
func (h *Hash) UnmarshalBinary(state []byte) error {
	h.flush()
	m, ok := h.hash.(interface{ UnmarshalBinary([]byte) error })
	if !ok {
		h.hash.Reset()
		return errors.ErrUnsupported
	}
	err := m.UnmarshalBinary(state)
	if err != nil {
		h.hash.Reset()
	}
	return err
}

// Close removes the hash from its group. The hash must not be used afterwards.
func (h *Hash) Close() {
	g := h.group
	g.mu.Lock()
	defer g.mu.Unlock()
	g.takeBack(h)
	g.hashes--
	h.left = nil
	g.release(h)
}

// offer lets other goroutines run, which can hash the bytes left of h along with their own, straight from the slice of the
// current Write. Without it, half of all bytes are copied, which costs an eighth of the time.
func (g *Group) offer(h *Hash) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hashes == 1 {
		return
	}
	g.idle = append(g.idle, h)
	g.mu.Unlock()
	runtime.Gosched()
	g.mu.Lock()
	g.takeBack(h)
}

// flush hashes the bytes that h keeps, along with those of other hashes.
func (h *Hash) flush() {
	g := h.group
	g.pair(h)
	h.hash.Write(h.left)
	h.left = nil
	g.release(h)
}

// pair takes h back and hashes its bytes along with those of other hashes, as long as both have bytes.
func (g *Group) pair(h *Hash) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.takeBack(h)
	for len(h.left) > 0 && len(g.idle) > 0 {
		other := g.idle[0]
		g.idle = slices.Delete(g.idle, 0, 1)
		other.taken = true
		g.mu.Unlock()
		interleave(h, other)
		g.mu.Lock()
		other.taken = false
		g.free.Broadcast()
		if len(other.left) > 0 {
			g.idle = append(g.idle, other)
		}
	}
}

// takeBack waits until no other goroutine works on h, and takes it off the idle list. g.mu is held.
func (g *Group) takeBack(h *Hash) {
	for h.taken {
		g.free.Wait()
	}
	if i := slices.Index(g.idle, h); i >= 0 {
		g.idle = slices.Delete(g.idle, i, i+1)
	}
}

// keep copies the bytes left of h for other hashes of the group. It returns false if the group has no others.
func (g *Group) keep(h *Hash) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hashes == 1 {
		return false
	}
	if h.buf, _ = g.buffers.Get().(*[]byte); h.buf == nil {
		h.buf = new([]byte)
		*h.buf = make([]byte, maxKept)
	}
	h.left = (*h.buf)[:copy(*h.buf, h.left)]
	g.idle = append(g.idle, h)
	return true
}

// release returns the buffer of h, which has no bytes left, to the group.
func (g *Group) release(h *Hash) {
	if h.buf != nil {
		g.buffers.Put(h.buf)
		h.buf = nil
	}
}

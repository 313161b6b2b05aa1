package hashing

import (
	"hash"
	"runtime"
	"slices"
	"sync"
)

// Group is where the hashes of streams that are read at the same time meet. The zero value is ready.
//
// A hash leaves its bytes in the group and is given the next meanwhile. When it comes back with those, it takes in what
// it left together with what another has left, if that did not happen by then. So nobody waits for a second stream.
type Group struct {
	mu     sync.Mutex
	freed  sync.Cond // a hash is not taken any more
	idle   []*Hash   // those with bytes left that nobody is at
	hashes int
}

// Hash is the hash of one stream, for one goroutine at a time.
type Hash struct {
	group   *Group
	hash    hash.Hash
	movable movable // the same; nil: it can't be worked on beside another
	left    []byte  // not hashed yet
	taken   bool    // another one's goroutine is at it
	state   [stateSize]byte
}

// New puts a hash into the group, with what it has taken in so far. Close takes it out.
func (g *Group) New(h hash.Hash) *Hash {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.freed.L = &g.mu
	g.hashes++
	out := &Hash{group: g, hash: h}
	if canInterleave() {
		out.movable = movableSHA256(h)
	}
	return out
}

// worthLeaving is the number of bytes from which hashing two streams at once gains more than it costs.
const worthLeaving = 4 << 10

// Leave hashes p. When it did so, it returns false; else p must stay as it is until the next call of a method of h
// returns.
func (h *Hash) Leave(p []byte) bool {
	h.group.await(h)
	h.settle()
	if h.movable != nil && len(p) >= worthLeaving && h.group.leave(h, p) {
		return true
	}
	h.hash.Write(p)
	return false
}

// Settled gives the underlying hash, which has taken in everything.
func (h *Hash) Settled() hash.Hash {
	h.settle()
	return h.hash
}

// Close takes the hash out of its group. Bytes that are still left are not hashed.
func (h *Hash) Close() {
	g := h.group
	g.mu.Lock()
	defer g.mu.Unlock()
	g.takeBack(h)
	g.hashes--
}

// await lets other goroutines run, if what is left of h would have to be hashed alone.
func (g *Group) await(h *Hash) {
	g.mu.Lock()
	alone := len(g.idle) == 1 && g.idle[0] == h
	g.mu.Unlock()
	if alone {
		runtime.Gosched()
	}
}

// settle hashes what is left, with what is left of others.
func (h *Hash) settle() {
	g := h.group
	g.mu.Lock()
	g.takeBack(h)
	for len(h.left) > 0 && len(g.idle) > 0 {
		other := g.idle[0]
		g.idle = slices.Delete(g.idle, 0, 1)
		other.taken = true
		g.mu.Unlock()
		interleave(h, other)
		g.mu.Lock()
		other.taken = false
		g.freed.Broadcast()
		if len(other.left) > 0 {
			g.idle = append(g.idle, other)
		}
	}
	g.mu.Unlock()
	h.hash.Write(h.left)
	h.left = nil
}

// takeBack returns when nobody else is at h or will be. g.mu is held.
func (g *Group) takeBack(h *Hash) {
	for h.taken {
		g.freed.Wait()
	}
	if i := slices.Index(g.idle, h); i >= 0 {
		g.idle = slices.Delete(g.idle, i, i+1)
	}
}

// leave puts bytes of h where others find them. False: there are no others.
func (g *Group) leave(h *Hash, p []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hashes == 1 {
		return false
	}
	h.left = p
	g.idle = append(g.idle, h)
	return true
}

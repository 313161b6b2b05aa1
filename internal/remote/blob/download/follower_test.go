package download

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/davit-oci/davit/internal/hashing"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// newFollower returns a follower of a file. The file has the whole content from the start, but the coverage is empty.
func newFollower(t *testing.T, content []byte) *follower {
	t.Helper()
	c, _ := emptyCoverage(t, int64(len(content)), nil)
	f := &follower{file: bytes.NewReader(content), size: c.size, coverage: c, queued: new(atomic.Int32), hash: new(hashing.Group).New(sha256.New())}
	t.Cleanup(f.close)
	return f
}

func randomBytes(seed byte, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(p) // never fails
	return p
}

// TestFollower adds the parts of a blob in several orders, and checks the hash. Some parts are handed over, and others are read from
// the file.
func TestFollower(t *testing.T) {
	t.Parallel()
	for seed := range byte(20) {
		content := randomBytes(seed, 3_000_000+int(seed)*1000)
		f := newFollower(t, content)
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		const part = 100_000
		order := r.Perm((len(content) + part - 1) / part)
		if seed%2 == 0 { // in order, like a single worker
			for i := range order {
				order[i] = i
			}
		}
		go func() {
			for _, i := range order {
				at := int64(i * part)
				data := content[at:min(len(content), i*part+part)]
				buf := transport.GetBuffer()
				if !f.handOver(buf, buf[:copy(buf, data)], at) {
					transport.PutBuffer(buf)
				}
				f.coverage.add(at, at+int64(len(data)))
			}
			f.coverage.end()
		}()
		if err := f.run(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if want := sha256.Sum256(content); !bytes.Equal(f.hash.Sum(nil), want[:]) || f.hashed != int64(len(content)) {
			t.Errorf("seed %d: the hash of %d of %d bytes differs", seed, f.hashed, len(content))
		}
		if n := f.queued.Load(); n != 0 {
			t.Errorf("seed %d: got %d queued blocks at the end, want 0", seed, n)
		}
	}
}

func TestHandOver(t *testing.T) {
	t.Parallel()
	f := newFollower(t, make([]byte, 1000))
	if f.handOver(nil, make([]byte, 10), 10) {
		t.Error("a block out of order was queued")
	}
	for i := range maxQueue {
		if !f.handOver(nil, make([]byte, 10), int64(i*10)) {
			t.Fatalf("block %d was not queued", i)
		}
	}
	if f.handOver(nil, make([]byte, 10), maxQueue*10) {
		t.Errorf("block %d was queued, want at most %d blocks", maxQueue, maxQueue)
	}
	f.close()
	if n := f.queued.Load(); n != 0 {
		t.Errorf("closed follower: got %d queued blocks, want 0", n)
	}
}

// TestFollowerResumes checks that a follower continues with the state of an earlier hash, and starts over if the state is damaged.
func TestFollowerResumes(t *testing.T) {
	t.Parallel()
	content := randomBytes(3, 100_000)
	want := sha256.Sum256(content)
	before := newFollower(t, content)
	before.hashNow(content[:1000], 0)
	before.hashNow(content[5000:6000], 5000) // out of order: skipped
	state, err := before.hash.MarshalBinary()
	if err != nil || before.hashed != 1000 {
		t.Fatalf("got %d hashed bytes, %v, want 1000", before.hashed, err)
	}
	for name, state := range map[string][]byte{"intact": state, "damaged": state[:5]} {
		f := newFollower(t, content)
		f.resume(state, 1000)
		if resumed := f.hashed == 1000; resumed != (name == "intact") {
			t.Errorf("%s: got resumed %v, want %v", name, resumed, name == "intact")
		}
		f.coverage.restore(spans{{0, int64(len(content))}})
		if err := f.run(t.Context()); err != nil || !bytes.Equal(f.hash.Sum(nil), want[:]) {
			t.Errorf("%s: the hash differs, %v", name, err)
		}
	}
}

func TestFollowerStops(t *testing.T) {
	t.Parallel()
	f := newFollower(t, make([]byte, 1000))
	ctx, cancel := context.WithCancel(t.Context())
	f.coverage.add(0, 10)
	cancel()
	if err := f.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

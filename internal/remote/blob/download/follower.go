package download

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/davit-oci/davit/internal/hashing"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// maxQueue limits the blocks of all downloads that wait for a hash in memory: the bytes that arrive while the system runs
// other processes. A hash that is farther behind reads from the page cache, at half the speed.
const maxQueue = 16

// follower hashes a file in order while workers write it in any order.
type follower struct {
	file     io.ReaderAt
	size     int64
	coverage *coverage
	queued   *atomic.Int32 // blocks in the queues of all downloads
	hash     *hashing.Hash
	hashed   int64 // bytes in the hash

	mu     sync.Mutex
	handed int64   // where the next block for the hash starts: hashed, and the blocks in the queue
	queue  []block // handed over and not hashed yet
}

// block is n bytes for the hash: data, which is part of buf, or if buf is nil, the bytes of the file at an offset.
type block struct {
	buf, data []byte
	n         int
	at        int64
}

// resume continues with the state of the hash of the first n bytes. If the state is not valid, it starts over.
func (f *follower) resume(state []byte, n int64) {
	if f.hash.UnmarshalBinary(state) == nil {
		f.hashed, f.handed = n, n
	}
}

// run hashes the blocks that workers hand over as they write them. From the file it reads the bytes that arrived out of
// order or that an earlier process fetched.
func (f *follower) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, f.coverage.end)
	defer stop()
	for f.hashed < f.size {
		b, ok := f.next()
		if !ok {
			return ctx.Err()
		}
		if b.buf == nil {
			b.buf = transport.GetBuffer()
			b.data = b.buf[:b.n]
			if _, err := f.file.ReadAt(b.data, b.at); err != nil {
				transport.PutBuffer(b.buf)
				return fmt.Errorf("reading back: %w", err)
			}
		}
		_, _ = f.hash.Write(b.data)
		f.hashed += int64(b.n)
		transport.PutBuffer(b.buf)
	}
	return nil
}

// next waits for the next block. It returns false if the download ended without it.
func (f *follower) next() (block, bool) {
	for {
		b, ok, at := f.dequeue()
		if ok {
			return b, true
		}
		to, ok := f.coverage.awaitBeyond(at)
		if !ok {
			return block{}, false
		}
		if b, ok := f.fromFile(at, to); ok {
			return b, true
		}
	}
}

// dequeue returns the first block in the queue, or where the next block starts.
func (f *follower) dequeue() (b block, ok bool, at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return block{}, false, f.handed
	}
	b = f.queue[0]
	f.queue = append(f.queue[:0], f.queue[1:]...)
	f.queued.Add(-1)
	return b, true, f.handed
}

// fromFile returns a block to be read from the file. It returns false if a worker handed over the bytes at that offset in
// the meantime.
func (f *follower) fromFile(at, to int64) (block, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handed != at {
		return block{}, false
	}
	b := block{at: at, n: int(min(to-at, transport.BufferSize))}
	f.handed += int64(b.n)
	return b, true
}

// handOver queues a written block if it is the next one to be hashed. If it returns true, the follower owns buf.
func (f *follower) handOver(buf, data []byte, at int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at != f.handed {
		return false
	}
	if f.queued.Add(1) > maxQueue {
		f.queued.Add(-1)
		return false
	}
	f.queue = append(f.queue, block{buf, data, len(data), at})
	f.handed += int64(len(data))
	return true
}

// hashNow hashes a written block if it is the next one. Only the one worker of a small blob may call it, while run does
// not run.
func (f *follower) hashNow(data []byte, at int64) {
	if at != f.hashed {
		return
	}
	_, _ = f.hash.Write(data)
	f.hashed += int64(len(data))
	f.handed = f.hashed
}

// close drops the blocks of a download that failed.
func (f *follower) close() {
	f.queued.Add(-int32(len(f.queue)))
	f.queue = nil
	f.hash.Close()
}

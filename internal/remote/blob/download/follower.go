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

// maxQueue limits the number of blocks in memory that wait to be hashed, for all downloads together. It is enough for the bytes
// that arrive while the system runs other processes. A follower that is farther behind reads blocks back from the page cache, at
// half the speed.
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
	handed int64   // offset after the blocks that are hashed or in the queue
	queue  []block // blocks to be hashed, in order
}

// block is n bytes to be hashed: data, which is part of buf, or, if buf is nil, the bytes at the offset at of the file.
type block struct {
	buf, data []byte
	n         int
	at        int64
}

// resume continues with the hash state of the first n bytes. If the state is not valid, hashing starts at the first byte.
func (f *follower) resume(state []byte, n int64) {
	if f.hash.UnmarshalBinary(state) == nil {
		f.hashed, f.handed = n, n
	}
}

// run hashes the blocks that workers hand over when they write them. It reads other bytes back from the file: those that arrived
// out of order, and those that an earlier process fetched.
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

// next waits for the next block. It returns false if the download ends without it.
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

// dequeue removes and returns the first block in the queue. If the queue is empty, it returns the offset of the next block.
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

// fromFile returns a block for run to read from the file. It starts at the offset at and ends at or before to. fromFile returns
// false if a worker has handed over these bytes in the meantime.
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

// handOver queues a written block if it is the next one to be hashed, and reports whether it did. If so, the follower owns buf.
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

// hashNow hashes a written block if it is the next one to be hashed. It is for the single worker of a small blob, and must not be
// called while run is running.
func (f *follower) hashNow(data []byte, at int64) {
	if at != f.hashed {
		return
	}
	_, _ = f.hash.Write(data)
	f.hashed += int64(len(data))
	f.handed = f.hashed
}

// close drops the blocks that a failed download left in the queue, and closes the hash.
func (f *follower) close() {
	f.queued.Add(-int32(len(f.queue)))
	f.queue = nil
	f.hash.Close()
}

package download

import (
	"sync"
	"sync/atomic"
)

const (
	// journalFrom is the minimum size of a blob that has a journal.
	journalFrom = 4 << 20
	// A killed process loses the bytes that it has fetched since it wrote the journal. The journal is written when these reach
	// 1/lossShare of what all downloads of the process have fetched, but at least leastLoss and at most mostLoss bytes.
	lossShare, leastLoss, mostLoss = 256, 512 << 10, 2 << 20
)

// coverage records which bytes of a blob are in the file, and which are being fetched.
type coverage struct {
	size    int64
	fetched *atomic.Int64 // bytes fetched by all downloads
	report  func(done, ready int64)
	journal *journalFile

	mu        sync.Mutex
	changed   *sync.Cond // done or claimed changed, or the download ended
	done      spans      // in the file
	claimed   spans      // in the file, or being fetched by a worker
	count     int64      // bytes in done
	fresh     int64      // bytes in done that this process fetched
	journaled int64      // fresh when the journal was last written
	streaming bool       // one worker reads the whole blob
	ended     bool
}

func newCoverage(size int64, fetched *atomic.Int64, report func(done, ready int64), journal *journalFile) *coverage {
	c := &coverage{size: size, fetched: fetched, report: report, journal: journal}
	c.changed = sync.NewCond(&c.mu)
	return c
}

// restore sets the bytes that an earlier process left in the file.
func (c *coverage) restore(done spans) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done, c.claimed, c.count = done, append(spans(nil), done...), done.total()
}

// claim reserves the first part that no worker has claimed. The part has at most the length that the function length returns for
// the number of missing bytes. If wait is set and all parts are claimed, claim waits until a worker releases one or the
// download ends. It returns false if there is no part to fetch.
func (c *coverage) claim(wait bool, length func(missing int64) int64) (span, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if part, ok := c.claimed.gap(0, length(c.size-c.count), c.size); ok {
			c.claimed = c.claimed.add(part.From, part.To)
			return part, true
		}
		if !wait || c.count == c.size || c.ended {
			return span{}, false
		}
		c.changed.Wait()
	}
}

// claimAll reserves the whole blob for the caller, even if other workers are fetching parts of it. It returns false if another
// worker has reserved the whole blob.
func (c *coverage) claimAll() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streaming {
		return false
	}
	c.streaming = true
	c.claimed = c.claimed.add(0, c.size)
	return true
}

// release ends a claim. The bytes of the part that are not in the file can be claimed again, unless another worker is reading the
// whole blob.
func (c *coverage) release(part span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streaming && part != (span{0, c.size}) {
		return
	}
	c.streaming = false
	c.claimed = c.claimed.remove(part.From, part.To)
	for _, s := range c.done {
		c.claimed = c.claimed.add(max(s.From, part.From), min(s.To, part.To))
	}
	c.changed.Broadcast()
}

// add records that the bytes [from, to) are in the file. It returns how many of them are new, and whether the blob is complete.
func (c *coverage) add(from, to int64) (grown int64, complete bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.count
	c.done = c.done.add(from, to)
	c.count = c.done.total()
	if grown = c.count - before; grown == 0 {
		return 0, c.count == c.size
	}
	c.fresh += grown
	all := c.fetched.Add(grown)
	c.changed.Broadcast()
	if c.size > journalFrom && c.fresh-c.journaled >= min(max(all/lossShare, leastLoss), mostLoss) {
		c.writeJournal(journal{})
	}
	c.report(c.count, c.done.reach(0))
	return grown, c.count == c.size
}

// saveJournal writes the journal of a download that stops before it is complete. The caller sets the fields about the hash in j.
func (c *coverage) saveJournal(j journal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count > 0 && c.size >= journalFrom {
		c.writeJournal(j)
	}
}

// writeJournal writes a journal. c.mu is held.
func (c *coverage) writeJournal(j journal) {
	j.Size, j.Done = c.size, c.done
	c.journal.write(j)
	c.journaled = c.fresh
}

// awaitBeyond waits until the byte at the offset at is in the file, and returns the offset of the first gap after it. It returns
// false if the download ends without this byte.
func (c *coverage) awaitBeyond(at int64) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if to := c.done.reach(at); to > at {
			return to, true
		}
		if c.ended {
			return at, false
		}
		c.changed.Wait()
	}
}

// end wakes every goroutine that waits for bytes, because no more will arrive.
func (c *coverage) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.changed.Broadcast()
}

// reportNow reports the number of bytes that are already in the file.
func (c *coverage) reportNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report(c.count, c.done.reach(0))
}

// missing returns the number of bytes that are not in the file.
func (c *coverage) missing() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size - c.count
}

// freshBytes returns the number of bytes that this process fetched.
func (c *coverage) freshBytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fresh
}

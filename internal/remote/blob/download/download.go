package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/blob"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/hashing"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

const (
	// wholeBelow is the size up to which a blob comes in one answer: a second connection would hardly have begun.
	wholeBelow = 16 << 20
	// A part of a blob for one request: a sixteenth of what is missing, so that many connections end together, but
	// large enough that its round trip does not show and small enough that a lost one does not hurt.
	minPart, maxPart = 4 << 20, 64 << 20
	// journalFrom is the size from which a blob has a journal.
	journalFrom = 4 << 20
	// A kill may cost each of the blobs under way the lossShare-th part of what all have brought, within these bounds.
	lossShare, leastLoss, mostLoss = 256, 512 << 10, 2 << 20
	// stateSuffix names the journal after the file.
	StateSuffix = ".state"
	// pageSize is that of most file systems' caches.
	pageSize = 4 << 10
)

// Destination is where a blob is downloaded to.
type Destination struct {
	Root   *os.Root
	Name   string
	Report func(done, ready int64) // nil: nobody asks
}

// File writes the verified blob to a file. A large one comes in parts over several connections, as long as more of
// them bring more; what an earlier, interrupted call has left in the file and its journal, NAME.state, is not fetched
// again. On an error both stay for the next call. Report is told how many bytes are there, and how many of them from the
// start of the file on, from one goroutine at a time; it may be nil. Two calls must not work on the same file at once.
func File(ctx context.Context, r *blob.Store, desc ocispec.Descriptor, to Destination) error {
	if err := desc.Digest.Validate(); err != nil {
		return artifact.Refused(desc.Digest.String(), "digest: %w", err)
	}
	if desc.Size < 0 {
		return artifact.Refused(desc.Digest.String(), "a size of %d", desc.Size)
	}
	if to.Report == nil {
		to.Report = func(int64, int64) {}
	}
	err := fetchOnce(ctx, r, desc, to)
	if errors.Is(err, artifact.ErrRefused) { // once more from the start, over other connections
		r.Client.Transport.Renew()
		if err = fetchOnce(ctx, r, desc, to); errors.Is(err, artifact.ErrRefused) {
			_ = to.Root.Remove(to.Name)
		}
	}
	return r.Wrap(ctx, "fetching "+r.Named(desc.Digest.String()), err)
}

// fetchOnce is one try of downloadFile. When the content is refused, nothing of it is left for the next.
func fetchOnce(ctx context.Context, r *blob.Store, desc ocispec.Descriptor, to Destination) error {
	d := &download{repo: r, desc: desc, dst: to.Root, name: to.Name, report: to.Report}
	if err := d.open(); err != nil {
		return err
	}
	defer d.close()
	err := d.run(r.WithScope(ctx))
	if errors.Is(err, artifact.ErrRefused) {
		d.dropState()
	}
	return err
}

// download is one blob on its way into one file.
type download struct {
	repo   *blob.Store
	desc   ocispec.Descriptor
	dst    *os.Root
	name   string
	report func(done, ready int64)

	file  *os.File
	state *os.File // the journal; nil until there is something to say

	mu        sync.Mutex
	moved     *sync.Cond // done has grown, or the download ended
	done      spans      // what is in the file
	claimed   spans      // done, and what workers are at
	count     int64      // bytes in done
	fresh     int64      // of them, those that this process fetched
	journaled int64      // fresh when the journal was written
	hash      *hashing.Hash
	hashed    int64
	handed    int64   // up to where the hash has been given its bytes
	queue     []block // of them, those it has not taken yet
	tries     *transport.Retrier
	active    int           // workers
	limit     int           // workers wanted
	settled   bool          // it stays as it is
	latency   time.Duration // until the first byte came
	enough    func()        // ends the search for the right number of them
	whole     bool          // the registry has no ranges, or no reliable ones: one answer with everything
	streaming bool          // somebody is at that answer
	direct    *url.URL      // where the registry sends requests for this blob; nil: ask it
	ended     bool
	inTurn    bool // the one worker hashes what it writes
}

// open prepares the file, and takes over what an earlier process has left.
func (d *download) open() error {
	if info, err := d.dst.Lstat(d.name); err == nil && !info.Mode().IsRegular() {
		if err := d.dst.Remove(d.name); err != nil {
			return err
		}
	}
	f, err := d.dst.OpenFile(d.name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	d.file = f
	d.moved = sync.NewCond(&d.mu)
	d.hash = d.repo.Shared.Hashes.New(d.desc.Digest.Algorithm().Hash())
	if d.resume() {
		return nil
	}
	if err := d.clear(); err != nil {
		d.close()
		return err
	}
	return nil
}

// resume believes the journal as far as the file bears it out.
func (d *download) resume() bool {
	state, err := d.dst.OpenFile(d.name+StateSuffix, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	j := ReadJournal(state)
	info, err := d.file.Stat()
	if j == nil || err != nil || j.Digest != d.desc.Digest || j.Size != d.desc.Size || info.Size() != d.desc.Size {
		_ = state.Close()
		return false
	}
	d.state, d.done, d.claimed, d.count = state, j.Done, append(spans(nil), j.Done...), j.Done.total()
	if j.Boot == "" || j.Boot != durable.BootID() || j.ModTime != info.ModTime().UnixNano() || j.Hashed > j.Done.reach(0) {
		return true
	}
	if d.hash.UnmarshalBinary(j.State) == nil {
		d.hashed, d.handed = j.Hashed, j.Hashed
	}
	return true
}

// clear makes the file one of the right size without anything in it.
func (d *download) clear() error {
	d.dropState()
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	return d.file.Truncate(d.desc.Size)
}

func (d *download) dropState() {
	if d.state != nil {
		_ = d.state.Close()
		d.state = nil
	}
	_ = d.dst.Remove(d.name + StateSuffix) // most often there is none
}

func (d *download) close() {
	d.repo.Shared.Queued.Add(-int32(len(d.queue))) // of one that did not come to its end
	if d.state != nil {
		_ = d.state.Close()
	}
	d.hash.Close()
	_ = d.file.Close()
}

// run fetches what is missing and verifies the whole.
func (d *download) run(ctx context.Context) error {
	transport := d.repo.Client.Transport
	d.tries = transport.NewRetrier(transport.Limiter(d.repo.Origin.Host))
	d.limit, d.whole = 1, false
	d.report(d.count, d.done.reach(0))
	if err := d.fetchAndHash(ctx); err != nil {
		d.keep()
		return err
	}
	if got := fmt.Sprintf("%s:%x", d.desc.Digest.Algorithm(), d.hash.Sum(nil)); got != d.desc.Digest.String() {
		return artifact.Refused(d.desc.Digest.String(), "the registry sent %s", got)
	}
	d.dropState()
	return nil
}

// fetchAndHash fetches what is missing and hashes everything, beside the transfer or, where one worker gets everything in
// order, in it: what was just read is in the core's cache then, and there are other files for other cores.
func (d *download) fetchAndHash(ctx context.Context) error {
	if d.inTurn = d.desc.Size <= wholeBelow; d.inTurn {
		if err := d.fetchAll(ctx); err != nil {
			return err
		}
		d.end()
		return d.follow(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.follow(ctx) })
	group.Go(func() error {
		defer d.end()
		return d.fetchAll(ctx)
	})
	return group.Wait()
}

// fetchAll runs the workers.
func (d *download) fetchAll(ctx context.Context) error {
	if d.count == d.desc.Size {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, d.end)
	defer stop()
	adapting, enough := context.WithCancel(ctx)
	defer enough()
	d.enough = enough
	many := d.desc.Size-d.count > wholeBelow
	d.start(ctx, group)
	if many {
		group.Go(func() error { return d.adapt(ctx, adapting, group) })
	}
	return group.Wait()
}

// end tells all who wait that no more bytes come.
func (d *download) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.moved.Broadcast()
}

// keep writes the journal of a download that stops in order: with the state of the hash.
func (d *download) keep() {
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := d.file.Stat()
	if err != nil || d.count == 0 || d.desc.Size < journalFrom {
		return
	}
	state, err := d.hash.MarshalBinary()
	if err == nil {
		d.record(journal{Hashed: d.hashed, State: state, ModTime: info.ModTime().UnixNano(), Boot: durable.BootID()})
	}
}

// record writes a journal. That it can't be written costs a later process its work, not this one. d.mu is held.
func (d *download) record(j journal) {
	if d.state == nil {
		f, err := d.dst.OpenFile(d.name+StateSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return
		}
		d.state = f
	}
	j.Digest, j.Size, j.Done = d.desc.Digest, d.desc.Size, d.done
	_ = j.write(d.state)
	d.journaled = d.fresh
}

// block is n bytes for the hash: data, which is part of buf, or, when that is nil, those in the file from at on.
type block struct {
	buf, data []byte
	n         int
	at        int64
}

// maxQueue is how many blocks of all downloads wait for a hash in memory: what comes in the time for which the system lets
// other processes run. A hash that is farther behind reads from the page cache, at half the speed.
const maxQueue = 16

// follow hashes everything in order: the blocks that workers hand over as they write them, and from the file what came
// out of turn or from an earlier process.
func (d *download) follow(ctx context.Context) error {
	stop := context.AfterFunc(ctx, d.end)
	defer stop()
	for d.hashed < d.desc.Size {
		b, ok := d.nextBlock()
		if !ok {
			return ctx.Err()
		}
		if b.buf == nil {
			b.buf = transport.GetBuffer()
			b.data = b.buf[:b.n]
			if _, err := d.file.ReadAt(b.data, b.at); err != nil {
				transport.PutBuffer(b.buf)
				return fmt.Errorf("reading back: %w", err)
			}
		}
		_, _ = d.hash.Write(b.data)
		d.hashed += int64(b.n)
		transport.PutBuffer(b.buf)
	}
	return nil
}

// nextBlock waits for what the hash needs next; false: it will not come.
func (d *download) nextBlock() (block, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		if len(d.queue) > 0 {
			b := d.queue[0]
			d.queue = append(d.queue[:0], d.queue[1:]...)
			d.repo.Shared.Queued.Add(-1)
			return b, true
		}
		if upTo := d.done.reach(d.handed); upTo > d.handed {
			b := block{at: d.handed, n: int(min(upTo-d.handed, transport.BufferSize))}
			d.handed += int64(b.n)
			return b, true
		}
		if d.ended {
			return block{}, false
		}
		d.moved.Wait()
	}
}

// handOver gives a written block to the hash, if that is the next one it needs. The caller then has no buffer.
func (d *download) handOver(buf, data []byte, at int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at != d.handed {
		return false
	}
	if queued := &d.repo.Shared.Queued; queued.Add(1) > maxQueue {
		queued.Add(-1)
		return false
	}
	d.queue = append(d.queue, block{buf, data, len(data), at})
	d.handed += int64(len(data))
	return true
}

// start adds a worker.
func (d *download) start(ctx context.Context, group *errgroup.Group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active++
	first := d.active == 1
	group.Go(func() error { return d.work(ctx, first) })
}

// work fetches parts until there are none, or until it is one worker too many.
func (d *download) work(ctx context.Context, first bool) error {
	if !first {
		defer d.repo.Shared.ReleaseSlot()
	}
	for {
		part, ok := d.claim(first)
		if !ok {
			return nil
		}
		err := d.fetch(ctx, part)
		var broke *brokenBody
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errNoRanges):
			d.oneStream()
		case !first && !errors.As(err, &broke) && !transport.IsLocal(err):
			d.retire() // the registry, or something on the way, does not want that many connections
			return nil
		default:
			if err := d.pause(ctx, err); err != nil {
				return err
			}
		}
	}
}

// oneStream gives up on ranges.
func (d *download) oneStream() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.whole, d.limit = true, 1
	d.enough()
}

// retire lowers the number of workers by the one that failed.
func (d *download) retire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	d.limit = min(d.limit, max(d.active, 1))
	d.enough()
}

// pause waits before the next try, or tells why there is none.
func (d *download) pause(ctx context.Context, err error) error {
	if answer := transport.AsResponse(err); answer != nil && !transport.IsTransient(answer.StatusCode) || answer == nil && transport.RetryabilityOf(err) == transport.Never {
		return err
	}
	d.mu.Lock()
	more := d.tries.ShouldRetry(err)
	delay := d.tries.Delay
	d.mu.Unlock()
	if !more {
		return err
	}
	return pause.For(ctx, delay)
}

// claim gives a worker a part that nobody has; the first worker stays until all is there.
func (d *download) claim(first bool) (span, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		if !first && d.active > d.limit {
			break
		}
		length := min(max((d.desc.Size-d.count)/16, minPart), maxPart)
		if d.desc.Size <= wholeBelow || d.whole || d.settled && d.limit == 1 {
			length = d.desc.Size
		}
		if part, ok := d.claimed.gap(0, length, d.desc.Size); ok {
			d.claimed = d.claimed.add(part.From, part.To)
			return part, true
		}
		if !first || d.count == d.desc.Size || d.ended {
			break
		}
		d.moved.Wait() // others are at the last parts; what they give back is for the first
	}
	d.active--
	return span{}, false
}

// unclaim gives back what of a part did not come.
func (d *download) unclaim(part span) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.streaming = d.streaming && part != span{0, d.desc.Size}
	d.claimed = d.claimed.remove(part.From, part.To)
	for _, s := range d.done {
		d.claimed = d.claimed.add(max(s.From, part.From), min(s.To, part.To))
	}
	d.moved.Broadcast()
}

// claimAll makes the caller the one that reads everything from one answer; false: there is one already.
func (d *download) claimAll() bool {
	d.oneStream()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.streaming {
		return false
	}
	d.streaming = true
	d.claimed = d.claimed.add(0, d.desc.Size)
	return true
}

// errNoRanges: the registry does not keep to Range.
var errNoRanges = errors.New("the registry has no ranges")

// brokenBody is an answer that began well and did not end.
type brokenBody struct{ error }

func (b *brokenBody) Unwrap() error { return b.error }

// fetch asks for one part and writes what comes.
func (d *download) fetch(ctx context.Context, part span) (err error) {
	defer func() { d.unclaim(part) }()
	resp, whole, err := d.request(ctx, part)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	asked := part.From > 0 || part.To < d.desc.Size
	err = d.repo.CheckBlobAnswer(resp, d.desc, part.From, part.To)
	switch {
	case !whole && (errors.Is(err, blob.ErrWrongRange) || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		return errNoRanges
	case err != nil:
		return err
	case resp.StatusCode == http.StatusOK && asked:
		if !d.claimAll() {
			return errNoRanges // somebody is at it
		}
		part = span{0, d.desc.Size}
	}
	return d.save(resp.Body, part)
}

// request sends a GET for a part, or for the whole where ranges are given up. A redirect that was seen before is
// followed at once; when its address has expired, the registry is asked for another.
func (d *download) request(ctx context.Context, part span) (resp *http.Response, whole bool, err error) {
	ctx = transport.WithSettings(ctx, transport.Settings{Once: true})
	d.mu.Lock()
	direct, whole := d.direct, d.whole
	d.mu.Unlock()
	rangeOf := ""
	if !whole && (part.From > 0 || part.To < d.desc.Size) {
		rangeOf = fmt.Sprintf("bytes=%d-%d", part.From, part.To-1)
	}
	if direct != nil {
		resp, err = d.get(ctx, d.repo.Client.Bare.Do, direct.String(), rangeOf)
		if err != nil || resp.StatusCode/100 != 4 || transport.IsTransient(resp.StatusCode) {
			return resp, whole, err
		}
		_ = resp.Body.Close()
	}
	resp, err = d.get(ctx, d.repo.Send, d.repo.URL("blobs/"+d.desc.Digest.String()), rangeOf)
	if err == nil {
		d.remember(resp)
	}
	return resp, whole, err
}

func (d *download) get(ctx context.Context, do func(*http.Request) (*http.Response, error), address, rangeOf string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if rangeOf != "" {
		req.Header.Set("Range", rangeOf)
	}
	return do(req)
}

// remember keeps the address that the registry redirected to, so that not every part is redirected anew.
func (d *download) remember(resp *http.Response) {
	final := resp.Request.URL
	d.mu.Lock()
	defer d.mu.Unlock()
	d.direct = nil
	if resp.StatusCode/100 == 2 && final.String() != d.repo.URL("blobs/"+d.desc.Digest.String()) {
		d.direct = final
	}
}

// save writes a body that holds the bytes of part to the file, except what is there already.
func (d *download) save(body io.Reader, part span) error {
	buf := transport.GetBuffer()
	defer func() { transport.PutBuffer(buf) }()
	for at := part.From; at < part.To; {
		skip := at % pageSize // pages are copied faster to where they stand in a page
		data := buf[skip:min(int64(len(buf)), skip+part.To-at)]
		n, err := body.Read(data)
		if data = data[:n]; n > 0 {
			if _, err := d.file.WriteAt(data, at); err != nil {
				return err
			}
			switch {
			case d.inTurn && at == d.hashed:
				_, _ = d.hash.Write(data)
				d.hashed += int64(n)
				d.handed = d.hashed
			case d.inTurn:
			case d.handOver(buf, data, at):
				buf = transport.GetBuffer()
			}
			d.advance(at, at+int64(n))
			at += int64(n)
		}
		switch {
		case err == nil || at == part.To:
		case errors.Is(err, io.EOF):
			return &brokenBody{io.ErrUnexpectedEOF}
		default:
			return &brokenBody{err}
		}
	}
	return nil
}

// advance notes that bytes are in the file.
func (d *download) advance(from, to int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.count
	d.done = d.done.add(from, to)
	d.count = d.done.total()
	if d.count == before {
		return
	}
	d.fresh += d.count - before
	all := d.repo.Shared.Fetched.Add(d.count - before)
	d.tries.Progress(d.count - before)
	d.moved.Broadcast()
	if d.count == d.desc.Size {
		d.enough()
	}
	if d.desc.Size > journalFrom && d.fresh-d.journaled >= min(max(all/lossShare, leastLoss), mostLoss) {
		d.record(journal{})
	}
	d.report(d.count, d.done.reach(0))
}

const (
	// sampleFor is how long a rate is measured before the number of connections is judged.
	sampleFor = 120 * time.Millisecond
	// fastEnough is the rate in bytes per second above which another connection can't help: the hash of one stream
	// takes in little more, and on one machine the registry needs the cores.
	fastEnough = 400 << 20
	// slow is the rate of one connection at which three more are tried at once.
	slow = 50 << 20
	// growth is what more connections must bring to be kept.
	growth = 1.25
)

// adapt adds workers as long as the rate grows with them.
func (d *download) adapt(ctx, adapting context.Context, group *errgroup.Group) error {
	defer d.settle()
	rate, ok := d.sample(adapting)
	for workers := 1; ok && rate < fastEnough; {
		want := workers
		if rate < slow && workers == 1 {
			want = 3
		}
		added := 0
		for ; added < want && d.repo.Shared.TrySlot(); added++ {
			d.raise()
			d.start(ctx, group)
		}
		if added == 0 {
			return nil
		}
		var now float64
		if now, ok = d.sample(adapting); ok && now < rate*growth {
			d.lower(workers)
			return nil
		}
		workers += added
		rate = now
	}
	return nil
}

// settle notes that the number of workers is found. One alone then has no use for parts.
func (d *download) settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settled = true
}

func (d *download) raise() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit++
}

func (d *download) lower(limit int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = min(d.limit, limit)
}

// sample measures the rate, once the workers that were added have had the time to begin: that which the first one
// needed. False: there is nothing more to decide.
func (d *download) sample(ctx context.Context) (float64, bool) {
	const step = 5 * time.Millisecond
	start, before := time.Now(), d.fetched()
	for d.fetched() == before || time.Since(start) < d.latency {
		if pause.For(ctx, step) != nil {
			return 0, false
		}
	}
	if d.latency == 0 {
		d.latency = time.Since(start) + step
	}
	from, start := d.fetched(), time.Now()
	if pause.For(ctx, sampleFor) != nil {
		return 0, false
	}
	return float64(d.fetched()-from) / time.Since(start).Seconds(), true
}

func (d *download) fetched() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fresh
}

package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/remote/blob"
	"github.com/davit-oci/davit/internal/remote/transport"
	"github.com/davit-oci/davit/internal/untrusted"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/durable"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// pageSize is the page size of most systems.
const pageSize = 4 << 10

// Destination is the file to which a blob is downloaded.
type Destination struct {
	Root   *os.Root
	Name   string
	Report func(done, ready int64) // may be nil
}

// File writes the verified blob to a file. It fetches a large blob in parts over several connections, and adds connections as
// long as they raise the rate. It does not fetch again the bytes that an earlier, interrupted call left in the file and
// recorded in its journal, NAME.state. After an error, both files stay for the next call. Report receives the number of bytes
// in the file, and how many of them are at its start without a gap; its calls do not overlap. Two calls must not use
// the same file at once.
func File(ctx context.Context, r *blob.Store, desc ocispec.Descriptor, to Destination) error {
	if err := untrusted.CheckDigest(desc.Digest); err != nil {
		return artifact.Refused(desc.Digest.String(), "digest: %w", err)
	}
	if desc.Size < 0 {
		return artifact.Refused(desc.Digest.String(), "invalid size %d", desc.Size)
	}
	if to.Report == nil {
		to.Report = func(int64, int64) {}
	}
	err := fetchOnce(ctx, r, desc, to)
	if errors.Is(err, artifact.ErrRefused) { // start over with new connections
		r.Client.Transport.Renew()
		if err = fetchOnce(ctx, r, desc, to); errors.Is(err, artifact.ErrRefused) {
			_ = to.Root.Remove(to.Name)
		}
	}
	return manifest.WithAddress(desc, r.Wrap(ctx, "fetching "+r.Named(desc.Digest.String()), err))
}

// fetchOnce makes one attempt of File. If it refuses the content, it removes the journal, so that the next attempt starts over.
func fetchOnce(ctx context.Context, r *blob.Store, desc ocispec.Descriptor, to Destination) error {
	d, err := open(r, desc, to)
	if err != nil {
		return err
	}
	defer d.close()
	err = d.run(r.WithScope(ctx))
	if errors.Is(err, artifact.ErrRefused) {
		d.journal.remove()
	}
	return err
}

// download fetches one blob into one file: the pool's workers write parts, coverage records them, and the follower hashes
// them in order.
type download struct {
	desc     ocispec.Descriptor
	file     *os.File
	journal  *journalFile
	coverage *coverage
	follower *follower
	requests *requester
	pool     *pool
	inline   bool // there is only one worker, which hashes the bytes that it writes
}

// open prepares the file, and resumes the download of an earlier process.
func open(r *blob.Store, desc ocispec.Descriptor, to Destination) (*download, error) {
	if info, err := to.Root.Lstat(to.Name); err == nil && !info.Mode().IsRegular() {
		if err := to.Root.Remove(to.Name); err != nil {
			return nil, err
		}
	}
	f, err := to.Root.OpenFile(to.Name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	d := &download{
		desc:     desc,
		file:     f,
		journal:  &journalFile{root: to.Root, name: to.Name + StateSuffix, digest: desc.Digest},
		requests: &requester{repo: r, desc: desc},
		inline:   desc.Size <= wholeBelow,
	}
	d.coverage = newCoverage(desc.Size, &r.Shared.Fetched, to.Report, d.journal)
	d.follower = &follower{
		file: f, size: desc.Size, coverage: d.coverage, queued: &r.Shared.Queued,
		hash: r.Shared.Hashes.New(desc.Digest.Algorithm().Hash()),
	}
	t := r.Client.Transport
	d.pool = &pool{coverage: d.coverage, slots: r.Shared, fetch: d.fetch, retrier: t.NewRetrier(t.Limiter(r.Origin.Host), "blob")}
	if d.resume() {
		return d, nil
	}
	if err := d.clear(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// resume continues with the bytes in the file that the journal records. It returns false if there is no journal that matches the
// file.
func (d *download) resume() bool {
	j := d.journal.open()
	info, err := d.file.Stat()
	if j == nil || err != nil || j.Digest != d.desc.Digest || j.Size != d.desc.Size || info.Size() != d.desc.Size {
		return false
	}
	d.coverage.restore(j.Done)
	if j.Boot != "" && j.Boot == durable.BootID() && j.ModTime == info.ModTime().UnixNano() && j.Hashed <= j.Done.reach(0) {
		d.follower.resume(j.State, j.Hashed)
	}
	return true
}

// clear removes the journal and makes the file a sparse file of the blob's size.
func (d *download) clear() error {
	d.journal.remove()
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	return d.file.Truncate(d.desc.Size)
}

func (d *download) close() {
	d.follower.close()
	d.journal.close()
	_ = d.file.Close()
}

// run fetches the missing bytes and verifies the blob.
func (d *download) run(ctx context.Context) error {
	d.coverage.reportNow()
	if err := d.fetchAndHash(ctx); err != nil {
		d.saveJournal()
		return err
	}
	if got := fmt.Sprintf("%s:%x", d.desc.Digest.Algorithm(), d.follower.hash.Sum(nil)); got != d.desc.Digest.String() {
		return artifact.Refused(d.desc.Digest.String(), "digest mismatch: want %s, got %s", d.desc.Digest, got)
	}
	d.journal.remove()
	return nil
}

// fetchAndHash fetches the missing bytes and hashes all bytes. The only worker of a small blob hashes the bytes that it has just
// read, while they are in the core's cache; other cores work on other blobs. A large blob is hashed in a separate goroutine.
func (d *download) fetchAndHash(ctx context.Context) error {
	if d.inline {
		if err := d.pool.run(ctx); err != nil {
			return err
		}
		d.coverage.end()
		return d.follower.run(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.follower.run(ctx) })
	group.Go(func() error {
		defer d.coverage.end()
		return d.pool.run(ctx)
	})
	return group.Wait()
}

// saveJournal writes the journal of a download that stops before it is complete, with the state of the hash.
func (d *download) saveJournal() {
	info, err := d.file.Stat()
	if err != nil {
		return
	}
	if state, err := d.follower.hash.MarshalBinary(); err == nil {
		d.coverage.saveJournal(journal{Hashed: d.follower.hashed, State: state, ModTime: info.ModTime().UnixNano(), Boot: durable.BootID()})
	}
}

// fetch requests one part and writes the response to the file.
func (d *download) fetch(ctx context.Context, part span) error {
	defer func() { d.coverage.release(part) }()
	ranges := d.pool.hasRanges()
	resp, err := d.requests.send(ctx, part, ranges)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	err = d.requests.repo.CheckBlobAnswer(resp, d.desc, part.From, part.To)
	switch {
	case ranges && (errors.Is(err, blob.ErrWrongRange) || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		return errNoRanges
	case err != nil:
		return err
	case resp.StatusCode == http.StatusOK && (part.From > 0 || part.To < d.desc.Size):
		d.pool.giveUpRanges()
		if !d.coverage.claimAll() {
			return errNoRanges // another worker reads the whole blob
		}
		part = span{0, d.desc.Size}
	}
	return d.save(resp.Body, part)
}

// save writes a body, which has the bytes of part, to the file.
func (d *download) save(body io.Reader, part span) error {
	buf := transport.GetBuffer()
	defer func() { transport.PutBuffer(buf) }()
	for at := part.From; at < part.To; {
		skip := at % pageSize // copying is faster if both offsets within a page are equal
		data := buf[skip:min(int64(len(buf)), skip+part.To-at)]
		n, err := body.Read(data)
		if data = data[:n]; n > 0 {
			if _, err := d.file.WriteAt(data, at); err != nil {
				return err
			}
			if d.inline {
				d.follower.hashNow(data, at)
			} else if d.follower.handOver(buf, data, at) {
				buf = transport.GetBuffer()
			}
			if grown, complete := d.coverage.add(at, at+int64(n)); grown > 0 {
				d.pool.recordProgress(grown, complete)
			}
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

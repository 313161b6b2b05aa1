package read

import (
	"bufio"
	"io"
	"sync/atomic"

	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
)

// stream is a decompressed tar. It tracks its position, and refuses content that exceeds the ratio limit.
type stream struct {
	r    io.Reader
	at   int64
	seek *seeker // set if content can be skipped without reading it
	stop func()

	entries atomic.Int64 // so far; see archive.EntryOverhead
}

const (
	// aheadBuffer times aheadBuffers limits how far decompression is ahead of unpacking: 1 MiB.
	aheadBuffer  = 256 << 10
	aheadBuffers = 4
)

// openStream detects the compression of r. A plain archive in an io.ReadSeeker is read in place: skipped bytes are not
// read.
func openStream(r io.Reader, limits archive.Limits) (*stream, error) {
	if s, ok := r.(io.ReadSeeker); ok {
		plain, err := isPlain(s)
		if err != nil {
			return nil, err
		}
		if plain {
			sk := &seeker{src: s, buf: bufio.NewReaderSize(s, 16<<10)}
			return &stream{r: sk.buf, seek: sk, stop: func() {}}, nil
		}
	}
	d, err := compress.NewReader(r)
	if err != nil {
		return nil, err
	}
	s := new(stream)
	a := newAhead(&bounded{r: d, limits: limits, entries: &s.entries})
	s.r, s.stop = a, func() { a.close(); d.Close() }
	return s, nil
}

// isPlain reports whether s is not compressed. It seeks back to where it began.
func isPlain(s io.ReadSeeker) (bool, error) {
	magic := make([]byte, compress.MagicSize)
	n, err := io.ReadFull(s, magic)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, err
	}
	_, err = s.Seek(int64(-n), io.SeekCurrent)
	return compress.Detect(magic[:n]) == compress.None, err
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.at += int64(n)
	return n, err
}

// readFull fills p. An archive that ends within p is refused; for one that ends before p the error is io.EOF.
func (s *stream) readFull(p []byte) error {
	_, err := io.ReadFull(s, p)
	if err == io.ErrUnexpectedEOF {
		return archive.ErrTruncated
	}
	return err
}

// skip skips n bytes.
func (s *stream) skip(n int64) error {
	if s.seek != nil && n > int64(s.seek.buf.Buffered()) {
		if err := s.seek.seekForward(n - 1); err != nil { // the last byte is read, since it must exist
			return err
		}
		s.at += n - 1
		n = 1
	}
	_, err := io.CopyN(io.Discard, s, n)
	if err == io.EOF {
		return archive.ErrTruncated
	}
	return err
}

// seeker is a plain archive that is read in place.
type seeker struct {
	src io.ReadSeeker
	buf *bufio.Reader
}

func (s *seeker) seekForward(n int64) error {
	_, err := s.src.Seek(n-int64(s.buf.Buffered()), io.SeekCurrent)
	s.buf.Reset(s.src)
	return err
}

// bounded reads decompressed bytes up to the ratio limit.
type bounded struct {
	r       *compress.Reader
	limits  archive.Limits
	entries *atomic.Int64
	n       int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.isExceeded() {
		ratio, _ := b.limits.RatioLimit()
		return 0, archive.RefuseLimit("", "it unpacks to more than %d times its size", ratio)
	}
	return n, err
}

func (b *bounded) isExceeded() bool {
	ratio, from := b.limits.RatioLimit()
	content := b.n - b.entries.Load()*archive.EntryOverhead
	return b.r.Compression() != compress.None && content > from && b.r.InputBytes() < content/ratio
}

// ahead reads in a separate goroutine, so that decompression and unpacking run in parallel.
type ahead struct {
	full chan piece
	free chan []byte
	quit chan struct{}
	done chan struct{}
	cur  piece
	rest []byte
}

type piece struct {
	data []byte
	err  error
}

func newAhead(r io.Reader) *ahead {
	a := &ahead{
		full: make(chan piece), free: make(chan []byte, aheadBuffers),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	for range aheadBuffers {
		a.free <- make([]byte, aheadBuffer)
	}
	go a.run(r)
	return a
}

// run fills buffers until the first error.
func (a *ahead) run(r io.Reader) {
	defer close(a.done)
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.quit:
			return
		}
		n, err := fill(r, buf[:cap(buf)])
		select {
		case a.full <- piece{buf[:n], err}:
		case <-a.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

// fill is io.ReadFull, except that it returns every error unchanged.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var k int
		k, err = r.Read(buf[n:])
		n += k
	}
	return n, err
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.cur.err != nil {
			return 0, a.cur.err
		}
		if a.cur.data != nil {
			a.free <- a.cur.data
		}
		a.cur = <-a.full
		a.rest = a.cur.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// close waits for the goroutine, which may be reading the source.
func (a *ahead) close() {
	close(a.quit)
	<-a.done
}

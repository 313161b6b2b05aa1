package archive

import (
	"bufio"
	"io"
	"sync/atomic"
)

// stream is the bytes of a tar, decompressed. It knows its place, and refuses to grow beyond the ratio.
type stream struct {
	r    io.Reader
	at   int64
	seek *seeker // set when content can be skipped without reading
	stop func()

	entries atomic.Int64 // so far, see entryOverhead
}

const (
	// aheadBuffer and aheadBuffers are what decompression may be ahead of unpacking: 1 MiB.
	aheadBuffer  = 256 << 10
	aheadBuffers = 4
)

// openStream finds out how r is compressed. A plain archive in an io.Seeker is read in place, and what is skipped is not
// read at all.
func openStream(r io.Reader, limits Limits) (*stream, error) {
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
	d, err := newDecoder(r)
	if err != nil {
		return nil, err
	}
	s := new(stream)
	a := newAhead(&bounded{decoder: d, limits: limits, entries: &s.entries})
	s.r, s.stop = a, func() { a.close(); d.Close() }
	return s, nil
}

// isPlain looks at the first bytes and goes back.
func isPlain(s io.ReadSeeker) (bool, error) {
	magic := make([]byte, 4)
	n, err := io.ReadFull(s, magic)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, err
	}
	_, err = s.Seek(int64(-n), io.SeekCurrent)
	return sniff(magic[:n]) == None, err
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.at += int64(n)
	return n, err
}

// full fills p. An archive that ends within is refused; one that ends before is io.EOF.
func (s *stream) full(p []byte) error {
	_, err := io.ReadFull(s, p)
	if err == io.ErrUnexpectedEOF {
		return errCut
	}
	return err
}

// errCut refuses an archive that ends in the middle of something.
var errCut = refuse("", "the archive ends too early")

// skip leaves n bytes out.
func (s *stream) skip(n int64) error {
	if s.seek != nil && n > int64(s.seek.buf.Buffered()) {
		if err := s.seek.forward(n - 1); err != nil { // the last byte must be there
			return err
		}
		s.at += n - 1
		n = 1
	}
	_, err := io.CopyN(io.Discard, s, n)
	if err == io.EOF {
		return errCut
	}
	return err
}

// seeker is a plain archive that is read in place.
type seeker struct {
	src io.ReadSeeker
	buf *bufio.Reader
}

func (s *seeker) forward(n int64) error {
	_, err := s.src.Seek(n-int64(s.buf.Buffered()), io.SeekCurrent)
	s.buf.Reset(s.src)
	return err
}

// bounded is what a decoder gives, until it is too much for what it was given.
type bounded struct {
	decoder *decoder
	limits  Limits
	entries *atomic.Int64
	n       int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.decoder.Read(p)
	b.n += int64(n)
	if b.tooMuch() {
		ratio, _ := b.limits.maxRatio()
		return 0, beyond("", "it unpacks to more than %d times its size", ratio)
	}
	return n, err
}

func (b *bounded) tooMuch() bool {
	ratio, grace := b.limits.maxRatio()
	content := b.n - b.entries.Load()*entryOverhead
	return b.decoder.kind != None && content > grace && b.decoder.src.n < content/ratio
}

// ahead reads on its own goroutine, so that decompression and unpacking go on at the same time.
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

// fill is io.ReadFull that passes on every error as it came.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var k int
		k, err = r.Read(buf[n:])
		n += k
	}
	return n, err
}

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

// close waits for the goroutine, which may be in a read of the source.
func (a *ahead) close() {
	close(a.quit)
	<-a.done
}

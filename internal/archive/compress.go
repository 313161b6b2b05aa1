package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// Compression is how an archive is compressed.
type Compression string

// The compressions that are written and read.
const (
	None Compression = ""
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

// The settings that make the output. They, and the version of the compressor in go.mod, are part of every digest:
// golden tests hold them.
//
// Source code and text take a quarter less CPU time at level 4 than at 5, and 2 to 6 % more bytes; level 3 gains hardly
// more for 1 to 5 % on top. Every block begins by reading the window before it again, a sixteenth of its size; larger
// blocks gained nothing that could be measured, and take more memory.
const (
	gzipLevel = 4
	gzipBlock = 512 << 10
	zstdLevel = zstd.SpeedDefault
	zstdBlock = 1 << 20 // a frame of its own each; smaller ones cost ratio
)

// Settings names all that decides what a compression makes of the same bytes, but for the version of the compressor.
func (c Compression) Settings() string {
	switch c {
	case Gzip:
		return fmt.Sprintf("gzip %d %d", gzipLevel, gzipBlock)
	case Zstd:
		return fmt.Sprintf("zstd %d %d", zstdLevel, zstdBlock)
	}
	return string(c)
}

// gzipWindow is how far back a block of gzip refers.
const gzipWindow = 32 << 10

// gzipHeader has no name, no time, and "unknown" for the system that made it.
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

// maxWorkers bounds the goroutines, and so the memory, of one Compressor.
const maxWorkers = 8

// Compressor compresses in blocks of a fixed size on all cores, so that the output does not depend on how many there
// are. gzip is one member, whose blocks refer back to the one before; zstd is a sequence of independent frames. Any
// decoder reads either.
//
// It takes about 4 MiB for each core, at most 36 MiB, and is made to be used again with Reset.
type Compressor struct {
	kind  Compression
	size  int // of a block
	limit int // of queue
	zstd  *zstd.Encoder

	dst    io.Writer
	cur    *block   // being filled
	queue  []*block // being compressed, in order
	free   []*block // ready for use
	tail   []byte   // the end of the input before cur, for gzip
	crc    uint32   // of the input so far, for gzip
	length uint32   // of the input so far, modulo 2³² as gzip wants it
	begun  bool     // a block was sent
	err    error    // the first one
}

// block is a piece of input on its way.
type block struct {
	in   []byte
	dict []byte // the end of the input before it, for gzip
	out  bytes.Buffer
	last bool
	err  error
	done chan struct{}
	gzip *flate.Writer
}

// NewCompressor returns a compressor that writes to w. It must be closed; w is not.
func NewCompressor(w io.Writer, kind Compression) (*Compressor, error) {
	c := &Compressor{kind: kind, dst: w, limit: min(runtime.GOMAXPROCS(0), maxWorkers) + 1}
	switch kind {
	case None:
	case Gzip:
		c.size = gzipBlock
	case Zstd:
		c.size = zstdBlock
		var err error
		c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstdLevel), zstd.WithWindowSize(zstdBlock),
			zstd.WithEncoderConcurrency(c.limit), zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
		if err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("unknown compression %q", string(kind))
	}
	return c, nil
}

// Reset makes c as good as new, writing to w. What it has not written yet is lost.
func (c *Compressor) Reset(w io.Writer) {
	for _, b := range c.queue {
		<-b.done
		c.free = append(c.free, b)
	}
	if c.cur != nil {
		c.free = append(c.free, c.cur)
	}
	c.dst, c.cur, c.queue, c.tail = w, nil, nil, c.tail[:0]
	c.crc, c.length, c.begun, c.err = 0, 0, false, nil
}

// Write compresses p.
func (c *Compressor) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.kind == None {
		return c.dst.Write(p)
	}
	n := len(p)
	for len(p) > 0 {
		if c.cur == nil {
			c.cur = c.take()
		}
		k := min(len(p), c.size-len(c.cur.in))
		c.cur.in = append(c.cur.in, p[:k]...)
		p = p[k:]
		if len(c.cur.in) == c.size {
			if c.send(); c.err != nil {
				return 0, c.err
			}
		}
	}
	return n, nil
}

// Close writes what is left.
func (c *Compressor) Close() error {
	if c.err != nil || c.kind == None {
		return c.err
	}
	if c.cur == nil && (c.kind == Gzip || !c.begun) {
		c.cur = c.take() // the end of gzip, or something to decode
	}
	if c.cur != nil {
		c.cur.last = true
		c.send()
	}
	for len(c.queue) > 0 {
		c.receive()
	}
	if c.err == nil && c.kind == Gzip {
		trailer := binary.LittleEndian.AppendUint32(nil, c.crc)
		_, c.err = c.dst.Write(binary.LittleEndian.AppendUint32(trailer, c.length))
	}
	if c.err != nil {
		return c.err
	}
	c.err = errClosed
	return nil
}

// errClosed is what a closed compressor says until it is Reset.
var errClosed = errors.New("compressor is closed")

// take gives an empty block.
func (c *Compressor) take() *block {
	if n := len(c.free); n > 0 {
		b := c.free[n-1]
		c.free = c.free[:n-1]
		b.in, b.last, b.err = b.in[:0], false, nil
		b.out.Reset()
		return b
	}
	return &block{in: make([]byte, 0, c.size), done: make(chan struct{}, 1)}
}

// send lets the current block be compressed, and waits for the oldest one when there are enough at work.
func (c *Compressor) send() {
	b := c.cur
	c.cur = nil
	if c.kind == Gzip {
		b.dict = append(b.dict[:0], c.tail...)
		c.tail = append(c.tail[:0], b.in[max(0, len(b.in)-gzipWindow):]...)
		c.crc = crc32.Update(c.crc, crc32.IEEETable, b.in)
		c.length += uint32(len(b.in))
	}
	if !c.begun && c.kind == Gzip {
		b.out.Write(gzipHeader)
	}
	c.begun = true
	c.queue = append(c.queue, b)
	go func() {
		b.err = c.encode(b)
		b.done <- struct{}{}
	}()
	if len(c.queue) >= c.limit {
		c.receive()
	}
}

// receive writes the oldest block.
func (c *Compressor) receive() {
	b := c.queue[0]
	c.queue = append(c.queue[:0], c.queue[1:]...)
	<-b.done
	if c.err == nil {
		c.err = b.err
	}
	if c.err == nil {
		_, c.err = c.dst.Write(b.out.Bytes())
	}
	c.free = append(c.free, b)
}

// encode appends the compressed input to b.out.
func (c *Compressor) encode(b *block) error {
	if c.kind == Zstd {
		b.out.Grow(c.zstd.MaxEncodedSize(len(b.in)))
		b.out.Write(c.zstd.EncodeAll(b.in, b.out.AvailableBuffer()))
		return nil
	}
	if b.gzip == nil {
		w, err := flate.NewWriter(nil, gzipLevel)
		if err != nil {
			return err
		}
		b.gzip = w
	}
	b.gzip.ResetDict(&b.out, b.dict)
	if _, err := b.gzip.Write(b.in); err != nil {
		return err
	}
	if b.last {
		return b.gzip.Close()
	}
	return b.gzip.Flush()
}

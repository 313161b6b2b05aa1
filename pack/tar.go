package pack

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxSpool is the size of files up to which a tar is made into a temporary file, so that its digest is known before it
// is sent: a part of a directory that did not change is then not sent at all. A larger one is sent while it is made.
const maxSpool = 64 << 20

// tars is how many tars are made at once: each keeps all cores busy, a second one fills the pauses of the first.
const tars = 2

// workshop is what the tars of one artifact share.
type workshop struct {
	trees *treeCache
	slots chan struct{}
	mu    sync.Mutex
	idle  map[compress.Compression][]*compress.Writer
}

func newWorkshop(trees *treeCache) *workshop {
	return &workshop{
		trees: trees, slots: make(chan struct{}, tars),
		idle: make(map[compress.Compression][]*compress.Writer),
	}
}

// compressor gives one that writes to w; they take long to make and much memory.
func (s *workshop) compressor(w io.Writer, kind compress.Compression) (*compress.Writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.idle[kind]
	if len(idle) == 0 {
		return compress.NewWriter(w, kind)
	}
	c := idle[len(idle)-1]
	s.idle[kind] = idle[:len(idle)-1]
	c.Reset(w)
	return c, nil
}

func (s *workshop) giveBack(c *compress.Writer, kind compress.Compression) {
	c.Reset(io.Discard)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle[kind] = append(s.idle[kind], c)
}

// source is a tar whose entries are packed anew.
type source interface {
	Open(ctx context.Context, offset int64) (io.ReadCloser, error)
	Check() error
}

// tarOrigin is a directory, or a part of one, as a tar. It is made anew each time it is opened, with the same bytes,
// unless it lies in the spool.
type tarOrigin struct {
	tree    write.Tree
	entries []write.Entry
	from    source // nil, or the tar whose entries are packed; tree and entries are then about this file
	packing mediatypes.Packing
	shop    *workshop
	print   fingerprint

	mu     sync.Mutex
	diffID digest.Digest // known when the tar was made once
	spool  *os.File      // nil: none
	size   int64         // of the spool
}

// check fails for a tar that changed. Of a tree, whoever writes the tar compares each file with what was walked.
func (o *tarOrigin) Check() error {
	if o.from != nil {
		return o.from.Check()
	}
	return nil
}

func (o *tarOrigin) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if o.spool != nil {
		return io.NopCloser(io.NewSectionReader(o.spool, offset, o.size-offset)), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	stream := &tarStream{PipeReader: r, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(stream.done)
		w.CloseWithError(o.make(ctx, w))
	}()
	if err := skip(onlyReader{stream}, offset); err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}

type onlyReader struct{ io.Reader }

// pack walks a directory and makes a tar of it, or of each of the groups that it is split into.
func (s *workshop) pack(ctx context.Context, fsys fs.FS, layer artifact.Layer, modTime time.Time) ([]*tarOrigin, error) {
	// Some readers create no directories on their own: those of the prefix are entries, like those below it.
	below := layer.Prefix != "" && layer.Prefix != "./"
	tree := write.Tree{
		FS: fsys, Dir: layer.Path, Files: layer.Files, Exclude: layer.Exclude,
		Prefix: layer.Prefix, Root: layer.Preserve || below, Preserve: layer.Preserve, Layer: layer.Image, ModTime: modTime,
	}
	if !layer.Dir && layer.Files == nil { // a single file, as a tar
		tree.Dir, tree.Files = path.Dir(layer.Path), []string{layer.Path}
	}
	entries, err := tree.Walk(ctx)
	if err != nil {
		return nil, ofArchive(err)
	}
	groups := [][]write.Entry{entries}
	if layer.Split {
		groups = tree.Split(entries)
	}
	printer := newPrinter(tree, layer.Packing, entries)
	tars := make([]*tarOrigin, len(groups))
	for i, group := range groups {
		tars[i] = &tarOrigin{tree: tree, entries: group, packing: layer.Packing, shop: s, print: printer.print(group)}
	}
	return tars, nil
}

// repack makes a tar of the entries of another one, which is the file of the layer.
func (s *workshop) repack(ctx context.Context, fsys fs.FS, layer artifact.Layer, from source) (*tarOrigin, error) {
	tree := write.Tree{FS: fsys, Dir: path.Dir(layer.Path), Files: []string{layer.Path}, Prefix: layer.Prefix, Layer: layer.Image}
	entries, err := tree.Walk(ctx)
	if err != nil {
		return nil, ofArchive(err)
	}
	printer := newPrinter(tree, layer.Packing, entries)
	printer.head = append(printer.head, "what is in it\n"...)
	return &tarOrigin{
		tree: tree, entries: entries, from: from, packing: layer.Packing, shop: s, print: printer.print(entries),
	}, nil
}

// known looks up what the tar was when it was last made.
func (o *tarOrigin) known() (treeRecord, bool) { return o.shop.trees.lookup(o.print) }

// remember stores what the tar turned out to be.
func (o *tarOrigin) remember(r treeRecord) { o.shop.trees.store(o.print, r) }

// tarStream is a tar that is being made while it is read.
type tarStream struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   chan struct{}
}

// Close ends the making and waits for it.
func (s *tarStream) Close() error {
	s.cancel()
	err := s.PipeReader.Close()
	<-s.done
	return err
}

// make writes the packed tar.
func (o *tarOrigin) make(ctx context.Context, w io.Writer) error {
	select {
	case o.shop.slots <- struct{}{}:
		defer func() { <-o.shop.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	kind := compression(o.packing)
	c, err := o.shop.compressor(w, kind)
	if err != nil {
		return err
	}
	defer o.shop.giveBack(c, kind)
	plain := sha256.New()
	if err := o.write(ctx, io.MultiWriter(c, plain)); err != nil {
		return ofArchive(err)
	}
	if err := c.Close(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.diffID = digest.NewDigest(digest.SHA256, plain)
	return nil
}

// write writes the plain tar.
func (o *tarOrigin) write(ctx context.Context, w io.Writer) error {
	if o.from == nil {
		return o.tree.Write(ctx, w, o.entries)
	}
	open := func() (io.ReadCloser, error) { return o.from.Open(ctx, 0) }
	return write.Rewrite(ctx, w, []func() (io.ReadCloser, error){open}, write.RewriteOptions{
		Options: read.Options{Limits: archive.Limits{Exact: true}}, Prefix: o.tree.Prefix, Layer: o.tree.Layer,
	})
}

// made is the digest of the uncompressed tar; known where it was not made this time.
func (o *tarOrigin) made(known digest.Digest) digest.Digest {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.diffID == "" {
		return known
	}
	return o.diffID
}

func compression(p mediatypes.Packing) compress.Compression {
	switch p {
	case mediatypes.TarGzip:
		return compress.Gzip
	case mediatypes.TarZstd:
		return compress.Zstd
	}
	return compress.None
}

// small tells whether the tar is made into the spool.
func (o *tarOrigin) small() bool {
	var total int64
	for i := range o.entries {
		if total += o.entries[i].Size; total > maxSpool {
			return false
		}
	}
	return true
}

// fill makes the tar into the spool, and gives its digest and size.
func (o *tarOrigin) fill(ctx context.Context) (ocispec.Descriptor, error) {
	f, err := os.CreateTemp("", "davit-*")
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	os.Remove(f.Name()) // the open file is enough, and nothing is left of a process that is killed; empty tries to otherwise
	hash := digest.Canonical.Digester()
	counted := &countingWriter{w: io.MultiWriter(f, hash.Hash())}
	if err := o.make(ctx, counted); err != nil {
		f.Close()
		os.Remove(f.Name())
		return ocispec.Descriptor{}, err
	}
	o.spool, o.size = f, counted.n
	return ocispec.Descriptor{Digest: hash.Digest(), Size: counted.n}, nil
}

// empty gives the spool's disk space back.
func (o *tarOrigin) empty() {
	if o.spool != nil {
		o.spool.Close()
		os.Remove(o.spool.Name())
		o.spool = nil
	}
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.n += int64(n)
	return n, err
}

// ofArchive turns refusals of the archive package into those that callers know.
func ofArchive(err error) error {
	switch {
	case errors.Is(err, archive.ErrChanged):
		return fault.As(err, artifact.ErrChanged)
	case errors.Is(err, archive.ErrUnsafe):
		return fault.As(err, artifact.ErrInvalid)
	}
	return err
}

// fingerprint stands for the bytes of a tar, by what the file system says about its files. The zero value stands for
// nothing: files that were changed a moment ago can change again without a trace.
type fingerprint [sha256.Size]byte

// tarFormat changes when the same files give other bytes than in an earlier version, for another reason than other
// settings of the compression.
const tarFormat = "davit tar 1"

// settled is how old a change must be before the times of a file tell the next one from it.
const settled = 2 * time.Second

// printer makes fingerprints of the groups of one tree.
type printer struct {
	head  []byte
	since int64            // changes after it are too young
	dirs  map[string]int64 // times of change of the directories, which are in every archive of a tree with Preserve
}

func newPrinter(tree write.Tree, packing mediatypes.Packing, entries []write.Entry) *printer {
	p := &printer{since: time.Now().Add(-settled).UnixNano()}
	p.head = fmt.Appendf(nil, "%s\n%s\n%s %q %v %v %v %d\n", tarFormat, compression(packing).Settings(),
		packing, tree.Prefix, tree.Root, tree.Bare, tree.Preserve, tree.ModTime.Unix())
	if tree.Preserve {
		p.dirs = make(map[string]int64)
		for i := range entries {
			if e := &entries[i]; e.Mode.IsDir() {
				p.dirs[e.Name] = e.CTime
			}
		}
	}
	return p
}

// print makes the fingerprint of a group.
func (p *printer) print(group []write.Entry) fingerprint {
	h := sha256.New()
	h.Write(p.head)
	seen := make(map[string]bool)
	for i := range group {
		e := &group[i]
		if e.CTime == 0 || e.CTime > p.since || e.ModTime > p.since {
			return fingerprint{}
		}
		writeEntry(h, e)
		for dir := path.Dir(e.Name); p.dirs != nil && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			if p.dirs[dir] > p.since {
				return fingerprint{}
			}
			writeStrings(h, dir)
			writeNumbers(h, p.dirs[dir])
		}
	}
	return fingerprint(h.Sum(nil))
}

func writeEntry(h hash.Hash, e *write.Entry) {
	writeStrings(h, e.Name, e.Link)
	if e.Mode.IsDir() { // its times change with its files, and are not in the archive without Preserve
		writeNumbers(h, int64(e.Mode.Type()))
		return
	}
	writeNumbers(h, int64(e.Mode), e.Size, e.ModTime, e.CTime, int64(e.Ino))
}

func writeStrings(h hash.Hash, values ...string) {
	for _, s := range values {
		writeNumbers(h, int64(len(s)))
		io.WriteString(h, s)
	}
}

func writeNumbers(h hash.Hash, values ...int64) {
	var buf [8]byte
	for _, n := range values {
		binary.LittleEndian.PutUint64(buf[:], uint64(n))
		h.Write(buf[:])
	}
}

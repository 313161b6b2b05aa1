package tar

import (
	"context"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/davit-oci/davit/internal/tree"
)

// maxTars is the maximum number of tars that are created at once. Each keeps all cores busy; a second one fills the pauses of
// the first.
const maxTars = 2

// A Pool holds the compressors and the cache that the tars of an artifact share.
type Pool struct {
	Trees *Cache
	slots chan struct{}
	mu    sync.Mutex
	idle  map[compress.Compression][]*compress.Writer
	// minAge is the age that a change must have so that the next change is certain to change the file times.
	minAge time.Duration
}

// NewPool returns a pool without compressors; they are created when needed.
func NewPool(trees *Cache) *Pool {
	return &Pool{
		Trees: trees, slots: make(chan struct{}, maxTars),
		idle: make(map[compress.Compression][]*compress.Writer), minAge: defaultMinAge,
	}
}

// takeCompressor returns an idle compressor, or a new one. Compressors are reused because they are slow to create and use
// much memory.
func (s *Pool) takeCompressor(w io.Writer, kind compress.Compression) (*compress.Writer, error) {
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

func (s *Pool) putCompressor(c *compress.Writer, kind compress.Compression) {
	c.Reset(io.Discard)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle[kind] = append(s.idle[kind], c)
}

// Pack walks a directory and returns a tar of it, or one tar for each group if the layer is split.
func (s *Pool) Pack(ctx context.Context, fsys fs.FS, layer artifact.Layer, modTime time.Time) ([]*Origin, error) {
	if layer.Follow || layer.Replaced != nil {
		fsys = tree.Contents(fsys, layer.Replaced)
	}
	// Some clients do not create parent directories, so those of the prefix are entries too.
	below := layer.Prefix != "" && layer.Prefix != "./"
	files := write.Tree{
		FS: fsys, Dir: layer.Path, Files: layer.Files, Exclude: layer.Exclude,
		Prefix: layer.Prefix, Root: layer.Preserve || below, Preserve: layer.Preserve, Layer: layer.Image, ModTime: modTime,
	}
	if !layer.Dir && layer.Files == nil { // a single file, as a tar
		files.Dir, files.Files = path.Dir(layer.Path), []string{layer.Path}
	}
	entries, err := files.Walk(ctx)
	if err != nil {
		return nil, convertError(err)
	}
	fp := s.newFingerprinter(files, layer.Packing, entries) // before Split, which reuses the memory of entries
	groups := [][]write.Entry{entries}
	if layer.Split {
		groups = files.Split(entries)
	}
	tars := make([]*Origin, len(groups))
	for i, group := range groups {
		tars[i] = &Origin{tree: files, entries: group, packing: layer.Packing, pool: s, print: fp.sum(group)}
	}
	return tars, nil
}

// Repack returns a tar with the entries of another tar, which is the file of the layer.
func (s *Pool) Repack(ctx context.Context, fsys fs.FS, layer artifact.Layer, from source) (*Origin, error) {
	tree := write.Tree{FS: fsys, Dir: path.Dir(layer.Path), Files: []string{layer.Path}, Prefix: layer.Prefix, Layer: layer.Image}
	entries, err := tree.Walk(ctx)
	if err != nil {
		return nil, convertError(err)
	}
	fp := s.newFingerprinter(tree, layer.Packing, entries)
	fp.head = append(fp.head, "entries of a tar\n"...)
	return &Origin{
		tree: tree, entries: entries, from: from, packing: layer.Packing, pool: s, print: fp.sum(entries),
	}, nil
}

package pull

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/compress"
	"github.com/davit-oci/davit/internal/archive/extract"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/pull/place"
	"github.com/davit-oci/davit/pull/record"
	"github.com/opencontainers/go-digest"
)

// errEntangled: a layer touches files of another one that was not fetched, because the last pull placed it.
var errEntangled = errors.New("layers depend on each other")

// way is how the entries of a tar get their places. Layers that go one way are unpacked by one extract.Extractor, which
// knows when two of them have the same file.
type way struct {
	within string
	strip  string
	image  bool
}

// trees unpacks the tar layers of an artifact into the stage.
type trees struct {
	p          *puller
	root       *os.Root // of the files in the stage
	extractors map[way]*extract.Extractor

	item *fetch.Item // that is being unpacked

	mu     sync.Mutex // the callbacks of an Extractor come from several goroutines
	placed int64      // entries, directories included
	size   int64
	seed   maphash.Seed
	owner  map[uint64]int32 // layer of each file of an image, by the hash of its path
	failed error            // found out in a callback
}

func newTrees(p *puller) (*trees, error) {
	root, err := p.stage.Root.OpenRoot(place.StageFiles)
	if err != nil {
		return nil, err
	}
	return &trees{
		p: p, root: root, extractors: make(map[way]*extract.Extractor), seed: maphash.MakeSeed(), owner: make(map[uint64]int32),
	}, nil
}

// unpack puts the files of a blob into the stage.
func (t *trees) unpack(ctx context.Context, it *fetch.Item, blob io.Reader) error {
	t.item = it
	if err := t.extractor(it).Extract(ctx, blob); err != nil {
		return t.cause(err)
	}
	return t.failed
}

// cause is what a callback found out, or the refusal of the archive as callers know it.
func (t *trees) cause(err error) error {
	switch {
	case t.failed != nil:
		return t.failed
	case errors.Is(err, archive.ErrUnsafe):
		return artifact.Refused("", "%w", err)
	}
	return err
}

func (t *trees) extractor(it *fetch.Item) *extract.Extractor {
	w := way{it.Within, it.Strip, it.Image}
	if x, ok := t.extractors[w]; ok {
		return x
	}
	limits := t.p.opts.Limits.archive()
	x := extract.New(t.root, extract.Options{
		Options: read.Options{
			Limits: limits,
			Image:  it.Image,
			Within: it.Within,
		},
		Place:        func(name string) (string, error) { return t.place(w, name) },
		Preserve:     t.p.preserve,
		Unprivileged: !t.p.opts.Preserve,
		Digests:      t.p.opts.MaxListed == 0,
		Placed:       t.note,
	})
	t.extractors[w] = x
	return x
}

// place is where an entry goes, or that it is left out.
func (t *trees) place(w way, name string) (string, error) {
	name, err := stripped(w.strip, name)
	if err != nil {
		return "", err
	}
	base := path.Base(name)
	whiteout := w.image && strings.HasPrefix(base, ".wh.")
	if whiteout {
		if err := t.entangle(); err != nil {
			return "", err
		}
	}
	if strings.HasPrefix(name, fetch.StagePrefix) {
		return "", artifact.Refused(name, "a name that is reserved for what is being pulled")
	}
	if !whiteout && !t.p.matcher.Match(name) {
		return "", archive.ErrSkip
	}
	return name, nil
}

// entangle takes down that layers depend on each other, which fails a pull that left one out.
func (t *trees) entangle() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p.next.Entangled = true
	if t.p.partial {
		t.failed = errEntangled
	}
	return t.failed
}

// note takes down an entry that was unpacked.
func (t *trees) note(e extract.Placed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(e)
	if e.Mode.IsDir() {
		if t.p.hasDirs = true; t.p.preserve || t.p.opts.Delete {
			t.p.dirEntries[e.Name] = true
		}
		return
	}
	if _, ok := t.p.carried.Find(e.Name); ok {
		t.failed = errEntangled
	}
	f := record.Placed{Path: e.Name, Size: e.Size, Mode: e.Mode, Layer: t.item.Index}
	if e.Mode.Type() == fs.ModeSymlink {
		f.Link = e.Link
	}
	if e.Digest != [32]byte{} {
		f.Digest = digest.NewDigestFromBytes(digest.SHA256, e.Digest[:])
	}
	if t.item.Image {
		key := maphash.String(t.seed, e.Name)
		if _, ok := t.owner[key]; ok {
			t.p.next.Entangled = true
		}
		t.owner[key] = int32(t.item.Index)
	}
	t.p.next.Files.Add(f)
}

// count holds the limits for all layers together; an Extractor holds them for each.
func (t *trees) count(e extract.Placed) {
	t.placed++
	if e.Mode.IsRegular() && e.Link == "" {
		t.size += e.Size
	}
	files, size := cmp.Or(t.p.opts.Limits.MaxFiles, archive.DefaultMaxFiles), cmp.Or(t.p.opts.Limits.MaxSize, archive.DefaultMaxSize)
	switch {
	case files > 0 && t.placed > files:
		t.failed = tooMuch(e.Name, "the artifact has more than %d files", files)
	case size > 0 && t.size > size:
		t.failed = tooMuch(e.Name, "the artifact unpacks to more than %d bytes", size)
	}
}

func tooMuch(name, format string, limit int64) error {
	return artifact.Refused("", "%w", &archive.UnsafeError{Name: name, Reason: fmt.Sprintf(format, limit), Limit: true})
}

// lockDirs gives the directories, in the place they were moved to, modes that forbid their owners something.
func (t *trees) lockDirs(dst *os.Root) error {
	for _, x := range t.extractors {
		if err := x.LockDirs(dst); err != nil {
			return err
		}
	}
	return nil
}

// close gives directories the rest of their metadata. Of an image it also finds out which files the layers left in the end.
func (t *trees) close() error {
	for _, x := range t.extractors {
		if err := x.CheckLinks(); err != nil {
			return t.cause(err)
		}
		if err := x.FinishDirs(); err != nil {
			return t.cause(err)
		}
	}
	if !t.p.next.Entangled {
		return nil
	}
	t.p.next.Files.Retain(func(f record.Placed) bool {
		layer, ok := t.owner[maphash.String(t.seed, f.Path)]
		if !ok {
			return true
		}
		_, err := t.root.Lstat(f.Path)
		return int(layer) == f.Layer && err == nil
	})
	return nil
}

// isTarFile tells whether a blob that should be a tar by its role is one: some kinds put files of another form under the
// same media type, and those are placed as they are.
func isTarFile(root *os.Root, name string) (bool, error) {
	f, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r, err := compress.NewReader(f)
	if err != nil {
		if errors.Is(err, archive.ErrUnsafe) {
			return false, nil
		}
		return false, fmt.Errorf("reading it: %w", err)
	}
	defer r.Close()
	_, err = tar.NewReader(r).Next()
	return err == nil, nil
}

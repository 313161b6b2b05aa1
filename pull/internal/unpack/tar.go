package unpack

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
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
)

// ErrEntangled means that a layer depends on files of another one, which an earlier pull placed and this one does not fetch.
var ErrEntangled = errors.New("layers depend on each other")

// ownedByDir is the owner of a path that was a file in one layer of an image, and is a directory in an upper one.
const ownedByDir = -1

// A route determines the names of the entries of a tar. Layers with the same route are unpacked by one extract.Extractor, which
// detects when two of them have the same file.
type route struct {
	within string
	strip  string
	image  bool
}

// trees unpacks the tar layers of an artifact into the stage.
type trees struct {
	opts       Options
	root       *os.Root      // of the files in the stage
	files      *record.Table // gets a row for each file
	extractors map[route]*extract.Extractor

	item *fetch.Item // the item being unpacked

	mu        sync.Mutex // the callbacks of an Extractor come from several goroutines
	entangled bool
	dirs      map[string]bool // directories that have entries
	total     totals
	lastDir   string
	seed      maphash.Seed
	owner     map[uint64]int32 // layer of each file of an image, plus one, by the hash of its path
	failed    error            // of a callback
}

// totals counts the unpacked content that is limited.
type totals struct {
	entries int64 // directories included
	size    int64 // bytes of files
	names   int64 // bytes of paths
	steps   int64 // estimated steps to look up deep paths
}

func newTrees(stage *place.Stage, files *record.Table, opts Options) (*trees, error) {
	root, err := stage.Root.OpenRoot(place.StageFiles)
	if err != nil {
		return nil, err
	}
	return &trees{
		opts: opts, root: root, files: files, extractors: make(map[route]*extract.Extractor), dirs: make(map[string]bool),
		seed: maphash.MakeSeed(), owner: make(map[uint64]int32),
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

// cause returns the error of a callback if there was one, and marks errors of unsafe archives as refusals.
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
	w := route{it.Within, it.Strip, it.Image}
	if x, ok := t.extractors[w]; ok {
		return x
	}
	x := extract.New(t.root, extract.Options{
		Options: read.Options{
			Limits:   t.opts.Limits,
			Image:    it.Image,
			Rooted:   it.Rooted,
			Verbatim: it.Image && t.opts.Owners, // the user requested the original mode
			Within:   it.Within,
		},
		Place:        func(name string) (string, error) { return t.place(w, name) },
		Preserve:     t.opts.Preserve,
		Unprivileged: !t.opts.Owners,
		Digests:      t.opts.Digests,
		Placed:       t.recordEntry,
	})
	t.extractors[w] = x
	return x
}

// place returns the name of an entry in the stage. It returns archive.ErrSkip for an entry that is left out.
func (t *trees) place(w route, name string) (string, error) {
	name, err := stripPrefix(w.strip, name)
	if err != nil {
		return "", err
	}
	base := path.Base(name)
	whiteout := w.image && strings.HasPrefix(base, ".wh.")
	if whiteout {
		if err := t.recordEntangled(); err != nil {
			return "", err
		}
	}
	if strings.HasPrefix(name, fetch.StagePrefix) {
		return "", artifact.Refused(name, "names that begin with %s are reserved for unfinished pulls", fetch.StagePrefix)
	}
	if !whiteout && !t.opts.Matcher.Match(name) {
		return "", archive.ErrSkip
	}
	return name, nil
}

// recordEntangled records that layers depend on each other, which is an error if one of them is not fetched.
func (t *trees) recordEntangled() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entangled = true
	if t.opts.Partial {
		t.failed = ErrEntangled
	}
	return t.failed
}

// recordEntry records an entry that was unpacked.
func (t *trees) recordEntry(e extract.Placed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(e)
	if _, ok := t.opts.Carried.Find(e.Name); ok {
		t.failed = ErrEntangled
	}
	if e.Mode.IsDir() {
		t.dirs[e.Name] = true
		if key := maphash.String(t.seed, e.Name); t.item.Image && t.owner[key] > 0 {
			t.entangled, t.owner[key] = true, ownedByDir
		}
		return
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
		if t.owner[key] != 0 || t.dirs[e.Name] {
			t.entangled = true
			delete(t.dirs, e.Name)
		}
		t.owner[key] = int32(t.item.Index) + 1
	}
	t.files.Add(f)
}

// count enforces the limits for all layers together; an Extractor enforces them for each.
func (t *trees) count(e extract.Placed) {
	t.total.entries++
	if e.Mode.IsRegular() && e.Link == "" {
		t.total.size += e.Size
	}
	if dir := path.Dir(e.Name); dir == t.lastDir {
		t.total.names += int64(len(e.Name) - len(dir) + len(e.Link))
	} else {
		t.total.names += int64(len(e.Name) + len(e.Link))
		t.lastDir = dir
		if levels := int64(strings.Count(e.Name, "/")); levels > deep {
			t.total.steps += levels * levels
		}
	}
	files, size := cmp.Or(t.opts.Limits.MaxFiles, archive.DefaultMaxFiles), cmp.Or(t.opts.Limits.MaxSize, archive.DefaultMaxSize)
	switch {
	case files > 0 && t.total.entries > files:
		t.failed = limitError(e.Name, "the artifact has more than %d files", files)
	case files > 0 && t.total.names > files*namePerFile:
		t.failed = limitError(e.Name, "the paths of the artifact take more than %d bytes", files*namePerFile)
	case files > 0 && t.total.steps > maxSteps:
		t.failed = artifact.Refused("", "%w", &archive.UnsafeError{Name: e.Name, Reason: "too many deep paths in the artifact"})
	case size > 0 && t.total.size > size:
		t.failed = limitError(e.Name, "the artifact unpacks to more than %d bytes", size)
	}
}

// namePerFile limits the average length of a path, in bytes. All paths are held in memory: 64 MB for the default number of
// files. The directory of consecutive files is counted once.
const namePerFile = 32

// Making a directory of n levels takes n² steps, since each level is looked up from the root of the destination. Directories of up to
// deep levels are not counted. All deeper ones may take maxSteps together: enough for 600 of 40 levels, or 15 of 256.
const (
	deep     = 32
	maxSteps = 1_000_000
)

func limitError(name, format string, limit int64) error {
	return artifact.Refused("", "%w", &archive.UnsafeError{Name: name, Reason: fmt.Sprintf(format, limit), Limit: true})
}

// lockDirs sets the modes that restrict the owners of directories, once the directories are in dst.
func (t *trees) lockDirs(dst *os.Root) error {
	for _, x := range t.extractors {
		if err := x.LockDirs(dst); err != nil {
			return err
		}
	}
	return nil
}

// close checks the links, and sets the remaining metadata of directories. If layers replaced each other's files, it removes
// the rows of the replaced files.
func (t *trees) close(ctx context.Context) error {
	budget := archive.NewLinkBudget()
	for _, x := range t.extractors {
		if err := x.CheckLinks(ctx, budget); err != nil {
			return t.cause(err)
		}
		if err := x.FinishDirs(); err != nil {
			return t.cause(err)
		}
	}
	if !t.entangled {
		return nil
	}
	t.files.Retain(func(f record.Placed) bool {
		layer, ok := t.owner[maphash.String(t.seed, f.Path)]
		if !ok {
			return true
		}
		_, err := t.root.Lstat(f.Path)
		return int(layer) == f.Layer+1 && err == nil
	})
	return nil
}

// isTarFile reports whether a blob with the role of a tar is a tar: some kinds use the same media type for files of another
// format, which are placed unchanged.
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
		return false, err
	}
	defer r.Close()
	_, err = tar.NewReader(r).Next()
	return err == nil, nil
}

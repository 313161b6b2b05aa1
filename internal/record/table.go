package record

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/davit-oci/davit/internal/fileid"
	"github.com/opencontainers/go-digest"
)

const (
	// tableChunk is the number of files in one chunk of memory. Chunks never move, so that a growing table does not copy a
	// million files.
	tableChunk = 4096
	// nameChunk is the number of bytes of names in one chunk.
	nameChunk = 64 << 10
)

// Table is a list of files that takes about 70 bytes for each file, plus its name in its directory. The path of a directory
// is stored once.
type Table struct {
	chunks  [][]row
	n       int
	dirs    []string          // paths with a slash at the end, or "" for the files that are in no directory
	numbers map[string]uint32 // index in dirs, by path
	names   [][]byte          // chunks of names and targets of links
	digests [][32]byte        // SHA-256
	others  []digest.Digest   // digests other than SHA-256
}

// row is a file in a table.
type row struct {
	Size, modTime    int64
	inode            uint64
	changed          int64
	dir              uint32 // index in dirs
	chunk, offset    uint32 // position in names of the name, followed by the target of a link
	nameLen, linkLen uint16
	mode             fs.FileMode
	uid, gid         uint32
	Layer            int32
	digest           int32 // 0: no digest; n: digests[n-1]; -n: others[n-1]
}

// Len returns the number of files. A nil table is empty.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return t.n
}

// Row returns a pointer to the row at index i, so that its caller can change the table.
func (t *Table) Row(i int) *row { return &t.chunks[i/tableChunk][i%tableChunk] }

// Add appends a file. It truncates paths and links of 64 KiB or more, which no file system supports.
func (t *Table) Add(f Placed) {
	if t.n%tableChunk == 0 && t.n/tableChunk == len(t.chunks) {
		t.chunks = append(t.chunks, make([]row, tableChunk))
	}
	f.Path, f.Link = f.Path[:min(len(f.Path), 1<<16-1)], f.Link[:min(len(f.Link), 1<<16-1)]
	dir, name := path.Split(f.Path)
	r := row{
		Size: f.Size, modTime: f.ModTime, inode: f.Inode, changed: f.Changed, mode: f.Mode, uid: uint32(f.UID), gid: uint32(f.GID),
		Layer: int32(f.Layer), nameLen: uint16(len(name)), linkLen: uint16(len(f.Link)), digest: t.addDigest(f.Digest),
	}
	r.dir = t.addDir(dir)
	r.chunk, r.offset = t.addName(name, f.Link)
	t.n++
	*t.Row(t.n - 1) = r
}

// addDir returns the index of a directory in dirs, which it extends if necessary.
func (t *Table) addDir(dir string) uint32 {
	if t.n > 0 {
		if last := t.Row(t.n - 1).dir; t.dirs[last] == dir {
			return last
		}
	}
	n, ok := t.numbers[dir]
	if !ok {
		if t.numbers == nil {
			t.numbers = make(map[string]uint32)
		}
		n = uint32(len(t.dirs))
		dir = strings.Clone(dir)
		t.dirs, t.numbers[dir] = append(t.dirs, dir), n
	}
	return n
}

// addName stores a name and the target of a link, and returns their position in names.
func (t *Table) addName(name, link string) (chunk, offset uint32) {
	last := len(t.names) - 1
	if last < 0 || len(t.names[last])+len(name)+len(link) > cap(t.names[last]) {
		t.names = append(t.names, make([]byte, 0, max(nameChunk, len(name)+len(link))))
		last++
	}
	offset = uint32(len(t.names[last]))
	t.names[last] = append(append(t.names[last], name...), link...)
	return uint32(last), offset
}

// addDigest stores a digest and returns the value for row.digest.
func (t *Table) addDigest(d digest.Digest) int32 {
	if d == "" {
		return 0
	}
	if sum, ok := sha256Sum(d); ok {
		t.digests = append(t.digests, sum)
		return int32(len(t.digests))
	}
	t.others = append(t.others, d)
	return -int32(len(t.others))
}

// name returns the last element of a file's path.
func (t *Table) name(r *row) []byte {
	return t.names[r.chunk][r.offset : r.offset+uint32(r.nameLen)]
}

// At returns the file at an index.
func (t *Table) At(i int) Placed {
	r := t.Row(i)
	f := Placed{
		Path: t.dirs[r.dir] + string(t.name(r)), Size: r.Size, ModTime: r.modTime, Inode: r.inode, Changed: r.changed,
		Mode: r.mode, UID: int(r.uid), GID: int(r.gid), Layer: int(r.Layer),
	}
	if r.linkLen > 0 {
		end := r.offset + uint32(r.nameLen)
		f.Link = string(t.names[r.chunk][end : end+uint32(r.linkLen)])
	}
	switch {
	case r.digest > 0:
		f.Digest = digest.Digest("sha256:" + hex.EncodeToString(t.digests[r.digest-1][:]))
	case r.digest < 0:
		f.Digest = t.others[-r.digest-1]
	}
	return f
}

// Stat sets the metadata of the file at index i. It sets the size too, because hard links in archives have none.
func (t *Table) Stat(i int, info fs.FileInfo) {
	r := t.Row(i)
	uid, gid, _ := Owner(info)
	r.modTime, r.mode, r.uid, r.gid = info.ModTime().UnixNano(), info.Mode(), uint32(uid), uint32(gid)
	id, _ := fileid.Of(info)
	r.inode, r.changed = id.Inode, id.Changed
	if info.Mode().IsRegular() {
		r.Size = info.Size()
	}
}

// Retain removes the files for which keep returns false.
func (t *Table) Retain(keep func(Placed) bool) {
	n := 0
	for i := range t.n {
		if keep(t.At(i)) {
			*t.Row(n) = *t.Row(i)
			n++
		}
	}
	t.n = n
}

// Sort sorts the files by path.
func (t *Table) Sort() {
	if !sort.IsSorted(byPath{t}) {
		sort.Sort(byPath{t})
	}
}

// Find returns the file at a path of a sorted table.
func (t *Table) Find(name string) (Placed, bool) {
	if t.Len() == 0 {
		return Placed{}, false
	}
	i, ok := t.index(name)
	if !ok {
		return Placed{}, false
	}
	return t.At(i), true
}

// index returns the index of a path in a sorted table.
func (t *Table) index(at string) (int, bool) {
	dir, rest := path.Split(at)
	name := []byte(rest)
	i := sort.Search(t.n, func(i int) bool {
		r := t.Row(i)
		return comparePaths(t.dirs[r.dir], t.name(r), dir, name) >= 0
	})
	return i, i < t.n && t.dirs[t.Row(i).dir] == dir && bytes.Equal(t.name(t.Row(i)), name)
}

// comparePaths compares two paths, each split into a directory and a name.
func comparePaths(dirA string, a []byte, dirB string, b []byte) int {
	if len(dirA) > len(dirB) {
		return -comparePaths(dirB, b, dirA, a)
	}
	if c := strings.Compare(dirA, dirB[:len(dirA)]); c != 0 {
		return c
	}
	rest := dirB[len(dirA):]
	n := min(len(a), len(rest))
	if c := strings.Compare(string(a[:n]), rest[:n]); c != 0 {
		return c
	}
	if n < len(rest) {
		return -1 // a ends within a directory of b
	}
	return bytes.Compare(a[n:], b)
}

type byPath struct{ *Table }

func (b byPath) Len() int { return b.n }

func (b byPath) Less(i, j int) bool {
	x, y := b.Row(i), b.Row(j)
	return comparePaths(b.dirs[x.dir], b.name(x), b.dirs[y.dir], b.name(y)) < 0
}

func (b byPath) Swap(i, j int) {
	x, y := b.Row(i), b.Row(j)
	*x, *y = *y, *x
}

// sha256Sum returns the sum in a SHA-256 digest.
func sha256Sum(d digest.Digest) (sum [32]byte, ok bool) {
	encoded, ok := strings.CutPrefix(string(d), "sha256:")
	if !ok || len(encoded) != hex.EncodedLen(len(sum)) || strings.ContainsAny(encoded, "ABCDEF") {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(encoded))
	return sum, err == nil
}

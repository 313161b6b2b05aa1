package pull

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"sort"
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	// tableChunk is how many files are kept in one piece of memory. Chunks never move: a million files are not copied
	// while they come.
	tableChunk = 4096
	// nameChunk is how many bytes of names are kept in one piece.
	nameChunk = 64 << 10
)

// table is a list of files that takes some 50 bytes for each, and its path.
type table struct {
	chunks  [][]row
	n       int
	names   [][]byte
	digests [][32]byte
	others  []digest.Digest // digests that are no SHA-256
}

// row is a file in a table.
type row struct {
	size, modTime    int64
	chunk, offset    uint32 // of the path, which the target of a link follows, in names
	pathLen, linkLen uint16
	mode             fs.FileMode
	uid, gid         uint32
	layer            int32
	digest           int32 // 0: none; n: digests[n-1]; -n: others[n-1]
}

func (t *table) len() int {
	if t == nil {
		return 0
	}
	return t.n
}

func (t *table) row(i int) *row { return &t.chunks[i/tableChunk][i%tableChunk] }

// add appends a file. Paths and links beyond 64 KiB, which no file system has, are cut.
func (t *table) add(f placed) {
	if t.n%tableChunk == 0 && t.n/tableChunk == len(t.chunks) {
		t.chunks = append(t.chunks, make([]row, tableChunk))
	}
	f.Path, f.Link = f.Path[:min(len(f.Path), 1<<16-1)], f.Link[:min(len(f.Link), 1<<16-1)]
	r := row{
		size: f.Size, modTime: f.ModTime, mode: f.Mode, uid: uint32(f.UID), gid: uint32(f.GID), layer: int32(f.Layer),
		pathLen: uint16(len(f.Path)), linkLen: uint16(len(f.Link)), digest: t.addDigest(f.Digest),
	}
	r.chunk, r.offset = t.addName(f.Path, f.Link)
	t.n++
	*t.row(t.n - 1) = r
}

func (t *table) addName(path, link string) (chunk, offset uint32) {
	last := len(t.names) - 1
	if last < 0 || len(t.names[last])+len(path)+len(link) > cap(t.names[last]) {
		t.names = append(t.names, make([]byte, 0, max(nameChunk, len(path)+len(link))))
		last++
	}
	offset = uint32(len(t.names[last]))
	t.names[last] = append(append(t.names[last], path...), link...)
	return uint32(last), offset
}

func (t *table) addDigest(d digest.Digest) int32 {
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

func (t *table) path(r *row) []byte {
	return t.names[r.chunk][r.offset : r.offset+uint32(r.pathLen)]
}

// at gives a file.
func (t *table) at(i int) placed {
	r := t.row(i)
	f := placed{
		Path: string(t.path(r)), Size: r.size, ModTime: r.modTime, Mode: r.mode, UID: int(r.uid), GID: int(r.gid),
		Layer: int(r.layer),
	}
	if r.linkLen > 0 {
		end := r.offset + uint32(r.pathLen)
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

// stat takes down what the file system says of a file. In archives, hard links have no size.
func (t *table) stat(i int, info fs.FileInfo) {
	r := t.row(i)
	uid, gid, _ := owner(info)
	r.modTime, r.mode, r.uid, r.gid = info.ModTime().UnixNano(), info.Mode(), uint32(uid), uint32(gid)
	if info.Mode().IsRegular() {
		r.size = info.Size()
	}
}

// retain removes the files that keep does not want.
func (t *table) retain(keep func(placed) bool) {
	n := 0
	for i := range t.n {
		if keep(t.at(i)) {
			*t.row(n) = *t.row(i)
			n++
		}
	}
	t.n = n
}

// sort puts the files in the order of their paths.
func (t *table) sort() {
	if !sort.IsSorted(byPath{t}) {
		sort.Sort(byPath{t})
	}
}

// find looks a path up in a sorted table.
func (t *table) find(path string) (placed, bool) {
	if t.len() == 0 {
		return placed{}, false
	}
	key := []byte(path)
	i := sort.Search(t.n, func(i int) bool { return bytes.Compare(t.path(t.row(i)), key) >= 0 })
	if i == t.n || !bytes.Equal(t.path(t.row(i)), key) {
		return placed{}, false
	}
	return t.at(i), true
}

type byPath struct{ *table }

func (b byPath) Len() int { return b.n }

func (b byPath) Less(i, j int) bool { return bytes.Compare(b.path(b.row(i)), b.path(b.row(j))) < 0 }

func (b byPath) Swap(i, j int) {
	x, y := b.row(i), b.row(j)
	*x, *y = *y, *x
}

// sha256Sum is the sum that a SHA-256 digest is of.
func sha256Sum(d digest.Digest) (sum [32]byte, ok bool) {
	encoded, ok := strings.CutPrefix(string(d), "sha256:")
	if !ok || len(encoded) != hex.EncodedLen(len(sum)) || strings.ContainsAny(encoded, "ABCDEF") {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(encoded))
	return sum, err == nil
}

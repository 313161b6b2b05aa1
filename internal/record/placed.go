package record

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/fileid"
	"github.com/opencontainers/go-digest"
)

// Placed is a file of a record, with the metadata that it had when it was placed.
type Placed struct {
	Path    string
	Size    int64
	ModTime int64  // nanoseconds since 1970
	Inode   uint64 // 0 if unknown
	Changed int64  // the ctime, in nanoseconds since 1970; 0 if unknown
	Mode    fs.FileMode
	UID     int // 0 where files have no owner
	GID     int // 0 where files have no owner
	Layer   int // index in Record.Layers, or -1 if the artifact no longer contains the file
	Digest  digest.Digest
	Link    string // target of a symbolic link
}

// NewPlaced returns the entry of a regular file with the digest d, which the layer with the index layer placed.
func NewPlaced(name string, layer int, info fs.FileInfo, d digest.Digest) Placed {
	uid, gid, _ := Owner(info)
	id, _ := fileid.Of(info)
	return Placed{
		Path: name, Size: info.Size(), ModTime: info.ModTime().UnixNano(), Inode: id.Inode, Changed: id.Changed,
		Mode: info.Mode(), UID: uid, GID: gid, Layer: layer, Digest: d,
	}
}

// appendLine appends the line of the file in the state file. The argument name is the last element of the file's path.
func (f Placed) appendLine(b []byte, name string) []byte {
	b = strconv.AppendUint(b, uint64(f.Mode), 8)
	for _, n := range []int64{int64(f.UID), int64(f.GID), f.Size, f.ModTime, int64(f.Layer), int64(f.Inode), f.Changed} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	b = append(append(b, ' '), cmp.Or(string(f.Digest), "-")...)
	b = strconv.AppendQuote(append(b, ' '), name)
	if f.Link != "" {
		b = strconv.AppendQuote(append(b, ' '), f.Link)
	}
	return append(b, '\n')
}

// parsePlaced parses the line of a file in a record with the given number of layers. Lines of version 2 have no inode and no
// ctime.
func parsePlaced(line string, version, layers int) (f Placed, err error) {
	var numbers [8]int64
	for i := range numbers[:2+2*version] {
		field, rest, _ := strings.Cut(line, " ")
		base := 10
		if i == 0 {
			base = 8
		}
		if numbers[i], err = strconv.ParseInt(field, base, 64); err != nil {
			return f, err
		}
		line = rest
	}
	sum, names, _ := strings.Cut(line, " ")
	path, err := strconv.QuotedPrefix(names)
	if err == nil {
		f.Path, err = strconv.Unquote(path)
	}
	if link := strings.TrimPrefix(names[len(path):], " "); err == nil && link != "" {
		f.Link, err = strconv.Unquote(link)
	}
	f.Mode, f.UID, f.GID = fs.FileMode(numbers[0]), int(numbers[1]), int(numbers[2])
	f.Size, f.ModTime, f.Layer, f.Inode, f.Changed = numbers[3], numbers[4], int(numbers[5]), uint64(numbers[6]), numbers[7]
	if sum != "-" {
		f.Digest = digest.Digest(sum)
	}
	if err == nil && (f.Layer < -1 || f.Layer >= layers) {
		err = fmt.Errorf("invalid layer index %d: record has %d layers", f.Layer, layers)
	}
	return f, err
}

// strictness selects the metadata to compare in addition to size, modification time, and inode.
type strictness struct {
	ctime  bool
	rights bool // the mode and the owner
}

// isUnchanged reports whether, according to info, the file in dst still has the content that was placed. Any user who can
// write to a file can set its size and modification time, but not its inode and ctime.
func (f Placed) isUnchanged(dst *os.Root, info fs.FileInfo, strict strictness) bool {
	if info.Mode().Type() != f.Mode.Type() || info.ModTime().UnixNano() != f.ModTime {
		return false
	}
	id, ok := fileid.Of(info)
	if ok && (id.Inode != f.Inode || strict.ctime && id.Changed != f.Changed) {
		return false
	}
	if strict.rights && !f.HasRights(info) {
		return false
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := dst.Readlink(f.Path)
		return err == nil && target == f.Link
	}
	return info.Size() == f.Size
}

// HasRights reports whether info has the recorded mode, owner, and group.
func (f Placed) HasRights(info fs.FileInfo) bool {
	uid, gid, _ := Owner(info)
	return info.Mode() == f.Mode && uid == f.UID && gid == f.GID
}

// isDamaged reports whether the file in dst may be the placed file after a power loss: its size and time are unchanged although
// its content may be lost, or it is shorter and was not written since.
func (f Placed) isDamaged(dst *os.Root, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() || !f.Mode.IsRegular() {
		return false
	}
	return f.isUnchanged(dst, info, strictness{}) || info.Size() < f.Size && info.ModTime().UnixNano() <= f.ModTime
}

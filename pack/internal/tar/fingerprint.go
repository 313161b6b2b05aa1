package tar

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"path"
	"time"

	"github.com/davit-oci/davit/internal/archive/write"
	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/mediatypes"
)

// fingerprint identifies the bytes of a tar by the metadata of its files. It is zero if a file changed recently, because the file could
// change again without changing its metadata.
type fingerprint [sha256.Size]byte

// tarFormat must change whenever the same files produce other bytes than in an earlier version, except because of compression
// settings.
const tarFormat = "davit tar 1"

// defaultMinAge is the default of Pool.minAge: file systems store times with at least this precision.
const defaultMinAge = 2 * time.Second

// fingerprinter computes the fingerprints of the groups of one tree.
type fingerprinter struct {
	head  []byte
	since int64            // later changes are too recent
	began int64            // time of the last boot; later changes may be lost in a crash
	boot  string           // ID of the last boot
	dirs  map[string]int64 // change times of directories; nil without Preserve, which alone stores their metadata
}

func (s *Pool) newFingerprinter(tree write.Tree, packing mediatypes.Packing, entries []write.Entry) *fingerprinter {
	p := &fingerprinter{
		since: time.Now().Add(-s.minAge).UnixNano(), began: durable.Booted().Add(-durable.ClockSlack).UnixNano(), boot: durable.BootID(),
	}
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

// sum returns the fingerprint of a group of entries.
func (p *fingerprinter) sum(group []write.Entry) fingerprint {
	h := sha256.New()
	h.Write(p.head)
	seen, sinceBoot := make(map[string]bool), false
	for i := range group {
		e := &group[i]
		if e.CTime == 0 || e.CTime > p.since || e.ModTime > p.since {
			return fingerprint{}
		}
		sinceBoot = sinceBoot || e.CTime >= p.began
		writeEntry(h, e)
		dir := path.Dir(e.Name)
		if e.Mode.IsDir() {
			dir = e.Name
		}
		for ; p.dirs != nil && !seen[dir]; dir = path.Dir(dir) {
			seen[dir] = true
			if p.dirs[dir] > p.since {
				return fingerprint{}
			}
			writeStrings(h, dir)
			writeNumbers(h, p.dirs[dir])
		}
	}
	if sinceBoot { // after a crash, the content may differ although the times are the same
		writeStrings(h, p.boot)
	}
	return fingerprint(h.Sum(nil))
}

func writeEntry(h hash.Hash, e *write.Entry) {
	writeStrings(h, e.Name, e.Link)
	if e.Mode.IsDir() { // the times of a directory change with its files, and are in the archive only with Preserve
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

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

// fingerprint identifies the bytes of a tar by the metadata of its files. The zero value identifies nothing: recently
// changed files can change again without a trace.
type fingerprint [sha256.Size]byte

// tarFormat changes when the same files produce other bytes than in an earlier version for a reason other than
// compression settings.
const tarFormat = "davit tar 1"

// defaultMinAge is the default of Pool.minAge: file systems store times of this precision, or better.
const defaultMinAge = 2 * time.Second

// fingerprinter computes the fingerprints of the groups of one tree.
type fingerprinter struct {
	head  []byte
	since int64            // later changes are too recent
	began int64            // when this run of the machine began; later changes may be lost when it ends
	boot  string           // the ID of this run
	dirs  map[string]int64 // change times of the directories, which are in every archive of a tree with Preserve
}

func (s *Pool) fingerprinter(tree write.Tree, packing mediatypes.Packing, entries []write.Entry) *fingerprinter {
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

// print returns the fingerprint of a group.
func (p *fingerprinter) print(group []write.Entry) fingerprint {
	h := sha256.New()
	h.Write(p.head)
	seen, inThisRun := make(map[string]bool), false
	for i := range group {
		e := &group[i]
		if e.CTime == 0 || e.CTime > p.since || e.ModTime > p.since {
			return fingerprint{}
		}
		inThisRun = inThisRun || e.CTime >= p.began
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
	if inThisRun { // after the next start, the content may be another although the times are the same
		writeStrings(h, p.boot)
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

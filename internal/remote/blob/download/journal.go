package download

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
)

// StateSuffix is appended to the name of a file to name its journal.
const StateSuffix = ".state"

// journal records which bytes of a partial file are present, so that another process can continue with it. It is written often
// and never synced: the writes of a killed process are in the page cache. Its claims are hashed before they are trusted; the
// state of the hash is used only if the file has not changed and the machine has not restarted since.
type journal struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
	Done   spans         `json:"done"`

	// Set if the process stopped in order.
	Hashed  int64  `json:"hashed,omitempty"`  // bytes from the start that are in State
	State   []byte `json:"state,omitempty"`   // of the hash
	ModTime int64  `json:"modTime,omitempty"` // of the partial file, in nanoseconds
	Boot    string `json:"boot,omitempty"`    // ID of the boot: a crash may have lost unwritten pages
}

// maxJournal limits the size of a journal that is read. A journal has a span for each connection and a few hundred bytes
// besides.
const maxJournal = 1 << 20

// readJournal reads a journal. It returns nil if the journal is damaged.
func readJournal(r io.Reader) *journal {
	data, err := io.ReadAll(io.LimitReader(r, maxJournal))
	head, body, ok := strings.Cut(string(data), "\n")
	var length, sum uint32
	if _, scanErr := fmt.Sscanf(head, "%08x %08x", &length, &sum); err != nil || !ok || scanErr != nil || int64(length) > int64(len(body)) {
		return nil
	}
	body = body[:length]
	var j journal
	if crc32.ChecksumIEEE([]byte(body)) != sum || json.Unmarshal([]byte(body), &j) != nil || !j.Done.isValid(j.Size) {
		return nil
	}
	return &j
}

// encode returns the journal with its length and checksum in front, which detect one that was written in part.
func (j *journal) encode() ([]byte, error) {
	data, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("%08x %08x\n", len(data), crc32.ChecksumIEEE(data))
	return append([]byte(head), data...), nil
}

// journalFile is the file of a journal. It is created by the first write.
type journalFile struct {
	root   *os.Root
	name   string
	digest digest.Digest
	file   *os.File
}

// open reads the journal of an earlier process. It returns nil if there is no valid one.
func (f *journalFile) open() *journal {
	file, err := f.root.OpenFile(f.name, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	f.file = file
	return readJournal(file)
}

// write writes a journal in one piece. A failure is not reported: it costs a later process the work of this one.
func (f *journalFile) write(j journal) {
	if f.file == nil {
		file, err := f.root.OpenFile(f.name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
		if err != nil {
			return
		}
		f.file = file
	}
	j.Digest = f.digest
	if data, err := j.encode(); err == nil {
		_, _ = f.file.WriteAt(data, 0)
	}
}

// remove closes and removes the file, if it exists.
func (f *journalFile) remove() {
	f.close()
	_ = f.root.Remove(f.name)
}

func (f *journalFile) close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

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
// and never synced, because the writes of a killed process survive in the page cache. The recorded bytes are not trusted but
// hashed again. The hash state is used only if the file has not changed and the machine has not restarted since.
type journal struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
	Done   spans         `json:"done"`

	// These fields are set only if the process was not killed.
	Hashed  int64  `json:"hashed,omitempty"`  // number of bytes from the start that State covers
	State   []byte `json:"state,omitempty"`   // hash state
	ModTime int64  `json:"modTime,omitempty"` // of the partial file, in nanoseconds
	Boot    string `json:"boot,omitempty"`    // boot ID: a crash may have lost unwritten pages
}

// maxJournal limits the bytes read from a journal. A journal takes a few hundred bytes, plus a span for each connection.
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

// encode returns the journal after a line with its length and checksum, which reveal a partial write.
func (j *journal) encode() ([]byte, error) {
	data, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("%08x %08x\n", len(data), crc32.ChecksumIEEE(data))
	return append([]byte(head), data...), nil
}

// journalFile is the file of a journal. The first write creates it.
type journalFile struct {
	root   *os.Root
	name   string
	digest digest.Digest
	file   *os.File
}

// open opens the file and reads the journal of an earlier process. It returns nil if there is no valid journal.
func (f *journalFile) open() *journal {
	file, err := f.root.OpenFile(f.name, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	f.file = file
	return readJournal(file)
}

// write writes a journal with a single system call. It ignores failures, which only make a later process fetch bytes again.
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

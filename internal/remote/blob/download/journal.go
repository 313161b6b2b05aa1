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

// journal says what of a partial file is there, so that another process goes on with it. It is written often and never
// synced: what a killed process wrote is in the page cache. After a crash of the machine its claims are not believed
// but hashed, as after a kill; the hash state alone is taken over only when nothing happened to the file since.
type journal struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
	Done   spans         `json:"done"`

	// What follows is set when the process stopped in order.
	Hashed  int64  `json:"hashed,omitempty"`  // bytes from the start that State is of
	State   []byte `json:"state,omitempty"`   // of the hash
	ModTime int64  `json:"modTime,omitempty"` // of the partial file, in nanoseconds
	Boot    string `json:"boot,omitempty"`    // of the machine: another one may have lost unwritten pages
}

// maxJournal bounds what is read of a journal. One has a span for every connection and a few hundred bytes besides.
const maxJournal = 1 << 20

// write stores the journal in one piece: its length and checksum stand first, so that a torn one is not believed.
func (j *journal) write(f *os.File) error {
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	head := fmt.Sprintf("%08x %08x\n", len(data), crc32.ChecksumIEEE(data))
	_, err = f.WriteAt(append([]byte(head), data...), 0)
	return err
}

// ReadJournal reads a journal; one that is damaged is none.
func ReadJournal(r io.Reader) *journal {
	data, err := io.ReadAll(io.LimitReader(r, maxJournal))
	head, body, ok := strings.Cut(string(data), "\n")
	var length, sum uint32
	if _, scanErr := fmt.Sscanf(head, "%08x %08x", &length, &sum); err != nil || !ok || scanErr != nil || int64(length) > int64(len(body)) {
		return nil
	}
	body = body[:length]
	var j journal
	if crc32.ChecksumIEEE([]byte(body)) != sum || json.Unmarshal([]byte(body), &j) != nil || !j.Done.valid(j.Size) {
		return nil
	}
	return &j
}

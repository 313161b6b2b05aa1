package pack

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/go-digest"
)

// treeRecord is what a tar was when it was made.
type treeRecord struct {
	digest, diffID digest.Digest
	size           int64
}

// treeCache remembers what directories packed into, by their fingerprints. It is one file of lines, to which every
// process appends; a line that is damaged counts for nothing, and errors of the disk are not reported: it only ever
// saves work.
type treeCache struct {
	path string // "": nowhere

	mu    sync.Mutex
	known map[fingerprint]treeRecord // nil until it is asked for
	fresh []byte                     // lines to be appended
}

// maxTreeCache bounds the file: when it is larger, it begins anew with what one push adds.
const maxTreeCache = 16 << 20

func newTreeCache(dir string) *treeCache {
	if dir == "" {
		return &treeCache{}
	}
	return &treeCache{path: filepath.Join(dir, "trees")}
}

func (c *treeCache) lookup(print fingerprint) (treeRecord, bool) {
	if c.path == "" || print == (fingerprint{}) {
		return treeRecord{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.read()
	}
	r, ok := c.known[print]
	return r, ok
}

func (c *treeCache) read() {
	c.known = make(map[fingerprint]treeRecord)
	f, err := os.Open(c.path)
	if err != nil {
		return
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if print, r, ok := parseTree(lines.Text()); ok {
			c.known[print] = r
		}
	}
}

const treeLine = "%x %s %d %s\n"

func parseTree(line string) (fingerprint, treeRecord, bool) {
	var print fingerprint
	var r treeRecord
	var key, check string
	n, err := fmt.Sscanf(line, "%s %s %d %s %s", &key, &r.digest, &r.size, &r.diffID, &check)
	if err != nil || n != 5 || len(key) != hex.EncodedLen(len(print)) || r.size < 0 ||
		r.digest.Validate() != nil || r.diffID.Validate() != nil {
		return print, r, false
	}
	if _, err := hex.Decode(print[:], []byte(key)); err != nil {
		return print, r, false
	}
	return print, r, check == checksum(print, r)
}

// checksum tells a whole line from one that another process's line cut in two.
func checksum(print fingerprint, r treeRecord) string {
	return digest.FromString(fmt.Sprintf(treeLine, print, r.digest, r.size, r.diffID)).Encoded()[:8]
}

// store remembers a tar; save writes it down.
func (c *treeCache) store(print fingerprint, r treeRecord) {
	if c.path == "" || print == (fingerprint{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.read()
	}
	if c.known[print] == r {
		return
	}
	c.known[print] = r
	line := fmt.Appendf(nil, treeLine, print, r.digest, r.size, r.diffID)
	c.fresh = fmt.Appendf(c.fresh, "%s %s\n", bytes.TrimSpace(line), checksum(print, r))
}

// save appends what is new, by one write that local file systems don't mix with others.
func (c *treeCache) save() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.fresh) == 0 || os.MkdirAll(filepath.Dir(c.path), 0o700) != nil {
		return
	}
	if info, err := os.Stat(c.path); err == nil && info.Size() > maxTreeCache {
		os.Remove(c.path)
	}
	f, err := os.OpenFile(c.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := f.Write(c.fresh); err == nil {
		c.fresh = nil
	}
}

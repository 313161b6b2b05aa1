package tar

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

// A Record holds the digests of a tar before and after compression, and its compressed size.
type Record struct {
	Digest, DiffID digest.Digest
	Size           int64
}

// A Cache remembers the tars of directories by their fingerprints. It is a text file to which every process appends lines.
// Damaged lines are ignored and disk errors are not reported, since the cache only saves work. It has a line for each
// directory that was packed, so it needs neither the binary records nor the eviction of internal/digestcache.
type Cache struct {
	path string // "": nothing is cached

	mu    sync.Mutex
	known map[fingerprint]Record // nil until the file has been read
	fresh []byte                 // lines that Save appends
}

// maxTreeCache is the size in bytes above which the file is replaced by the records of one push.
const maxTreeCache = 16 << 20

// NewCache returns the cache in a directory. With "", nothing is cached.
func NewCache(dir string) *Cache {
	if dir == "" {
		return &Cache{}
	}
	return &Cache{path: filepath.Join(dir, "trees")}
}

func (c *Cache) lookup(print fingerprint) (Record, bool) {
	if c.path == "" || print == (fingerprint{}) {
		return Record{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.read()
	}
	r, ok := c.known[print]
	return r, ok
}

func (c *Cache) read() {
	c.known = make(map[fingerprint]Record)
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

func parseTree(line string) (fingerprint, Record, bool) {
	var print fingerprint
	var r Record
	var key, check string
	n, err := fmt.Sscanf(line, "%s %s %d %s %s", &key, &r.Digest, &r.Size, &r.DiffID, &check)
	if err != nil || n != 5 || len(key) != hex.EncodedLen(len(print)) || r.Size < 0 ||
		r.Digest.Validate() != nil || r.DiffID.Validate() != nil {
		return print, r, false
	}
	if _, err := hex.Decode(print[:], []byte(key)); err != nil {
		return print, r, false
	}
	return print, r, check == checksum(print, r)
}

// checksum returns a checksum of a line, which detects lines that were interrupted by a line of another process.
func checksum(print fingerprint, r Record) string {
	return digest.FromString(fmt.Sprintf(treeLine, print, r.Digest, r.Size, r.DiffID)).Encoded()[:8]
}

// store adds a tar to the cache. Save writes it to the file.
func (c *Cache) store(print fingerprint, r Record) {
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
	line := fmt.Appendf(nil, treeLine, print, r.Digest, r.Size, r.DiffID)
	c.fresh = fmt.Appendf(c.fresh, "%s %s\n", bytes.TrimSpace(line), checksum(print, r))
}

// Save appends the new records with a single write, which local file systems don't interleave with others.
func (c *Cache) Save() {
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

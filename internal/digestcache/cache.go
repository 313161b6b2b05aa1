// Package digestcache caches the SHA-256 digests of files, so that an unchanged file is not read again. A file is unchanged if its device,
// inode, size, mtime, and ctime (in nanoseconds) are the same. The cache is one file in a cache directory that any number of processes share.
//
// A file that was not synced when the machine loses power may lose its content but keep its times. So a digest that was stored
// during an earlier boot is used only if the file did not change during that boot: then the hashed content had been read from
// the disk.
//
// The cache only saves time: a cache file that is missing, damaged, or of another version is treated as empty and rewritten, and
// disk errors are not reported.
//
// The cache of trees in pack/internal/tar and the records of pulls are separate stores. This one has fixed-size records,
// because up to 65,536 of them are read at every push; trees are few, and have one line of text each. An entry of either cache
// may be lost. Records of pulls decide which files belong to the user, so they are replaced atomically and synced.
package digestcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/durable"
	"github.com/opencontainers/go-digest"
)

const (
	// fileName includes the version of the format.
	fileName = "digests-v1"
	magic    = "davit digests 1\n"

	// maxRecords limits the records in the cache file to the latest ones. They take 5 MB on disk, and about 10 ms to read.
	maxRecords = 1 << 16

	// minAge is the time for which a file must be unchanged before its digest is cached. File systems store times in steps of
	// up to 2 s (FAT); a second change within the same step changes none of the values compared.
	minAge = 2 * time.Second

	// minAgeNoBootID replaces minAge where boots can't be distinguished. Systems write content to the disk within a minute or
	// two.
	minAgeNoBootID = 10 * time.Minute
)

// Cache maps files to digests. It reads its file at the first Lookup and appends to it at Close.
type Cache struct {
	path string
	now  func() time.Time
	boot boot

	load    sync.Once
	mu      sync.Mutex
	records []stored       // oldest first; those in the file, then the new ones
	latest  map[fileID]int // index into records
	written int            // number of records in the file
	damaged bool           // the file must be rewritten
}

// fileID identifies a file; record holds its attributes and digest.
type (
	fileID struct{ dev, inode uint64 }
	record struct {
		fileID
		size         int64
		mtime, ctime int64 // nanoseconds since 1970
		sum          [32]byte
	}
)

// stored is a record and the boot during which it was stored.
type stored struct {
	record
	boot boot
}

// boot identifies a boot of the machine. The zero value is unknown.
type boot struct {
	id    [32]byte // the SHA-256 of the boot ID
	began int64    // in nanoseconds since 1970
}

// thisBoot returns the current boot.
func thisBoot() boot {
	id, began := durable.BootID(), durable.Booted()
	if id == "" || began.IsZero() {
		return boot{}
	}
	return boot{sha256.Sum256([]byte(id)), began.UnixNano()}
}

// bootOf returns the boot during which the records after a marker were stored, or false if r is not a marker. A marker is a record
// with the zero fileID, which versions without markers never look up.
func (r record) bootOf() (boot, bool) {
	return boot{r.sum, r.mtime}, r.fileID == fileID{}
}

// marker returns the record that bootOf reads.
func (b boot) marker() record { return record{mtime: b.began, sum: b.id} }

// isTrusted reports whether a file whose attributes have not changed still has the hashed content.
func (c *Cache) isTrusted(s stored) bool {
	return s.boot == c.boot || s.boot != boot{} && s.ctime < s.boot.began-int64(durable.ClockSlack)
}

// recordSize is the size of a record in bytes: five numbers, the digest, and a checksum.
const recordSize = 5*8 + 32 + 4

// New returns the cache stored in dir. If dir is empty, the cache lasts only as long as this process.
func New(dir string) *Cache {
	c := &Cache{now: time.Now, boot: thisBoot(), latest: map[fileID]int{}}
	if dir != "" {
		c.path = filepath.Join(dir, fileName)
	}
	return c
}

// Lookup returns the digest of a regular file if the file has not changed since the digest was stored.
func (c *Cache) Lookup(info fs.FileInfo) (digest.Digest, bool) {
	want, ok := identify(info)
	if !ok {
		return "", false
	}
	c.load.Do(c.read)
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.latest[want.fileID]
	if !ok {
		return "", false
	}
	got := c.records[i]
	want.sum = got.sum
	if got.record != want || !c.isTrusted(got) {
		return "", false
	}
	return digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(got.sum[:])), true
}

// Store caches the digest of a file whose info was taken before it was read. A file that was changed within minAge
// is not cached.
func (c *Cache) Store(info fs.FileInfo, d digest.Digest) {
	r, ok := identify(info)
	if !ok || d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		return
	}
	least := minAge
	if c.boot == (boot{}) {
		least = minAgeNoBootID
	}
	if age := c.now().UnixNano() - max(r.mtime, r.ctime); age < int64(least) {
		return
	}
	if _, err := hex.Decode(r.sum[:], []byte(d.Encoded())); err != nil {
		return
	}
	c.load.Do(c.read)
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.latest[r.fileID]; !ok || c.records[i].record != r || !c.isTrusted(c.records[i]) {
		c.add(stored{r, c.boot})
	}
}

func (c *Cache) add(s stored) {
	c.latest[s.fileID] = len(c.records)
	c.records = append(c.records, s)
}

// Close writes the new records. The cache can still be used, and closed again.
func (c *Cache) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == "" || len(c.records) == c.written && !c.damaged {
		return
	}
	if c.damaged || len(c.records) > 2*maxRecords || len(c.records) > 2*len(c.latest)+1024 {
		c.rewrite()
		return
	}
	c.append()
}

// append adds the new records in one write, which local file systems don't interleave with those of other processes. If
// writes are interleaved after all, the checksums detect it.
func (c *Cache) append() {
	f, err := os.OpenFile(c.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		c.rewrite()
		return
	}
	defer f.Close()
	if _, err := f.Write(encode(c.records[c.written:])); err == nil {
		c.written = len(c.records)
	}
}

// rewrite replaces the cache file by one with a single record per file and at most maxRecords records. Records that another
// process appends at the same time are lost, and those digests will be computed again.
func (c *Cache) rewrite() {
	var live []stored
	for i, r := range c.records {
		if c.latest[r.fileID] == i {
			live = append(live, r)
		}
	}
	live = live[max(0, len(live)-maxRecords):]
	if os.MkdirAll(filepath.Dir(c.path), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), fileName+".*")
	if err != nil {
		return
	}
	_, err = f.Write(append([]byte(magic), encode(live)...))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return
	}
	c.records, c.written, c.damaged = c.records[:0], len(live), false
	clear(c.latest)
	for _, r := range live {
		c.add(r)
	}
}

// read reads the file up to the first damaged record.
func (c *Cache) read() {
	if c.path == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	data, err := readBounded(c.path)
	if err != nil {
		c.damaged = true // or missing: Close creates it
		return
	}
	data, ok := bytes.CutPrefix(data, []byte(magic))
	var by boot
	for ok && len(data) >= recordSize {
		var r record
		if r, ok = decode(data[:recordSize]); !ok {
			break
		}
		if b, isMarker := r.bootOf(); isMarker {
			by = b
		} else {
			c.add(stored{r, by})
		}
		data = data[recordSize:]
	}
	c.written = len(c.records)
	c.damaged = !ok || len(data) > 0
}

// readBounded reads the cache file. It fails with fs.ErrInvalid if the file is larger than any that this package writes.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 4 * maxRecords * recordSize
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return nil, fs.ErrInvalid
	}
	data := make([]byte, info.Size())
	n, err := io.ReadFull(f, data)
	return data[:n], err
}

// encode returns records with a marker before the first, and before each that was stored during another boot.
func encode(list []stored) []byte {
	var records []record
	for i, s := range list {
		if i == 0 || s.boot != list[i-1].boot {
			records = append(records, s.boot.marker())
		}
		records = append(records, s.record)
	}
	data := make([]byte, 0, len(records)*recordSize)
	for _, r := range records {
		start := len(data)
		for _, n := range []uint64{r.dev, r.inode, uint64(r.size), uint64(r.mtime), uint64(r.ctime)} {
			data = binary.LittleEndian.AppendUint64(data, n)
		}
		data = append(data, r.sum[:]...)
		data = binary.LittleEndian.AppendUint32(data, crc32.ChecksumIEEE(data[start:]))
	}
	return data
}

func decode(data []byte) (record, bool) {
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(data[8*i:]) }
	r := record{fileID{number(0), number(1)}, int64(number(2)), int64(number(3)), int64(number(4)), [32]byte(data[40:72])}
	return r, binary.LittleEndian.Uint32(data[72:]) == crc32.ChecksumIEEE(data[:72])
}

package record

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/filelock"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// stateVersion is the version of the state file's format; other versions are not read.
	stateVersion = 2
	// stateBuffer is how many bytes of the file are read and written at once.
	stateBuffer = 256 << 10
	// maxStateLine bounds a line of the file: a record includes as much of a manifest as its result.
	maxStateLine = 4 * oci.MaxSize
)

// State has the files that earlier pulls placed in a destination. It saves work and distinguishes our files from others;
// without it, a pull compares contents.
//
// The file has a line of JSON for each record, followed by a line for each of its files, so that a million files need no
// more memory than their entries. A line of a file has its mode, owner and group, size, time, layer, digest ("-": none),
// path, and what a link leads to, the last two as Go writes strings: read as JSON, twenty thousand files took longer than
// asking for them.
type State struct {
	Path    string // "": not stored
	records []*Record
	info    fs.FileInfo // of the file when it was read; nil: it did not exist
}

// Record has the files that the last pull of one artifact placed.
type Record struct {
	Version  int                `json:"davit"`
	Origin   string             `json:"origin"`
	Settings string             `json:"settings"` // the options that decide which files are placed
	Root     ocispec.Descriptor `json:"root"`     // the descriptor that the reference resolved to
	Result   json.RawMessage    `json:"result"`   // what the pull returned, without files
	Layers   []digest.Digest    `json:"layers"`
	Preserve bool               `json:"preserve,omitempty"` // modes and owners are content too
	// Entangled means that layers replaced each other's files, so that none can be kept without the others.
	Entangled bool `json:"entangled,omitempty"`
	// Placing means that the files are about to be placed: each may be in place already, or still the previous one.
	Placing bool `json:"placing,omitempty"`
	// Synced means that the files were on disk when the record was written.
	Synced bool `json:"synced,omitempty"`
	// Boot identifies the run of the machine that wrote the record: unsynced files may be lost after a restart.
	Boot  string `json:"boot,omitempty"`
	Count int    `json:"files"`

	Files   Table `json:"-"` // sorted by path
	Trusted bool  `json:"-"` // size and time of a file vouch for its content
}

// Placed is a file of a record, as it was when it was placed.
type Placed struct {
	Path    string
	Size    int64
	ModTime int64 // nanoseconds
	Mode    fs.FileMode
	UID     int // 0 where files have no owner, as GID
	GID     int
	Layer   int // index in Layers; -1: it left the artifact
	Digest  digest.Digest
	Link    string
}

// NewPlaced describes a regular file with the digest d that a layer, by its index, placed.
func NewPlaced(name string, layer int, info fs.FileInfo, d digest.Digest) Placed {
	uid, gid, _ := Owner(info)
	return Placed{
		Path: name, Size: info.Size(), ModTime: info.ModTime().UnixNano(), Mode: info.Mode(), UID: uid, GID: gid,
		Layer: layer, Digest: d,
	}
}

// appendLine appends the file as a line.
func (f Placed) appendLine(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(f.Mode), 8)
	for _, n := range []int64{int64(f.UID), int64(f.GID), f.Size, f.ModTime, int64(f.Layer)} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	b = append(append(b, ' '), cmp.Or(string(f.Digest), "-")...)
	b = strconv.AppendQuote(append(b, ' '), f.Path)
	if f.Link != "" {
		b = strconv.AppendQuote(append(b, ' '), f.Link)
	}
	return append(b, '\n')
}

// parsePlaced parses the line of a file in a record with this many layers.
func parsePlaced(line string, layers int) (f Placed, err error) {
	var numbers [6]int64
	for i := range numbers {
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
	f.Size, f.ModTime, f.Layer = numbers[3], numbers[4], int(numbers[5])
	if sum != "-" {
		f.Digest = digest.Digest(sum)
	}
	if err == nil && (f.Layer < -1 || f.Layer >= layers) {
		err = fmt.Errorf("layer %d of %d", f.Layer, layers)
	}
	return f, err
}

// Unchanged reports whether the file, with this info, still has the content that was placed in dst and, if permissions
// count, the mode and the owner.
func (f Placed) Unchanged(dst *os.Root, info fs.FileInfo, rights bool) bool {
	if info.Mode().Type() != f.Mode.Type() || info.ModTime().UnixNano() != f.ModTime {
		return false
	}
	if uid, gid, _ := Owner(info); rights && (info.Mode() != f.Mode || uid != f.UID || gid != f.GID) {
		return false
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := dst.Readlink(f.Path)
		return err == nil && target == f.Link
	}
	return info.Size() == f.Size
}

// Len returns the number of files; a nil record has none.
func (r *Record) Len() int {
	if r == nil {
		return 0
	}
	return r.Files.Len()
}

// Find searches for a path.
func (r *Record) Find(path string) (Placed, bool) {
	if r == nil {
		return Placed{}, false
	}
	return r.Files.Find(path)
}

// ReadState reads the state file. A damaged or foreign file is treated as missing.
func ReadState(path string) *State {
	s := &State{Path: path}
	if path == "" {
		return s
	}
	f, err := os.Open(path)
	if err != nil {
		return s
	}
	defer f.Close()
	if s.info, err = f.Stat(); err != nil {
		return s
	}
	lines := bufio.NewReaderSize(f, stateBuffer)
	for {
		r, err := readRecord(lines)
		if errors.Is(err, io.EOF) {
			return s
		}
		if err != nil {
			s.records = nil
			return s
		}
		r.Trusted = r.Synced || r.sameBoot(s.info.ModTime())
		s.records = append(s.records, r)
	}
}

// sameBoot reports whether the machine has not restarted since the record was written, as of a time that applies to
// records without a boot ID: early versions wrote none.
func (r *Record) sameBoot(written time.Time) bool {
	if r.Boot != "" {
		return r.Boot == durable.BootID()
	}
	booted := durable.Booted()
	return !booted.IsZero() && written.After(booted)
}

// readRecord reads a record and its files. Its error is io.EOF at the end.
func readRecord(lines *bufio.Reader) (*Record, error) {
	line, err := readLine(lines)
	if err != nil {
		return nil, err
	}
	r := &Record{}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, err
	}
	if r.Version != stateVersion || len(r.Result) == 0 || string(r.Result) == "null" {
		return nil, errors.ErrUnsupported
	}
	for range r.Count {
		line, err := readLine(lines)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
		f, err := parsePlaced(string(line[:len(line)-1]), len(r.Layers))
		if err != nil {
			return nil, err
		}
		r.Files.Add(f)
	}
	r.Files.Sort()
	return r, nil
}

// readLine reads a line with its end. The result is valid until the next call.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == nil || !errors.Is(err, bufio.ErrBufferFull) && len(line) == 0 {
		return line, err
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxStateLine {
		line, err = r.ReadSlice('\n')
		long = append(long, line...)
	}
	if err != nil {
		return nil, errors.ErrUnsupported // the line was cut
	}
	return long, nil
}

// Stale reports whether another pull changed the file since it was read.
func (s *State) Stale() bool {
	info, err := os.Stat(s.Path)
	if err != nil || s.info == nil {
		return err == nil && s.Path != ""
	}
	return !os.SameFile(info, s.info) || !info.ModTime().Equal(s.info.ModTime()) || info.Size() != s.info.Size()
}

// Of returns the record of an origin, or nil.
func (s *State) Of(origin string) *Record { return s.find(origin, false) }

// Placing returns the record of files that a killed pull from an origin was placing, or nil.
func (s *State) Placing(origin string) *Record { return s.find(origin, true) }

func (s *State) find(origin string, placing bool) *Record {
	for _, r := range s.records {
		if r.Origin == origin && r.Placing == placing {
			return r
		}
	}
	return nil
}

// Ours reports whether some pull placed the file in dst and it is unchanged since.
func (s *State) Ours(dst *os.Root, path string, info fs.FileInfo) bool {
	for _, r := range s.records {
		f, ok := r.Find(path)
		if ok && (f.Unchanged(dst, info, r.Preserve) || !r.Trusted && f.damaged(info)) {
			return true
		}
	}
	return false
}

// damaged reports whether power loss may have cut the placed file, which was not written since.
func (f Placed) damaged(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && f.Mode.IsRegular() && info.Size() < f.Size && info.ModTime().UnixNano() <= f.ModTime
}

// OursBelow reports whether all files below a directory of dst are ours.
func (s *State) OursBelow(dst *os.Root, dir string) bool {
	return fs.WalkDir(dst.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && !s.Ours(dst, name, info) {
			return fs.ErrExist
		}
		return err
	}) == nil
}

// Put replaces the records of its origin in the file. If r is for files about to be placed, it adds r to the existing
// ones instead.
func (s *State) Put(r *Record) error {
	r.Version, r.Count, r.Boot = stateVersion, r.Files.Len(), durable.BootID()
	return s.edit(r.Synced, func(records []*Record) []*Record {
		return append(dropRecords(records, r.Origin, r.Placing), r)
	})
}

// Abandon removes the record of files that were about to be placed.
func (s *State) Abandon(origin string) error {
	return s.edit(false, func(records []*Record) []*Record { return dropRecords(records, origin, true) })
}

// dropRecords removes the records of an origin, or only the one for files about to be placed.
func dropRecords(records []*Record, origin string, placing bool) []*Record {
	return slices.DeleteFunc(records, func(r *Record) bool { return r.Origin == origin && (r.Placing || !placing) })
}

// edit changes the file. It reads the records of others again, since other pulls may have written them. If two processes
// write at once, one change is lost and the next pull compares contents.
func (s *State) edit(sync bool, change func([]*Record) []*Record) error {
	if s.Path == "" {
		return nil
	}
	f, err := createAlone(s.Path + ".new")
	if f == nil {
		return err
	}
	defer f.Close()
	if err := writeRecords(f, change(ReadState(s.Path).records)); err != nil {
		return err
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := os.Rename(f.Name(), s.Path); err != nil || !sync {
		return err
	}
	return durable.Dir(filepath.Dir(s.Path))
}

// createAlone creates an empty file that no other process is writing, reusing one left by a killed process. If another
// process is writing it, createAlone returns nil.
func createAlone(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if !filelock.TryFile(f) && filelock.Supported || !sameFile(f, path) {
		f.Close()
		return nil, nil
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sameFile reports whether the open file is still the one at the path.
func sameFile(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(ours, there)
}

func writeRecords(w io.Writer, records []*Record) error {
	buf := bufio.NewWriterSize(w, stateBuffer)
	enc := json.NewEncoder(buf)
	var line []byte
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return err
		}
		for i := range r.Files.Len() {
			line = r.Files.At(i).appendLine(line[:0])
			if _, err := buf.Write(line); err != nil {
				return err
			}
		}
	}
	return buf.Flush()
}

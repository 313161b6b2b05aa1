package pull

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
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// stateVersion is that of the state file's format; other versions are not read.
	stateVersion = 2
	// maxStateLine bounds a line of the file: a record has as much of a manifest as its result.
	maxStateLine = 4 * oci.MaxSize
)

// state is what earlier pulls placed in a destination. It saves work and tells our files from others'; a pull without
// it compares contents instead.
//
// The file has a line of JSON for each record, followed by a line for each of its files, so that a million files need no
// more memory than their entries. A line of a file has its mode, owner and group, size, time, layer, digest ("-": none),
// path, and what a link leads to, the last two as Go writes strings: read as JSON, twenty thousand files took longer than
// asking for them.
type state struct {
	path    string // "": nowhere
	records []*record
	info    fs.FileInfo // of the file when it was read; nil: there was none
}

// record is what one artifact's last pull placed.
type record struct {
	Version  int                `json:"davit"`
	Origin   string             `json:"origin"`
	Settings string             `json:"settings"` // the options that decide what is placed
	Root     ocispec.Descriptor `json:"root"`     // what the reference led to
	Result   *Result            `json:"result"`   // without files
	Layers   []digest.Digest    `json:"layers"`
	Preserve bool               `json:"preserve,omitempty"` // modes and owners are content too
	// Entangled says that layers replaced each other's files, so that none can be kept without the others.
	Entangled bool `json:"entangled,omitempty"`
	// Placing says that the files are about to be placed: any of them may be there, or what was there before.
	Placing bool `json:"placing,omitempty"`
	// Synced says that the files were on the disk when the record was written.
	Synced bool `json:"synced,omitempty"`
	// Boot names the run of the machine that wrote the record: another one may have lost what was not synced.
	Boot  string `json:"boot,omitempty"`
	Count int    `json:"files"`

	files   table // sorted by path
	trusted bool  // size and time of a file vouch for its content
}

// placed is a file of a record, as it was when it was placed.
type placed struct {
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

// appendLine writes the file as a line.
func (f placed) appendLine(b []byte) []byte {
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

// parsePlaced reads a line of a file in a record of so many layers.
func parsePlaced(line string, layers int) (f placed, err error) {
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

// unchanged tells whether the file, whose info is given, has the content that was placed in dst, and, if its rights
// count, the mode and the owner.
func (f placed) unchanged(dst *os.Root, info fs.FileInfo, rights bool) bool {
	if info.Mode().Type() != f.Mode.Type() || info.ModTime().UnixNano() != f.ModTime {
		return false
	}
	if uid, gid, _ := owner(info); rights && (info.Mode() != f.Mode || uid != f.UID || gid != f.GID) {
		return false
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := dst.Readlink(f.Path)
		return err == nil && target == f.Link
	}
	return info.Size() == f.Size
}

// len is the number of files; a record that does not exist has none.
func (r *record) len() int {
	if r == nil {
		return 0
	}
	return r.files.len()
}

// find looks a path up.
func (r *record) find(path string) (placed, bool) {
	if r == nil {
		return placed{}, false
	}
	return r.files.find(path)
}

// readState reads what there is; a file that is not ours or damaged is as good as none.
func readState(path string) *state {
	s := &state{path: path}
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
	lines := bufio.NewReaderSize(f, copyBuffer)
	for {
		r, err := readRecord(lines)
		if errors.Is(err, io.EOF) {
			return s
		}
		if err != nil {
			s.records = nil
			return s
		}
		r.trusted = r.Synced || r.sameBoot(s.info.ModTime())
		s.records = append(s.records, r)
	}
}

// sameBoot reports whether the machine has not restarted since the record was written, at a time that counts for records
// that do not name the boot: early versions did not.
func (r *record) sameBoot(written time.Time) bool {
	if r.Boot != "" {
		return r.Boot == durable.BootID()
	}
	booted := durable.Booted()
	return !booted.IsZero() && written.After(booted)
}

// readRecord reads a record and its files. Its error is io.EOF when there is no more.
func readRecord(lines *bufio.Reader) (*record, error) {
	line, err := readLine(lines)
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, err
	}
	if r.Version != stateVersion || r.Result == nil {
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
		r.files.add(f)
	}
	r.files.sort()
	return r, nil
}

// readLine reads a line and its end. It is valid until the next is read.
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
		return nil, errors.ErrUnsupported // it was cut
	}
	return long, nil
}

// stale tells whether another pull wrote the file since it was read.
func (s *state) stale() bool {
	info, err := os.Stat(s.path)
	if err != nil || s.info == nil {
		return err == nil && s.path != ""
	}
	return !os.SameFile(info, s.info) || !info.ModTime().Equal(s.info.ModTime()) || info.Size() != s.info.Size()
}

// of is the record of an origin; nil: none.
func (s *state) of(origin string) *record { return s.find(origin, false) }

// placing is the record of files that a pull from an origin was placing when it was killed; nil: none.
func (s *state) placing(origin string) *record { return s.find(origin, true) }

func (s *state) find(origin string, placing bool) *record {
	for _, r := range s.records {
		if r.Origin == origin && r.Placing == placing {
			return r
		}
	}
	return nil
}

// ours tells whether some pull placed the file in dst and nobody changed it since.
func (s *state) ours(dst *os.Root, path string, info fs.FileInfo) bool {
	for _, r := range s.records {
		f, ok := r.find(path)
		if ok && (f.unchanged(dst, info, r.Preserve) || !r.trusted && f.damaged(info)) {
			return true
		}
	}
	return false
}

// damaged reports whether a file may be what power loss left of the one that was placed: cut, and not written since.
func (f placed) damaged(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && f.Mode.IsRegular() && info.Size() < f.Size && info.ModTime().UnixNano() <= f.ModTime
}

// oursBelow tells whether all files below a directory of dst are ours.
func (s *state) oursBelow(dst *os.Root, dir string) bool {
	return fs.WalkDir(dst.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && !s.ours(dst, name, info) {
			return fs.ErrExist
		}
		return err
	}) == nil
}

// put replaces the records of its origin in the file, or, if r is of files about to be placed, adds it to what was there
// before.
func (s *state) put(r *record) error {
	r.Version, r.Count, r.Boot = stateVersion, r.files.len(), durable.BootID()
	return s.edit(r.Synced, func(records []*record) []*record {
		return append(dropRecords(records, r.Origin, r.Placing), r)
	})
}

// abandon removes the record of files that were about to be placed.
func (s *state) abandon(origin string) error {
	return s.edit(false, func(records []*record) []*record { return dropRecords(records, origin, true) })
}

// dropRecords removes the records of an origin, or only that of files about to be placed.
func dropRecords(records []*record, origin string, placing bool) []*record {
	return slices.DeleteFunc(records, func(r *record) bool { return r.Origin == origin && (r.Placing || !placing) })
}

// edit changes the file. Others' records are read again, since other pulls may have been at work; where two write at
// once, one is lost, and the next pull compares contents.
func (s *state) edit(sync bool, change func([]*record) []*record) error {
	if s.path == "" {
		return nil
	}
	f, err := createAlone(s.path + ".new")
	if f == nil {
		return err
	}
	defer f.Close()
	if err := writeRecords(f, change(readState(s.path).records)); err != nil {
		return err
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := os.Rename(f.Name(), s.path); err != nil || !sync {
		return err
	}
	return durable.Dir(filepath.Dir(s.path))
}

// createAlone makes an empty file that nobody else is writing, out of what a killed process may have left. When
// somebody is, it gives nil.
func createAlone(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if !tryLock(f) && locks || !sameFile(f, path) {
		f.Close()
		return nil, nil
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sameFile tells whether the open file is still the one that the path leads to.
func sameFile(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(ours, there)
}

func writeRecords(w io.Writer, records []*record) error {
	buf := bufio.NewWriterSize(w, copyBuffer)
	enc := json.NewEncoder(buf)
	var line []byte
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return err
		}
		for i := range r.files.len() {
			line = r.files.at(i).appendLine(line[:0])
			if _, err := buf.Write(line); err != nil {
				return err
			}
		}
	}
	return buf.Flush()
}

// settings name the options that decide what a pull places.
func (o Options) settings() string {
	platform := ""
	if o.Platform != nil {
		p := *o.Platform
		p.OSVersion = ""
		platform = oci.FormatPlatform(&p) + "/" + o.Platform.OSVersion
	}
	b, err := json.Marshal([]any{platform, o.Include, o.Roles, o.NoUnpack, o.Preserve})
	if err != nil {
		return strings.Join(o.Include, "\n")
	}
	return string(b)
}

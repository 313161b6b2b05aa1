package pull

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// stateVersion is that of the state file's format; other versions are not read.
const stateVersion = 1

// state is what earlier pulls placed in a destination. It saves work and tells our files from others'; a pull without
// it compares contents instead.
//
// The file is a JSON value for each record, followed by one for each of its files, so that a million files need no more
// memory than their entries.
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
	// Entangled says that layers replaced each other's files, so that none can be kept without the others.
	Entangled bool `json:"entangled,omitempty"`
	Count     int  `json:"files"`

	files table // sorted by path
}

// placed is a file of a record, as it was when it was placed.
type placed struct {
	Path    string        `json:"p"`
	Size    int64         `json:"s"`
	ModTime int64         `json:"t"` // nanoseconds
	Mode    fs.FileMode   `json:"m"`
	Layer   int           `json:"l"` // index in Layers; -1: it left the artifact
	Digest  digest.Digest `json:"d,omitempty"`
	Link    string        `json:"k,omitempty"`
}

// unchanged tells whether the file is as it was placed.
func (f placed) unchanged(info fs.FileInfo) bool {
	return info.Mode().Type() == f.Mode.Type() && (info.Mode().Type() == fs.ModeSymlink ||
		info.Size() == f.Size && info.ModTime().UnixNano() == f.ModTime)
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
	dec := json.NewDecoder(bufio.NewReaderSize(f, copyBuffer))
	for {
		r, err := readRecord(dec)
		if errors.Is(err, io.EOF) {
			return s
		}
		if err != nil {
			s.records = nil
			return s
		}
		s.records = append(s.records, r)
	}
}

func readRecord(dec *json.Decoder) (*record, error) {
	r := &record{}
	if err := dec.Decode(r); err != nil {
		return nil, err
	}
	if r.Version != stateVersion || r.Result == nil {
		return nil, errors.ErrUnsupported
	}
	for range r.Count {
		var f placed
		if err := dec.Decode(&f); err != nil {
			return nil, errors.Join(errors.ErrUnsupported, err)
		}
		r.files.add(f)
	}
	r.files.sort()
	return r, nil
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
func (s *state) of(origin string) *record {
	for _, r := range s.records {
		if r.Origin == origin {
			return r
		}
	}
	return nil
}

// ours tells whether some pull placed the file and nobody changed it since.
func (s *state) ours(path string, info fs.FileInfo) bool {
	for _, r := range s.records {
		if f, ok := r.find(path); ok && f.unchanged(info) {
			return true
		}
	}
	return false
}

// put replaces the record of its origin in the file. Others' records are read again, since other pulls may have been at
// work; where two write at once, one is lost, and the next pull compares contents.
func (s *state) put(r *record) error {
	if s.path == "" {
		return nil
	}
	r.Version, r.Count = stateVersion, r.files.len()
	now := readState(s.path)
	records := slices.DeleteFunc(now.records, func(o *record) bool { return o.Origin == r.Origin })
	f, err := createAlone(s.path + ".new")
	if f == nil {
		return err
	}
	defer f.Close()
	if err := writeRecords(f, append(records, r)); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path)
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
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return err
		}
		for i := range r.files.len() {
			if err := enc.Encode(r.files.at(i)); err != nil {
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
		platform = PlatformString(o.Platform) + "/" + o.Platform.OSVersion
	}
	b, err := json.Marshal([]any{platform, o.Include, o.Roles, o.NoUnpack, o.Preserve})
	if err != nil {
		return strings.Join(o.Include, "\n")
	}
	return string(b)
}

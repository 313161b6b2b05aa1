package record

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/davit-oci/davit/internal/durable"
	"github.com/davit-oci/davit/internal/fileid"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/rootfs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// stateVersion is the version of the state file's format.
	stateVersion = 3
	// oldVersion is the version of the state files that Import reads. They were stored beside the destination.
	oldVersion = 2
	// stateBuffer is the size, in bytes, of the buffers for reading and writing a state file.
	stateBuffer = 256 << 10
	// maxStateLine limits the length of a line, in bytes: Record.Result may contain a large part of a manifest.
	maxStateLine = 4 * oci.MaxSize
)

// State holds the files that earlier pulls placed in a destination. With it, a pull knows which files are davit's and need not
// read the unchanged ones; without it, a pull compares contents.
//
// The first line of a state file is a header in JSON. Each record is a line of JSON, followed by one line for each file, so a
// million files need no more memory than their entries. The line of a file has its mode, owner, group, size, modification time,
// layer, inode, ctime, digest ("-" if none), name, and, for a link, the target. Name and target are quoted as Go strings: decoding
// twenty thousand files from JSON took longer than calling lstat for them. A line that begins with a slash has the directory of
// the files after it.
type State struct {
	Path    string // "" if the state is not stored
	records []*Record
	info    fs.FileInfo // of the state file when it was read; nil if it did not exist
	vouched map[string]bool
}

// header is the first line of the file.
type header struct {
	Version int    `json:"davit"`
	Dir     string `json:"dir,omitempty"` // path of the destination when the file was written
}

// Record holds the files that the last pull of one artifact placed.
type Record struct {
	Origin   string             `json:"origin"`
	Settings string             `json:"settings"` // the options that decide which files are placed
	Root     ocispec.Descriptor `json:"root"`     // the descriptor that the reference resolved to
	Result   json.RawMessage    `json:"result"`   // what the pull returned, without files
	Layers   []digest.Digest    `json:"layers"`
	Preserve bool               `json:"preserve,omitempty"` // modes and owners are content too
	// Entangled means that layers replaced each other's files, so that none can be kept without the others.
	Entangled bool `json:"entangled,omitempty"`
	// Placing means that the files are about to be placed: each path may already have the new file, or still have the previous one.
	Placing bool `json:"placing,omitempty"`
	// Synced means that the files were synced to disk before the record was written.
	Synced bool `json:"synced,omitempty"`
	// Hint means that any user may have written the record: nothing in it is trusted unless the artifact that it names
	// confirms it.
	Hint bool `json:"hint,omitempty"`
	// Boot is the ID of the boot during which the record was written: unsynced files may be lost after a restart.
	Boot  string `json:"boot,omitempty"`
	Count int    `json:"files"`

	Files Table `json:"-"` // sorted by path
	trust
}

// trust is the extent to which the files of a record are trusted.
type trust struct {
	sameBoot bool // the machine did not restart since the record was written
	moved    bool // a killed pull may have renamed or linked files, which changes their ctimes
}

// IsTrusted reports whether files that look unchanged have the content that was placed.
func (r *Record) IsTrusted() bool { return !r.Hint && (r.Synced || r.sameBoot) }

// Refreshed returns f, an unchanged file of the record. If a killed pull may have changed the inode and ctime, the result has
// the current ones.
func (r *Record) Refreshed(dst *os.Root, f Placed) Placed {
	if r.moved {
		if info, err := dst.Lstat(f.Path); err == nil {
			id, _ := fileid.Of(info)
			f.Inode, f.Changed = id.Inode, id.Changed
		}
	}
	return f
}

// IsMoved reports whether a killed pull may have renamed or linked files of the record.
func (r *Record) IsMoved() bool { return r.moved }

// IsUnchanged reports whether, according to info, a file of the record still has the content that was placed in dst.
func (r *Record) IsUnchanged(dst *os.Root, f Placed, info fs.FileInfo) bool {
	return !r.Hint && f.isUnchanged(dst, info, strictness{!r.moved && !r.Placing, r.Preserve})
}

// IsPacked reports whether the pull left tars packed. The settings are those of pull.Options.
func (r *Record) IsPacked() bool {
	var settings []any
	return json.Unmarshal([]byte(r.Settings), &settings) == nil && len(settings) > 3 && settings[3] == true
}

// Len returns the number of files; a nil record has none.
func (r *Record) Len() int {
	if r == nil {
		return 0
	}
	return r.Files.Len()
}

// Find returns the file at a path; a nil record has none.
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
	if h, err := readHeader(lines); err != nil || h.Version != stateVersion {
		return s
	}
	if s.records, err = readRecords(lines, stateVersion); err != nil {
		return s
	}
	moved := slices.ContainsFunc(s.records, func(r *Record) bool { return r.Placing })
	for _, r := range s.records {
		r.trust = trust{r.isSameBoot(), moved}
	}
	return s
}

// isSameBoot reports whether the machine has not restarted since the record was written.
func (r *Record) isSameBoot() bool { return r.Boot != "" && r.Boot == durable.BootID() }

// IsStale reports whether another pull changed the file since it was read.
func (s *State) IsStale() bool {
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

// IsOurs reports whether a pull placed the file at path in dst, and the file is unchanged since.
func (s *State) IsOurs(dst *os.Root, path string, info fs.FileInfo) bool {
	return s.isOursAt(dst, path, path, info)
}

// isOursAt is like IsOurs, for a file that was placed at path and moved to at.
func (s *State) isOursAt(dst *os.Root, path, at string, info fs.FileInfo) bool {
	for _, r := range s.records {
		f, ok := r.Find(path)
		f.Path = at
		if ok && (r.IsUnchanged(dst, f, info) || !r.Hint && !r.IsTrusted() && f.isDamaged(dst, info)) {
			return true
		}
	}
	return s.vouched[path]
}

// Vouch marks the files at paths as ours: their content was compared and equals the content that a pull placed.
func (s *State) Vouch(paths map[string]bool) {
	if s.vouched == nil {
		s.vouched = make(map[string]bool)
	}
	maps.Copy(s.vouched, paths)
}

// All returns the records, the latest last.
func (s *State) All() []*Record { return s.records }

// AreOursBelow reports whether a directory of dst is ours: all files in it are ours, and no directory in it is empty. An empty
// directory may be the user's.
func (s *State) AreOursBelow(dst *os.Root, dir string) bool {
	return s.areOursBelow(dst, dir, dir)
}

// AreOursMoved is like AreOursBelow, for a directory that was moved from one path to another.
func (s *State) AreOursMoved(dst *os.Root, from, to string) bool {
	return s.areOursBelow(dst, from, to)
}

func (s *State) areOursBelow(dst *os.Root, name, at string) bool {
	entries, err := fs.ReadDir(rootfs.Of(dst), at)
	if err != nil || len(entries) == 0 {
		return false
	}
	for _, e := range entries {
		name, at := name+"/"+e.Name(), at+"/"+e.Name()
		if e.IsDir() {
			if !s.areOursBelow(dst, name, at) {
				return false
			}
			continue
		}
		info, err := e.Info()
		if err != nil || !s.isOursAt(dst, name, at, info) {
			return false
		}
	}
	return true
}

// Put writes r to the state file, in place of earlier records of its origin. If r.Placing is set, Put keeps the record of the
// files that are placed already. The destination is at dir.
func (s *State) Put(dir string, r *Record) error {
	r.Count, r.Boot = r.Files.Len(), durable.BootID()
	return s.edit(dir, r.Synced, func(records []*Record) []*Record {
		return append(dropRecords(records, r.Origin, r.Placing), r)
	})
}

// Abandon removes the record of files that were about to be placed in dst. The files in restored were put back, which changed
// only their ctimes: Abandon stores the new ones in the remaining records.
func (s *State) Abandon(origin string, dst *os.Root, restored []string) error {
	return s.edit(dst.Name(), false, func(records []*Record) []*Record {
		for _, r := range records {
			for _, name := range restored {
				i, ok := r.Files.index(name)
				if !ok || r.Hint {
					continue
				}
				f := r.Files.At(i)
				if info, err := dst.Lstat(name); err == nil && f.isUnchanged(dst, info, strictness{rights: r.Preserve}) {
					r.Files.Stat(i, info)
				}
			}
		}
		return dropRecords(records, origin, true)
	})
}

// dropRecords removes the records of an origin or, if placing is set, only the record of files about to be placed.
func dropRecords(records []*Record, origin string, placing bool) []*Record {
	return lists.Delete(records, func(r *Record) bool { return r.Origin == origin && (r.Placing || !placing) })
}

// edit changes the state file. It reads the records again first, because other pulls may have changed them. If two processes
// write at once, one change is lost, and the next pull compares contents.
func (s *State) edit(dir string, sync bool, change func([]*Record) []*Record) error {
	if s.Path == "" {
		return nil
	}
	f, err := createExclusive(s.Path + ".new")
	if f == nil {
		return err
	}
	defer f.Close()
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if err := writeRecords(f, dir, change(ReadState(s.Path).records)); err != nil {
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
	return durable.SyncDir(filepath.Dir(s.Path))
}

// createExclusive creates and locks an empty file, or reuses one left by a killed process. If another process is writing the
// file, createExclusive returns nil without an error.
func createExclusive(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if !filelock.TryFile(f) && filelock.Supported || !isSameFile(f, path) {
		f.Close()
		return nil, nil
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// isSameFile reports whether the open file is still the one at the path.
func isSameFile(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(ours, there)
}

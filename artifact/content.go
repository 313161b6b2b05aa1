package artifact

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
)

// contentTest tells whether a file or directory is what a role needs, by what is in it.
type contentTest struct {
	// expects says what passes: "SPDX in JSON". It completes "expected …" in a message.
	expects string
	// find returns the evidence: "begins with GGUF". It must read a bounded part of the file, whatever that claims.
	find func(s *sample) (evidence string, ok bool)
	// fault says what the native client would choke on in a file that fails although its name claims that it passes; nil
	// where the file is sound and something else. Where there is none, failing is the fault.
	fault func(s *sample) error
}

// headSize is how much of a file's beginning a sample holds: more than any magic number or first line needs.
const headSize = 64 << 10

// sample is a file or directory that roles are tried on. Its head is read once.
type sample struct {
	fsys fs.FS
	path string
	info fs.FileInfo

	read bool
	head []byte
	err  error

	scanned bool
	found   map[string][]string // see keys
}

// isDir tells whether the sample is a directory.
func (s *sample) isDir() bool { return s.info.IsDir() }

// begin returns the first bytes of a file, at most headSize; nothing of a directory or of what can't be read.
func (s *sample) begin() []byte {
	if !s.read && !s.isDir() {
		s.read = true
		s.head, s.err = readHead(s.fsys, s.path)
	}
	return s.head
}

// open opens the file anew.
func (s *sample) open() (fs.File, error) { return openFile(s.fsys, s.path) }

// names lists a directory's entries, sorted; nothing of a file.
func (s *sample) names() []string {
	entries, err := fs.ReadDir(s.fsys, s.path)
	if err != nil {
		return nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names
}

// in is a sample of a file inside a directory; ok is false where there is none.
func (s *sample) in(name string) (*sample, bool) {
	inner := &sample{fsys: s.fsys, path: path.Join(s.path, name)}
	info, err := fs.Stat(s.fsys, inner.path)
	inner.info = info
	return inner, err == nil
}

// errNotFile is the error of openFile.
var errNotFile = errors.New("not a regular file")

// openFile opens a regular file. Opening a named pipe would wait for a writer.
func openFile(fsys fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotFile
	}
	return fsys.Open(name)
}

func readHead(fsys fs.FS, name string) ([]byte, error) {
	f, err := openFile(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, headSize))
	return head, err
}

// errTooLarge is the error of readFile.
var errTooLarge = errors.New("is too large")

// readFile reads a whole file of at most limit bytes.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := openFile(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

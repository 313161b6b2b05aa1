package place

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/record"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Stage is the directory in the destination where files are prepared before they are moved to their names. It is named after the
// manifest, so that the next pull can continue a killed one, and locked, so that two pulls of the same artifact do not share it.
type Stage struct {
	dst  *os.Root
	Name string
	Root *os.Root
	lock *os.File
}

// The directories of a stage: fetched blobs, files ready to be placed, and the files they replace.
const (
	StageBlobs = "blobs"
	StageFiles = "files"
	stageOld   = "old"
)

// OpenStage creates the stage or takes over the one that a killed pull left. It removes unused stages of other artifacts.
// blobs maps names of files to the blobs that a killed pull may have moved there.
func OpenStage(dst *os.Root, d digest.Digest, blobs map[string]ocispec.Descriptor) (*Stage, error) {
	s, err := takeStage(dst, fetch.StagePrefix+d.Encoded()[:stageDigits])
	if err != nil {
		return nil, err
	}
	Sweep(dst, s.Name)
	s.recoverPlaced(blobs)
	for _, dir := range []string{StageFiles, stageOld} { // trees are unpacked again, because they may be incomplete
		if err := s.Root.RemoveAll(dir); err != nil {
			s.Close()
			return nil, err
		}
	}
	for _, dir := range []string{StageBlobs, StageFiles, stageOld} {
		if err := s.Root.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// recoverPlaced moves blobs that a killed pull had placed back to the blobs directory, where they are verified again instead
// of fetched.
func (s *Stage) recoverPlaced(blobs map[string]ocispec.Descriptor) {
	for name, desc := range blobs {
		name, blob := path.Join(StageFiles, name), BlobPath(desc)
		if info, err := s.Root.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() != desc.Size {
			continue
		}
		if _, err := s.Root.Lstat(blob); errors.Is(err, fs.ErrNotExist) {
			_ = s.Root.Rename(name, blob) // if this fails, the blob is fetched
		}
	}
}

// BlobPath returns the path of a blob in a stage.
func BlobPath(desc ocispec.Descriptor) string {
	return path.Join(StageBlobs, desc.Digest.Algorithm().String()+"-"+desc.Digest.Encoded())
}

// stageDigits is the number of digits of the manifest's digest in the name of its stage.
const stageDigits = 16

// errBusy is the error for a stage that another process uses.
var errBusy = errors.New("in use by another pull")

// maxTakes limits the attempts to take or remove a stage that another process removes or inspects at the same time.
const maxTakes = 20

// takeStage takes the stage with this name, or an alternative if it is in use.
func takeStage(dst *os.Root, name string) (s *Stage, err error) {
	at := name
	for range maxTakes {
		s, err = tryStage(dst, at)
		switch {
		case errors.Is(err, errBusy): // another pull uses the stage, or checks whether it is in use
			at = AlternativeName(name)
		case !errors.Is(err, fs.ErrNotExist):
			return s, err
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the directory was removed: %w", fs.ErrNotExist)
	}
	return nil, errBusy
}

// AlternativeName returns a random alternative name for the same stage.
func AlternativeName(name string) string {
	return name[:len(fetch.StagePrefix)+stageDigits] + "-" + strings.ToLower(rand.Text()[:8])
}

// tryStage creates or opens a stage, and locks it. It returns fs.ErrNotExist if another pull removes the stage at the same time, and
// errBusy if another pull uses the stage or another user could have written to it.
func tryStage(dst *os.Root, name string) (*Stage, error) {
	made := dst.Mkdir(name, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return nil, made
	}
	root, err := dst.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if made != nil && !isOurs(dst, root, name) {
		root.Close()
		return nil, errBusy
	}
	s := &Stage{dst: dst, Name: name, Root: root}
	if s.lock, err = root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		root.Close()
		return nil, err
	}
	if !filelock.TryFile(s.lock) && filelock.Supported {
		s.Release()
		return nil, errBusy
	}
	if !s.isCurrent() {
		s.Release()
		return nil, fs.ErrNotExist
	}
	return s, nil
}

// isOurs reports whether only this user could have written to a stage that existed already.
func isOurs(dst, stage *os.Root, name string) bool {
	info, err := stage.Stat(".")
	if err != nil {
		return false
	}
	if at, err := dst.Lstat(name); err != nil || !os.SameFile(at, info) {
		return false // a link
	}
	return record.IsPrivate(info)
}

// isCurrent reports whether the locked file is still the lock file of the stage.
func (s *Stage) isCurrent() bool {
	ours, err := s.lock.Stat()
	if err != nil {
		return false
	}
	there, err := s.dst.Stat(s.Name + "/lock")
	return err == nil && os.SameFile(ours, there)
}

// Release unlocks the stage and keeps its contents, for a later pull.
func (s *Stage) Release() {
	s.lock.Close()
	s.Root.Close()
}

// Close removes the stage with its contents. It renames the stage first, so that a process that has opened it notices the removal,
// and does not use the stage.
func (s *Stage) Close() error {
	defer s.Release()
	if name := AlternativeName(s.Name); s.dst.Rename(s.Name, name) == nil {
		s.Name = name
	}
	var err error
	for range maxTakes {
		if err = s.dst.RemoveAll(s.Name); !errors.Is(err, fs.ErrExist) { // "not empty" is an fs.ErrExist: another process created a lock file
			return err
		}
	}
	return err
}

// Sweep removes the stages of killed pulls, apart from the one named except. Stages in use are locked, and stay.
func Sweep(dst *os.Root, except string) {
	if !filelock.Supported {
		return
	}
	dir, err := dst.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			if e.IsDir() && stageName().MatchString(e.Name()) && e.Name() != except {
				sweepStage(dst, e.Name())
			}
		}
		if err != nil {
			return
		}
	}
}

// stageName matches the names of our stages; other directories are never touched.
var stageName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\.davit-[0-9a-f]{16}(-[a-z0-9]{8})?$`) })

func sweepStage(dst *os.Root, name string) {
	info, err := dst.Lstat(name + "/lock")
	if errors.Is(err, fs.ErrNotExist) {
		_ = dst.Remove(name) // fails unless it is empty: its creator was killed, or will create another one
		return
	}
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	if s, err := tryStage(dst, name); err == nil {
		s.Close()
	}
}

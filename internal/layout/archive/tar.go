package archive

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/layout/files"
	"github.com/davit-oci/davit/internal/layout/index"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tarFile is an archive on disk: where its blobs are.
type tarFile struct {
	file  *os.File
	info  fs.FileInfo
	index *index.Index
	blobs map[digest.Digest]files.Extent

	files    map[string]files.Extent // entries that are not blobs, for archives of docker save
	links    map[string]string
	invented *os.File // manifests made for docker save archives; nil: none
}

// maxTarEntries limits the entries of an archive that are read: no artifact has as many blobs.
const maxTarEntries = 1_000_000

// OpenTar reads the entries of an archive, without their content.
func OpenTar(name string) (*tarFile, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|filelock.OpenNonblock, 0)
	if err != nil {
		return nil, err
	}
	t := &tarFile{file: f, blobs: map[digest.Digest]files.Extent{}, files: map[string]files.Extent{}, links: map[string]string{}}
	if t.info, err = f.Stat(); err == nil && !t.info.Mode().IsRegular() {
		err = catalog.OpenError(name, errors.New("not a regular file"), "")
	}
	if err == nil {
		err = t.scan(name)
	}
	if err != nil {
		_ = t.close()
		return nil, err
	}
	t.files, t.links = nil, nil
	return t, nil
}

func (t *tarFile) scan(name string) error {
	r := tar.NewReader(t.file)
	for range maxTarEntries {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return t.complete(name)
		}
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			return err
		}
		if err != nil && t.isCompressed() {
			return catalog.OpenError(name, errors.New("it is compressed"), "decompress it first: an archive is read in place")
		}
		if err != nil {
			return artifact.Refused(name, "not a tar archive: %w", err)
		}
		at, err := t.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if err := t.recordEntry(name, h, at); err != nil {
			return err
		}
	}
	return artifact.Refused(name, "it has more than %d entries", maxTarEntries)
}

// isCompressed reports whether the file begins as gzip or zstd do.
func (t *tarFile) isCompressed() bool {
	var magic [4]byte
	_, err := t.file.ReadAt(magic[:], 0)
	return err == nil && (magic[0] == 0x1f && magic[1] == 0x8b || string(magic[:]) == "\x28\xb5\x2f\xfd")
}

// recordEntry records an entry that belongs to a layout. Other entries are ignored.
func (t *tarFile) recordEntry(archive string, h *tar.Header, at int64) error {
	name := path.Clean(h.Name)
	algorithm, encoded, isBlob := strings.Cut(strings.TrimPrefix(name, ocispec.ImageBlobsDir+"/"), "/")
	d := digest.Digest(algorithm + ":" + encoded)
	isBlob = isBlob && d.Validate() == nil && catalog.BlobName(d) == name
	if !isBlob && name != ocispec.ImageIndexFile && name != ocispec.ImageLayoutFile {
		t.note(name, h, at)
		return nil
	}
	if h.Typeflag != tar.TypeReg || isSparse(h) || at > t.info.Size()-h.Size {
		return artifact.Refused(archive, "entry %q is not a complete regular file", untrusted.Line(name, 200))
	}
	e := files.Extent{File: t.file, Offset: at, Size: h.Size}
	switch {
	case isBlob:
		t.blobs[d] = e
		return nil
	case name == ocispec.ImageLayoutFile:
		data, err := io.ReadAll(io.LimitReader(e.Reader(), 64<<10))
		if err != nil {
			return err
		}
		return catalog.CheckLayoutFile(archive, data)
	case t.index != nil:
		return artifact.Refused(archive, "it has two entries %q", name)
	}
	var err error
	t.index, err = index.Read(e.Reader(), archive+": "+name, e.Size)
	return err
}

// note records an entry that may belong to an archive of docker save.
func (t *tarFile) note(name string, h *tar.Header, at int64) {
	switch {
	case h.Typeflag == tar.TypeSymlink:
		t.links[name] = h.Linkname
	case h.Typeflag == tar.TypeReg && !isSparse(h) && at <= t.info.Size()-h.Size:
		t.files[name] = files.Extent{File: t.file, Offset: at, Size: h.Size}
	}
}

// isSparse reports whether an entry's bytes are not stored contiguously in the file.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// complete checks that an archive is that of a layout.
func (t *tarFile) complete(name string) error {
	if _, saved := t.files[dockerManifestFile]; saved && t.index == nil {
		return t.importDocker(name)
	}
	if t.index == nil {
		return catalog.OpenError(name, catalog.ErrNoLayout, "")
	}
	return nil
}

func (t *tarFile) openBlob(d digest.Digest) (*files.Blob, error) {
	e, ok := t.blobs[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return files.NewBlobFile(e, func() error { return nil }), nil
}

// replace renames a new archive to the name of this one, unless another process has replaced it.
func (t *tarFile) replace(temp, name string) error {
	if !t.isAt(name) {
		return catalog.ErrIndexChanged
	}
	if t.file == nil {
		switch err := os.Link(temp, name); {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist):
			return catalog.ErrIndexChanged
		} // a file system without hard links
	}
	return os.Rename(temp, name)
}

// isAt reports whether the file at a path is still the one that was read.
func (t *tarFile) isAt(name string) bool {
	info, err := os.Stat(name)
	if t.file == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return err == nil && os.SameFile(info, t.info) && info.Size() == t.info.Size() && info.ModTime().Equal(t.info.ModTime())
}

func (t *tarFile) close() error {
	if t.invented != nil {
		_ = t.invented.Close()
	}
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

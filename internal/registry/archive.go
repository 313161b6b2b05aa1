package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// Archive is an OCI image layout in a tar file, as skopeo and podman know it under "oci-archive:". It is read in place.
// What is written is kept aside until Close, which writes a new archive beside the old one and renames it: the file is
// there whole, or as it was.
type Archive struct {
	*catalog
	mode Mode
	old  *tarFile // what is there; empty: nothing

	mu      sync.Mutex // for what follows
	current *index     // of old, with changes
	changes []change
	staged  map[digest.Digest]staged
}

var _ Target = (*Archive)(nil)

// staged is a blob that Close will write.
type staged struct {
	desc ocispec.Descriptor
	file *os.File      // an unlinked temporary file that has it; nil: open has it
	blob artifact.Blob // a file of the user, read again by Close
}

// openArchive opens an archive. For Write it may be missing.
func openArchive(name string, mode Mode) (*Archive, error) {
	a := &Archive{catalog: newCatalog(name), mode: mode, staged: map[digest.Digest]staged{}}
	a.store = a
	old, err := openTar(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && mode == Write:
		old = &tarFile{index: newIndex()}
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("archive %q: %w", name, errdef.ErrNotFound)
	case err != nil:
		return nil, err
	}
	a.old, a.current = old, old.index
	return a, nil
}

func (a *Archive) index(context.Context) (*index, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current, nil
}

// blob opens a blob: one that waits for Close, or one of the file.
func (a *Archive) blob(d digest.Digest) (*blobFile, error) {
	a.mu.Lock()
	s, ok := a.staged[d]
	a.mu.Unlock()
	if ok {
		return s.open()
	}
	return a.old.blob(d)
}

// open gives what was staged.
func (s staged) open() (*blobFile, error) {
	if s.file != nil {
		return newBlobFile(extent{s.file, 0, s.desc.Size}, func() error { return nil }), nil
	}
	r, err := s.blob.Open(0)
	if err != nil {
		return nil, err
	}
	e, ok := wholeFile(r)
	if !ok || e.size != s.desc.Size {
		_ = r.Close()
		return nil, artifact.ErrChanged
	}
	return newBlobFile(e, r.Close), nil
}

// Push keeps a blob, or a manifest whose blobs are there, for Close. What is there already is not read.
func (a *Archive) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	if err := a.writable(); err != nil {
		return err
	}
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	if !artifact.IsManifest(desc.MediaType) {
		if a.has(desc) {
			return nil
		}
		_, err := a.spool(ctx, desc, r, nil)
		return err
	}
	data, err := readManifest(desc, r)
	if err != nil {
		return err
	}
	links := parseLinks(data)
	if err := a.lacks(links); err != nil {
		return fmt.Errorf("storing manifest %s: %w", a.named(desc.Digest), err)
	}
	if _, err := a.spool(ctx, desc, bytes.NewReader(data), nil); err != nil {
		return err
	}
	return a.edit(listing(a.catalog, desc, links))
}

// readManifest reads what is to become a manifest of a layout or archive.
func readManifest(desc ocispec.Descriptor, r io.Reader) ([]byte, error) {
	if desc.Size > artifact.MaxManifest {
		return nil, artifact.Refused(desc.Digest.String(), "a manifest of %d bytes; %d are allowed", desc.Size, artifact.MaxManifest)
	}
	data, err := content.ReadAll(r, desc)
	switch {
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, artifact.Refused(desc.Digest.String(), "its content is not what its descriptor says: %w", err)
	}
	return data, err
}

func (a *Archive) writable() error {
	if a.old.invented != nil {
		return &artifact.Error{Op: "writing", Item: a.path, Err: marked{errDockerArchive, errdef.ErrUnsupported}}
	}
	if a.mode != Write {
		return &fs.PathError{Op: "write", Path: a.path, Err: errors.New("opened for reading")}
	}
	return nil
}

func (a *Archive) has(desc ocispec.Descriptor) bool {
	b, err := a.open(desc)
	return err == nil && b.Close() == nil
}

// PushBlob keeps a blob for Close. A file is only hashed now, unless its digest is known, and copied then.
func (a *Archive) PushBlob(ctx context.Context, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	desc := b.Descriptor()
	if err := a.writable(); err != nil {
		return desc, 0, err
	}
	if b.Digest != "" {
		if err := checkDescriptor(desc); err != nil {
			return desc, 0, err
		}
		if a.has(desc) {
			return desc, artifact.Skipped, nil
		}
	}
	r, err := b.Open(0)
	if err != nil {
		return desc, 0, err
	}
	defer func() { _ = r.Close() }()
	e, ok := wholeFile(r)
	if !ok || b.Size < 0 {
		got, err := a.spool(ctx, desc, r, report)
		return got, artifact.Done, err
	}
	if desc.Digest == "" {
		h := digest.SHA256.Hash()
		if err := hashExtent(ctx, e, h, 0, orSilent(report)); err != nil {
			return desc, 0, err
		}
		desc.Digest = digest.NewDigest(digest.SHA256, h)
		if a.has(desc) {
			return desc, artifact.Skipped, nil
		}
	}
	if e.size != desc.Size {
		return desc, 0, artifact.ErrChanged
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.staged[desc.Digest] = staged{desc: desc, blob: b}
	return desc, artifact.Done, nil
}

func orSilent(report func(int64)) func(int64) {
	if report == nil {
		return func(int64) {}
	}
	return report
}

// spool writes a blob to a temporary file that has no name any more, and verifies it.
func (a *Archive) spool(ctx context.Context, desc ocispec.Descriptor, r io.Reader, report func(int64)) (ocispec.Descriptor, error) {
	f, err := a.temp()
	if err != nil {
		return desc, err
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return desc, err
	}
	got, err := fill(ctx, f, 0, r, desc, report)
	if err != nil {
		_ = f.Close()
		return got, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.staged[got.Digest]; ok {
		return got, f.Close()
	}
	a.staged[got.Digest] = staged{desc: got, file: f}
	return got, nil
}

// temp makes a temporary file beside the archive.
func (a *Archive) temp() (*os.File, error) {
	dir := filepath.Dir(a.path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	f, _, err := createTemp(root, ".", a.tempPrefix())
	return f, err
}

// tempPrefix begins the names of the temporary files.
func (a *Archive) tempPrefix() string { return "." + filepath.Base(a.path) + ".davit-" }

// sweep removes what killed processes left beside the archive.
func (a *Archive) sweep() {
	if root, err := os.OpenRoot(filepath.Dir(a.path)); err == nil {
		sweepTemps(root, ".", a.tempPrefix())
		_ = root.Close()
	}
}

// edit changes the index, now and again on whatever is there when the archive is written.
func (a *Archive) edit(c change) error {
	a.mu.Lock()
	next := a.current.clone()
	a.mu.Unlock()
	if err := c.apply(next); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current = next
	a.changes = append(a.changes, c)
	return nil
}

// Tag gives a manifest that is there a tag, besides those it has.
func (a *Archive) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	byDigest := reference == desc.Digest.String()
	if err := ValidTag(reference); err != nil && !byDigest {
		return badReference(reference, err)
	}
	if err := a.writable(); err != nil {
		return err
	}
	links, err := a.read(desc)
	if err != nil {
		return err
	}
	ix, _ := a.index(ctx)
	if e, err := ix.find(reference); err == nil && e.Digest == desc.Digest && e.refName() == reference {
		return nil
	}
	if err := a.edit(listing(a.catalog, desc, links)); err != nil || byDigest {
		return err
	}
	return a.edit(tagging(listEntry(desc, links), reference))
}

// Untag removes a tag. The manifest stays listed, without it.
func (a *Archive) Untag(_ context.Context, reference string) error {
	if err := a.writable(); err != nil {
		return err
	}
	if err := checkUntag(reference); err != nil {
		return err
	}
	if err := a.edit(untagging(reference)); err != nil {
		return fmt.Errorf("%s: %w", a.path, err)
	}
	return nil
}

// Delete removes a manifest with its tags. The blobs that nothing else needs go when the archive is written.
func (a *Archive) Delete(ctx context.Context, desc ocispec.Descriptor) error {
	if err := a.writable(); err != nil {
		return err
	}
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	ix, _ := a.index(ctx)
	if _, listed := ix.lists(desc.Digest); !listed {
		b, err := a.open(desc)
		if err != nil {
			return err
		}
		_ = b.Close()
		if err := a.needed(ctx, desc); err != nil {
			return err
		}
	}
	return a.edit(removal(desc.Digest))
}

// Close writes what was pushed and changed, if anything was, and ends the use of the archive.
func (a *Archive) Close() error {
	a.mu.Lock()
	changes := a.changes
	a.mu.Unlock()
	var err error
	if len(changes) > 0 {
		err = a.write(context.Background(), changes)
	}
	for _, s := range a.staged {
		if s.file != nil {
			_ = s.file.Close()
		}
	}
	a.changes, a.staged = nil, nil
	return errors.Join(err, a.old.close())
}

// write makes the changes on the archive that is there now, under a lock on its directory. That nothing is lost does
// not depend on the lock: the archive is not replaced if it is no longer the one that was read.
func (a *Archive) write(ctx context.Context, changes []change) error {
	dir := filepath.Dir(a.path)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	a.sweep()
	for range maxEdits {
		var lock *workLock
		if d, err := os.Open(dir); err == nil {
			lock = patientLock(ctx, d, flock)
		}
		err := a.writeOnce(ctx, changes)
		lock.release()
		if !errors.Is(err, errOvertaken) {
			return err
		}
		if err := sleep(ctx, minSettle); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: others changed it %d times", a.path, maxEdits)
}

func (a *Archive) writeOnce(ctx context.Context, changes []change) (err error) {
	now, err := openTar(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		now, err = &tarFile{index: newIndex()}, nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = now.close() }()
	a.mu.Lock()
	first := a.old
	a.old = now // what the changes ask about
	a.mu.Unlock()
	defer func() { a.mu.Lock(); a.old = first; a.mu.Unlock() }()
	ix := now.index.clone()
	for _, c := range changes {
		if err := c.apply(ix); err != nil && !errors.Is(err, errdef.ErrNotFound) {
			return err
		}
	}
	ix.sort()
	temp, err := a.compose(ctx, ix, now)
	if err != nil {
		return err
	}
	if !now.isAt(a.path) {
		err = errOvertaken
	}
	if err == nil {
		err = os.Rename(temp, a.path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return err
}

// compose writes a new archive with an index and the blobs it leads to, and gives its temporary name.
func (a *Archive) compose(ctx context.Context, ix *index, now *tarFile) (name string, err error) {
	digests, err := a.kept(ctx, ix, now)
	if err != nil {
		return "", err
	}
	f, err := a.temp()
	if err != nil {
		return "", err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	w := &tarWriter{file: f}
	version, _ := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	list, err := ix.marshal()
	if err != nil {
		return "", err
	}
	if err := w.add(ctx, ocispec.ImageLayoutFile, bytes.NewReader(version), ocispec.Descriptor{Size: int64(len(version))}); err != nil {
		return "", err
	}
	if err := w.add(ctx, ocispec.ImageIndexFile, bytes.NewReader(list), ocispec.Descriptor{Size: int64(len(list))}); err != nil {
		return "", err
	}
	for _, d := range digests {
		if err := a.addBlob(ctx, w, d); err != nil {
			return "", err
		}
	}
	return f.Name(), w.end()
}

// kept lists the blobs of the new archive, sorted: those that its index leads to and that are there. Of an index that
// can't be followed nobody knows what it needs, and all is kept.
func (a *Archive) kept(ctx context.Context, ix *index, now *tarFile) ([]digest.Digest, error) {
	needed, err := a.needs(ctx, ix.roots())
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var digests []digest.Digest
	for d := range now.blobs {
		if err != nil || needed[d] {
			digests = append(digests, d)
		}
	}
	for d := range a.staged {
		if _, there := now.blobs[d]; !there && (err != nil || needed[d]) {
			digests = append(digests, d)
		}
	}
	slices.Sort(digests)
	return digests, nil
}

// addBlob copies one blob and verifies it: what this archive had before, too.
func (a *Archive) addBlob(ctx context.Context, w *tarWriter, d digest.Digest) error {
	b, err := a.blob(d)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	err = w.add(ctx, blobName(d), b, ocispec.Descriptor{Digest: d, Size: b.size})
	if s, ok := a.staged[d]; ok && s.file == nil && errors.Is(err, artifact.ErrRefused) {
		return &artifact.Error{Op: "writing", Item: b.file.Name(), Err: artifact.ErrChanged}
	}
	return err
}

// tarWriter writes entries that depend on nothing but their names and bytes.
type tarWriter struct {
	file *os.File
	at   int64
}

func (w *tarWriter) add(ctx context.Context, name string, r io.Reader, desc ocispec.Descriptor) error {
	var header bytes.Buffer
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: desc.Size, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if err := tar.NewWriter(&header).WriteHeader(h); err != nil {
		return err
	}
	if _, err := w.file.WriteAt(header.Bytes(), w.at); err != nil {
		return err
	}
	w.at += int64(header.Len())
	if _, err := fill(ctx, w.file, w.at, r, desc, nil); err != nil {
		return err
	}
	w.at += (desc.Size + 511) / 512 * 512
	return nil
}

// end writes the two blocks of zeros at the end, and makes all of it last.
func (w *tarWriter) end() error {
	if err := w.file.Truncate(w.at + 1024); err != nil {
		return err
	}
	return w.file.Sync()
}

// tarFile is an archive on disk: where its blobs are.
type tarFile struct {
	file  *os.File
	info  fs.FileInfo
	index *index
	blobs map[digest.Digest]extent

	files    map[string]extent // entries that are no blobs, for archives of docker save
	links    map[string]string
	invented *os.File // manifests that were made for them; nil: none
}

// maxTarEntries bounds the entries of an archive that are looked at: more than any registry has blobs for an artifact.
const maxTarEntries = 1_000_000

// openTar reads the entries of an archive, without their content.
func openTar(name string) (*tarFile, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, err
	}
	t := &tarFile{file: f, blobs: map[digest.Digest]extent{}, files: map[string]extent{}, links: map[string]string{}}
	if t.info, err = f.Stat(); err == nil && !t.info.Mode().IsRegular() {
		err = &artifact.Error{Op: "opening", Item: name, Err: marked{errors.New("it is no regular file"), errdef.ErrInvalidReference}}
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
		if err != nil {
			return artifact.Refused(name, "it is no tar archive: %w", err)
		}
		at, err := t.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if err := t.entry(name, h, at); err != nil {
			return err
		}
	}
	return artifact.Refused(name, "it has more than %d entries", maxTarEntries)
}

// entry takes note of what belongs to a layout. Other entries are none of our business.
func (t *tarFile) entry(archive string, h *tar.Header, at int64) error {
	name := path.Clean(h.Name)
	algorithm, encoded, isBlob := strings.Cut(strings.TrimPrefix(name, ocispec.ImageBlobsDir+"/"), "/")
	d := digest.Digest(algorithm + ":" + encoded)
	isBlob = isBlob && d.Validate() == nil && blobName(d) == name
	if !isBlob && name != ocispec.ImageIndexFile && name != ocispec.ImageLayoutFile {
		t.note(name, h, at)
		return nil
	}
	if h.Typeflag != tar.TypeReg || isSparse(h) || at > t.info.Size()-h.Size {
		return artifact.Refused(archive, "entry %q is no whole regular file", oneLine(name, 200))
	}
	e := extent{t.file, at, h.Size}
	switch {
	case isBlob:
		t.blobs[d] = e
		return nil
	case name == ocispec.ImageLayoutFile:
		data, err := io.ReadAll(io.LimitReader(e.reader(), 64<<10))
		if err != nil {
			return err
		}
		return checkLayoutFile(archive, data)
	case t.index != nil:
		return artifact.Refused(archive, "it has two entries %q", name)
	}
	var err error
	t.index, err = readIndexFrom(e.reader(), archive+": "+name, e.size)
	return err
}

// note remembers an entry that may belong to an archive of docker save.
func (t *tarFile) note(name string, h *tar.Header, at int64) {
	switch {
	case h.Typeflag == tar.TypeSymlink:
		t.links[name] = h.Linkname
	case h.Typeflag == tar.TypeReg && !isSparse(h) && at <= t.info.Size()-h.Size:
		t.files[name] = extent{t.file, at, h.Size}
	}
}

// isSparse tells whether an entry's bytes are not in the file as they are.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// complete checks that an archive is one of a layout.
func (t *tarFile) complete(name string) error {
	if _, saved := t.files[dockerManifestFile]; saved && t.index == nil {
		return t.importDocker(name)
	}
	if t.index == nil {
		return &artifact.Error{Op: "opening", Item: name, Err: marked{errNoLayout, errdef.ErrInvalidReference}}
	}
	return nil
}

func (t *tarFile) blob(d digest.Digest) (*blobFile, error) {
	e, ok := t.blobs[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return newBlobFile(e, func() error { return nil }), nil
}

// isAt tells whether the file of a name is still the one that was read.
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

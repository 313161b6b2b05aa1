package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/untrusted"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

const (
	// maxNodes bounds the manifests that a walk through indexes visits, and maxDepth how deep they may lie in each other.
	maxNodes = 100_000
	maxDepth = 16
	// maxHeld is the largest blob that is verified in memory before its first byte is given out.
	maxHeld = 1 << 20
)

// catalog is what layouts and archives have in common: an index, and blobs that are parts of files. It only reads.
type catalog struct {
	path  string // as the user wrote it
	store access

	mu    sync.Mutex
	links map[digest.Digest]*links // of manifests that were read; they never change
}

// access reads what a catalog describes.
type access struct {
	index func(ctx context.Context) (*index, error) // not to be changed
	blob  func(d digest.Digest) (*blobFile, error)  // of a valid digest; fs.ErrNotExist: there is none
}

// blobFile is an opened blob, unverified.
type blobFile struct {
	extent
	*io.SectionReader // all of it
	close             func() error
}

func newBlobFile(e extent, close func() error) *blobFile {
	return &blobFile{extent: e, SectionReader: e.reader(), close: close}
}

// Close lets the file go.
func (b *blobFile) Close() error { return b.close() }

// links is what a manifest leads to.
type links struct {
	mediaType    string // as its body says, or looks
	artifactType string
	subject      digest.Digest // "": none
	children     []ocispec.Descriptor
	blobs        []ocispec.Descriptor
}

func newCatalog(path string) *catalog { return &catalog{path: path, links: map[digest.Digest]*links{}} }

// named is how a thing inside is called in errors.
func blobLabel(c *catalog, d digest.Digest) string {
	return c.path + "@" + untrusted.Line(d.String(), 200)
}

// open opens a blob whose size is as its descriptor says.
func openBlob(c *catalog, desc ocispec.Descriptor) (*blobFile, error) {
	if err := checkDescriptor(desc); err != nil {
		return nil, err
	}
	b, err := c.store.blob(desc.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", blobLabel(c, desc.Digest), errdef.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if b.size != desc.Size {
		_ = b.Close()
		return nil, artifact.Refused(blobLabel(c, desc.Digest), "it has %d bytes, its descriptor says %d", b.size, desc.Size)
	}
	return b, nil
}

// Fetch gives a blob or manifest. Its reader ends with an error in place of io.EOF if the content is not what the
// descriptor says; of small ones nothing is given out before that is known.
func (c *catalog) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	b, err := openBlob(c, desc)
	if err != nil {
		return nil, err
	}
	r := newVerifyingReader(b, b, desc)
	if desc.Size > maxHeld && !manifest.Is(desc.MediaType) || desc.Size > manifest.MaxSize {
		return r, nil
	}
	defer b.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// FetchRange gives length bytes of a blob from offset on, unverified.
func (c *catalog) FetchRange(_ context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 || offset > desc.Size || length > desc.Size-offset {
		return nil, artifact.Refused(desc.Digest.String(), "bytes %d to %d of a blob of %d", offset, offset+length, desc.Size)
	}
	b, err := openBlob(c, desc)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(b, offset, length), b}, nil
}

// FetchFile writes the verified blob to dst/name: by cloning, else by the kernel's copy. Report is told how many bytes
// are verified, none of which are under that name before the end; it may be nil.
func (c *catalog) FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) (err error) {
	b, err := openBlob(c, desc)
	if err != nil {
		return err
	}
	defer b.Close()
	part := name + ".part"
	if err := dst.RemoveAll(part); err != nil { // of a process that was killed
		return err
	}
	f, err := dst.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = fill(ctx, position{f, 0}, b, desc, verified(report))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = dst.Rename(part, name)
	}
	if err != nil {
		_ = dst.Remove(part)
	}
	return err
}

// verified makes a report of a function that may be nil.
func verified(report func(done, ready int64)) func(int64) {
	if report == nil {
		return nil
	}
	return func(done int64) { report(done, 0) }
}

// Exists tells whether a blob of this size is there; of a manifest also, that it is listed.
func (c *catalog) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if err := checkDescriptor(desc); err != nil {
		return false, err
	}
	b, err := c.store.blob(desc.Digest)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_ = b.Close()
	if b.size != desc.Size || !manifest.Is(desc.MediaType) {
		return b.size == desc.Size, nil
	}
	ix, err := c.store.index(ctx)
	if err != nil {
		return false, err
	}
	return isReached(ctx, c, ix, desc.Digest)
}

// Resolve gives the descriptor of a tag or digest.
func (c *catalog) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if reference == "" {
		return ocispec.Descriptor{}, errdef.ErrMissingReference
	}
	ix, err := c.store.index(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if d, err := digest.Parse(reference); err == nil {
		return c.resolveDigest(ix, d)
	}
	e, err := ix.find(reference)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("%s: %w", c.path, err)
	}
	return plain(e.Descriptor), checkDescriptor(e.Descriptor)
}

// plain is a descriptor without what depends on where it stood.
func plain(desc ocispec.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
}

// resolveDigest finds what is listed, or what merely is there: a manifest below an index, or any blob.
func (c *catalog) resolveDigest(ix *index, d digest.Digest) (ocispec.Descriptor, error) {
	if e, ok := ix.lists(d); ok {
		return plain(e.Descriptor), checkDescriptor(e.Descriptor)
	}
	b, err := c.store.blob(d)
	if errors.Is(err, fs.ErrNotExist) {
		return ocispec.Descriptor{}, fmt.Errorf("%s: %w", blobLabel(c, d), errdef.ErrNotFound)
	}
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	_ = b.Close()
	desc := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: b.size}
	if b.size <= manifest.MaxSize {
		if l, err := linksOf(c, desc); err == nil && l.mediaType != "" {
			desc.MediaType = l.mediaType
		}
	}
	return desc, nil
}

// Tags lists the tags, sorted, behind last.
func (c *catalog) Tags(ctx context.Context, last string, fn func(tags []string) error) error {
	ix, err := c.store.index(ctx)
	if err != nil {
		return err
	}
	tags := ix.tags()
	i, found := slices.BinarySearch(tags, last)
	if found {
		i++
	}
	if i == len(tags) {
		return nil
	}
	return fn(tags[i:])
}

// Predecessors lists the manifests whose subject is desc.
func (c *catalog) Predecessors(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var all []ocispec.Descriptor
	err := c.Referrers(ctx, desc, "", func(page []ocispec.Descriptor) error {
		all = append(all, page...)
		return nil
	})
	return all, err
}

// Referrers lists the manifests whose subject is desc, with their annotations.
func (c *catalog) Referrers(ctx context.Context, desc ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error {
	ix, err := c.store.index(ctx)
	if err != nil {
		return err
	}
	var found []ocispec.Descriptor
	err = walk(ctx, c, ix.roots(), func(node ocispec.Descriptor, l *links, err error) error {
		if err != nil || l.subject != desc.Digest {
			return nil // what can't be read is nobody's referrer; it fails where it is asked for
		}
		data, err := manifestData(c, node)
		if err != nil {
			return err
		}
		entry, _ := manifest.ReferrerEntry(plain(node), data)
		if artifactType == "" || entry.ArtifactType == artifactType {
			found = append(found, entry)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		return err
	}
	return fn(found)
}

// roots are the listed manifests.
func (ix *index) roots() []ocispec.Descriptor {
	roots := make([]ocispec.Descriptor, 0, len(ix.Entries))
	for _, e := range ix.Entries {
		roots = append(roots, e.Descriptor)
	}
	return roots
}

// manifest reads and verifies a manifest.
func manifestData(c *catalog, desc ocispec.Descriptor) ([]byte, error) {
	if desc.Size > manifest.MaxSize {
		return nil, artifact.Refused(blobLabel(c, desc.Digest), "a manifest of %d bytes; %d are allowed", desc.Size, manifest.MaxSize)
	}
	b, err := openBlob(c, desc)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return io.ReadAll(newVerifyingReader(b, b, desc))
}

// read gives what a manifest leads to.
func linksOf(c *catalog, desc ocispec.Descriptor) (*links, error) {
	c.mu.Lock()
	l := c.links[desc.Digest]
	c.mu.Unlock()
	if l != nil {
		return l, nil
	}
	data, err := manifestData(c, desc)
	if err != nil {
		return nil, err
	}
	l = parseLinks(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links[desc.Digest] = l
	return l, nil
}

// parseLinks reads a manifest of whatever type. What is none leads nowhere.
func parseLinks(data []byte) *links {
	var m struct {
		SchemaVersion int                  `json:"schemaVersion"`
		ArtifactType  string               `json:"artifactType"`
		Config        *ocispec.Descriptor  `json:"config"`
		Layers        []ocispec.Descriptor `json:"layers"`
		Blobs         []ocispec.Descriptor `json:"blobs"`
		Manifests     []ocispec.Descriptor `json:"manifests"`
		Subject       *ocispec.Descriptor  `json:"subject"`
	}
	if json.Unmarshal(data, &m) != nil {
		return &links{}
	}
	l := &links{artifactType: m.ArtifactType, children: m.Manifests, blobs: append(m.Layers, m.Blobs...)}
	if m.Config != nil {
		l.blobs = append(l.blobs, *m.Config)
	}
	if m.Subject != nil {
		l.subject = m.Subject.Digest
	}
	if t := manifest.TypeOf(data); manifest.Is(t) && (m.SchemaVersion == 2 || m.Blobs != nil) {
		l.mediaType = t
	}
	return l
}

// walk visits manifests and what lies below indexes, each once. fn is told what could not be read.
func walk(ctx context.Context, c *catalog, roots []ocispec.Descriptor, fn func(ocispec.Descriptor, *links, error) error) error {
	seen := map[digest.Digest]bool{}
	for level := 0; len(roots) > 0; level++ {
		var next []ocispec.Descriptor
		for _, node := range roots {
			if seen[node.Digest] {
				continue
			}
			seen[node.Digest] = true
			if len(seen) > maxNodes || level > maxDepth {
				return artifact.Refused(c.path, "more than %d manifests, or indexes in each other more than %d deep", maxNodes, maxDepth)
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			l, err := linksOf(c, node)
			if err == nil {
				next = append(next, l.children...)
			}
			if err := fn(node, l, err); err != nil {
				return err
			}
		}
		roots = next
	}
	return nil
}

// errFound ends a walk.
var errFound = errors.New("found")

// reaches tells whether a manifest is listed, by the index itself or by one below it.
func isReached(ctx context.Context, c *catalog, ix *index, d digest.Digest) (bool, error) {
	if _, ok := ix.lists(d); ok {
		return true, nil
	}
	var indexes []ocispec.Descriptor
	for _, e := range ix.Entries {
		if manifest.IsIndex(e.MediaType) {
			indexes = append(indexes, e.Descriptor)
		}
	}
	err := walk(ctx, c, indexes, func(_ ocispec.Descriptor, l *links, err error) error {
		if err == nil && slices.ContainsFunc(l.children, func(child ocispec.Descriptor) bool { return child.Digest == d }) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// needs is the set of digests that are reached from roots. It fails when a manifest can't be read: what it needs is
// not known then.
func neededBy(ctx context.Context, c *catalog, roots []ocispec.Descriptor) (map[digest.Digest]bool, error) {
	needed := map[digest.Digest]bool{}
	err := walk(ctx, c, roots, func(node ocispec.Descriptor, l *links, err error) error {
		if needed[node.Digest] = true; err != nil {
			return err
		}
		for _, b := range l.blobs {
			needed[b.Digest] = true
		}
		return nil
	})
	return needed, err
}

// lacks names the first thing that a manifest needs and that is not there. Blobs that have a URL may be elsewhere.
func checkComplete(c *catalog, l *links) error {
	for _, desc := range slices.Concat(l.children, l.blobs) {
		b, err := openBlob(c, desc)
		if errors.Is(err, errdef.ErrNotFound) && len(desc.URLs) > 0 {
			continue
		}
		if err != nil {
			return err
		}
		_ = b.Close()
	}
	return nil
}

// listEntry is how a manifest stands in an index.json.
func listEntry(desc ocispec.Descriptor, l *links) ocispec.Descriptor {
	if l.mediaType != "" {
		desc.MediaType = l.mediaType
	}
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
		ArtifactType: l.artifactType, Platform: desc.Platform}
}

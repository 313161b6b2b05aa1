package pull

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/archive/write"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// items decides what becomes of each layer. A volume that is not unpacked is one tar of what is in it, whichever layers
// it is in: what tools for volumes take.
func (p *puller) items(ctx context.Context, m *manifest) ([]*item, error) {
	if !p.opts.NoUnpack || m.kind().Name != mediatypes.Volume {
		return newItems(ctx, p.src, m, p.opts)
	}
	opts := p.opts
	opts.Include = nil // it is about the tar
	items, err := newItems(ctx, p.src, m, opts)
	name := volumeName(m)
	if err != nil || !p.matcher.match(name) {
		return nil, err
	}
	for _, it := range items {
		it.joined, it.name, it.strip = true, name, oci.CleanDir(prefixOf(m.kind()))
	}
	return items, nil
}

// volumeName is what the tar of a volume is called: after its title, if that is a file's name.
func volumeName(m *manifest) string {
	name, err := cleanName(m.Annotations[ocispec.AnnotationTitle] + ".tar")
	if err != nil || strings.Contains(name, "/") || name == ".tar" {
		return mediatypes.Volume + ".tar"
	}
	return name
}

// join makes one plain tar of the joined layers among the items, which are whole and verified.
func (p *puller) join(ctx context.Context, items []*item) error {
	var archives []func() (io.ReadCloser, error)
	var last *item
	for _, it := range items {
		if it.joined {
			last = it
			archives = append(archives, func() (io.ReadCloser, error) { return p.stage.root.Open(blobPath(it.desc)) })
		}
	}
	if last == nil {
		return nil
	}
	f, err := p.stage.root.OpenFile(path.Join(stageFiles, last.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	limits := p.opts.Limits
	hash := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, hash), copyBuffer)
	err = write.Rewrite(ctx, w, archives, write.RewriteOptions{
		Options: read.Options{
			Limits: archive.Limits{MaxSize: limits.MaxSize, MaxFiles: limits.MaxFiles, MaxRatio: limits.MaxRatio},
			Image:  true,
		},
		Place: func(name string) (string, error) { return stripped(last.strip, name) },
	})
	if errors.Is(err, archive.ErrUnsafe) {
		err = artifact.Refused("", "%w", err)
	}
	if err == nil {
		err = w.Flush()
	}
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return err
	}
	p.next.files.add(newPlaced(last.name, last.index, info, digest.NewDigest(digest.SHA256, hash)))
	return nil
}

// stripped is the name of an entry below dir, seen from there; others are left out. A whiteout of dir itself empties it.
func stripped(dir, name string) (string, error) {
	if dir == "" || name == dir {
		return path.Clean("./" + strings.TrimPrefix(name, dir)), nil
	}
	if inside, ok := strings.CutPrefix(name, dir+"/"); ok {
		return inside, nil
	}
	if name == ".wh."+dir || name == opaque {
		return opaque, nil
	}
	return "", archive.ErrSkip
}

// opaque is the name of the file by which a layer of an image hides all that earlier ones have in a directory.
const opaque = ".wh..wh..opq"

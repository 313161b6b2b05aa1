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
	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pull/place"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// items decides what becomes of each layer. A kind may want its layers as one tar where they are not unpacked, as tools for
// volumes do.
func (p *puller) items(ctx context.Context, m *fetch.Manifest) ([]*fetch.Item, error) {
	if !p.opts.NoUnpack || !m.Pull().Joins {
		return fetch.NewItems(ctx, p.src, m, p.opts.selection())
	}
	chosen := p.opts.selection()
	chosen.Include = nil // it is about the tar
	items, err := fetch.NewItems(ctx, p.src, m, chosen)
	name := joinedName(m)
	if err != nil || !p.matcher.Match(name) {
		return nil, err
	}
	for _, it := range items {
		it.Joined, it.Name, it.Strip = true, name, oci.CleanDir(fetch.PrefixOf(m.Kind()))
	}
	return items, nil
}

// joinedName returns the name of the tar of the joined layers: that of the artifact's title if it is the name of a file, else
// of its kind.
func joinedName(m *fetch.Manifest) string {
	name, err := fetch.CleanName(m.Annotations[ocispec.AnnotationTitle] + ".tar")
	if err != nil || strings.Contains(name, "/") || name == ".tar" {
		return m.Kind().Name + ".tar"
	}
	return name
}

// join makes one plain tar of the joined layers among the items, which are whole and verified.
func (p *puller) join(ctx context.Context, items []*fetch.Item) error {
	var archives []func() (io.ReadCloser, error)
	var last *fetch.Item
	for _, it := range items {
		if it.Joined {
			last = it
			archives = append(archives, func() (io.ReadCloser, error) { return p.stage.Root.Open(place.BlobPath(it.Desc)) })
		}
	}
	if last == nil {
		return nil
	}
	f, err := p.stage.Root.OpenFile(path.Join(place.StageFiles, last.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	limits := p.opts.Limits.archive()
	hash := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, hash), fetch.CopyBuffer)
	err = write.Rewrite(ctx, w, archives, write.RewriteOptions{
		Options: read.Options{
			Limits: limits,
			Image:  true,
		},
		Place: func(name string) (string, error) { return stripped(last.Strip, name) },
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
	p.next.Files.Add(newPlaced(last.Name, last.Index, info, digest.NewDigest(digest.SHA256, hash)))
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

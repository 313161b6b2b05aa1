package unpack

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
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
)

// join writes one uncompressed tar with the entries of the joined layers, which are verified.
func (u *Unpacker) join(ctx context.Context, items []*fetch.Item) error {
	var archives []func() (io.ReadCloser, error)
	var last *fetch.Item
	for _, it := range items {
		if it.Joined {
			last = it
			archives = append(archives, func() (io.ReadCloser, error) { return u.stage.Root.Open(place.BlobPath(it.Desc)) })
		}
	}
	if last == nil {
		return nil
	}
	f, err := u.stage.Root.OpenFile(path.Join(place.StageFiles, last.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	hash := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, hash), fetch.CopyBuffer)
	err = write.Rewrite(ctx, w, archives, write.RewriteOptions{
		Options: read.Options{
			Limits:   u.opts.Limits,
			Image:    true,
			Verbatim: u.opts.Owners, // as for layers that are unpacked
		},
		Place: func(name string) (string, error) { return stripPrefix(last.Strip, name) },
	})
	if errors.Is(err, archive.ErrUnsafe) {
		err = artifact.Refused("", "%w", err)
	}
	if err == nil {
		err = w.Flush()
	}
	info, statErr := f.Stat()
	if err := fault.Join(err, statErr, f.Close()); err != nil {
		return err
	}
	u.trees.files.Add(record.NewPlaced(last.Name, last.Index, info, digest.NewDigest(digest.SHA256, hash)))
	return nil
}

// stripPrefix returns the name of an entry relative to dir. It returns archive.ErrSkip for an entry outside of dir. A whiteout of dir
// itself becomes one that hides everything in dir from earlier layers.
func stripPrefix(dir, name string) (string, error) {
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

// opaque is the name of the whiteout that hides everything in a directory from earlier layers (image-spec, layer.md).
const opaque = ".wh..wh..opq"

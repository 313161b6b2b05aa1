// Package unpack fetches layers into a stage and unpacks them there while they arrive.
package unpack

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/record"
	"github.com/davit-oci/davit/pull/internal/place"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"
)

// Options determine how layers become files.
type Options struct {
	Limits      archive.Limits // of all layers together, and of each
	Matcher     fetch.Matcher  // which files of tar layers are unpacked
	Concurrency int            // blobs that are fetched at once

	Preserve   bool // restore modes, times, and extended attributes
	Owners     bool // also restore owners, and fail where that is not permitted
	Digests    bool // compute the digest of each file
	WaitForAll bool // unpack a layer only after it has been verified

	// Carried are files of layers that are not fetched, because an earlier pull unpacked them. Partial is set if there are
	// such layers. A fetched layer that depends on them makes Fetch fail with ErrEntangled.
	Carried *record.Table
	Partial bool

	// Report is called for each step of a layer, from several goroutines.
	Report func(step artifact.Step, layer ocispec.Descriptor, done int64)
}

// An Unpacker fetches layers into a stage.
type Unpacker struct {
	src   content.Fetcher
	stage *place.Stage
	opts  Options
	trees *trees
}

// New returns an Unpacker that adds a row to files for each file that it makes.
func New(src content.Fetcher, stage *place.Stage, files *record.Table, opts Options) (*Unpacker, error) {
	trees, err := newTrees(stage, files, opts)
	if err != nil {
		return nil, err
	}
	return &Unpacker{src: src, stage: stage, opts: opts, trees: trees}, nil
}

// IsEntangled reports whether layers replaced each other's files, so that no layer can be kept without the others.
func (u *Unpacker) IsEntangled() bool { return u.trees.entangled }

// Dirs returns the directories that layers have entries for.
func (u *Unpacker) Dirs() map[string]bool { return u.trees.dirs }

// LockDirs sets modes that restrict the owner on directories, once they are in dst.
func (u *Unpacker) LockDirs(dst *os.Root) error { return u.trees.lockDirs(dst) }

// Fetch fetches blobs into the stage, several at a time. It moves or unpacks them to the names of their files in the order of the
// manifest, while later blobs are still being fetched. It fails with ErrEntangled or ErrRestarted if layers must be fetched or
// unpacked in another way, and with artifact.ErrRefused if one does not match the manifest, is unsafe, or exceeds a limit.
func (u *Unpacker) Fetch(ctx context.Context, items []*fetch.Item) error {
	defer u.trees.root.Close()
	if err := u.fetchAll(ctx, items); err != nil {
		return err
	}
	return u.trees.close(ctx)
}

func (u *Unpacker) fetchAll(ctx context.Context, items []*fetch.Item) error {
	downloads := make(map[digest.Digest]*download, len(items))
	for _, it := range items {
		if downloads[it.Desc.Digest] == nil {
			downloads[it.Desc.Digest] = newDownload()
		}
		downloads[it.Desc.Digest].uses++
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(u.opts.Concurrency + 1)
	group.Go(func() error {
		for _, it := range items {
			if err := u.stageItem(ctx, it, downloads[it.Desc.Digest]); err != nil {
				return &artifact.Error{Op: "unpacking", Item: it.Name, Err: err}
			}
		}
		if err := u.join(ctx, items); err != nil {
			return &artifact.Error{Op: "joining the layers of", Item: items[0].Name, Err: err}
		}
		return nil
	})
	started := make(map[digest.Digest]bool, len(items))
	var each []*fetch.Item
	for _, it := range items {
		if started[it.Desc.Digest] {
			continue
		}
		started[it.Desc.Digest] = true
		each = append(each, it)
		u.opts.Report(artifact.Planned, it.Desc, 0)
	}
	for _, it := range each {
		group.Go(func() error { return u.fetchItem(ctx, it, downloads[it.Desc.Digest]) })
	}
	return group.Wait()
}

func (u *Unpacker) fetchItem(ctx context.Context, it *fetch.Item, d *download) error {
	u.opts.Report(artifact.Started, it.Desc, 0)
	err := fetch.FetchFile(ctx, u.src, it.Desc, fetch.File{Root: u.stage.Root, Name: place.BlobPath(it.Desc), Report: func(n, ready int64) {
		d.setReady(ready)
		u.opts.Report(artifact.Advanced, it.Desc, n)
	}})
	if err != nil {
		return &artifact.Error{Op: "pulling", Item: it.Name, Err: err}
	}
	d.setVerified()
	u.opts.Report(artifact.Done, it.Desc, it.Desc.Size)
	return nil
}

// stageItem moves a verified blob to its name in the stage, or unpacks it there. It unpacks a blob while it is being fetched,
// unless WaitForAll is set or the blob may not be a tar.
func (u *Unpacker) stageItem(ctx context.Context, it *fetch.Item, d *download) error {
	if !it.Unpack || it.Sniff || u.opts.WaitForAll {
		if err := d.waitVerified(ctx); err != nil {
			return err
		}
	}
	if it.Joined {
		return nil
	}
	d.uses--
	isTar := it.Unpack
	if it.Sniff {
		var err error
		if isTar, err = isTarFile(u.stage.Root, place.BlobPath(it.Desc)); err != nil {
			return err
		}
	}
	if !isTar {
		return u.stageFile(it, d.uses == 0)
	}
	r := &partialReader{ctx: ctx, download: d, root: u.stage.Root, name: place.BlobPath(it.Desc)}
	defer r.Close()
	err := u.trees.unpack(ctx, it, r)
	if err := r.verify(); err != nil { // a restart explains errors of unpacking
		return err
	}
	return err // the blob stays in the stage, so that it need not be fetched again if a later one fails
}

// stageFile moves a verified blob to its name in the stage.
func (u *Unpacker) stageFile(it *fetch.Item, last bool) error {
	root, to := u.stage.Root, path.Join(place.StageFiles, it.Name)
	if err := root.MkdirAll(path.Dir(to), 0o777); err != nil {
		return err
	}
	if _, err := root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return artifact.Refused(it.Name, "two layers have a file of this name")
	}
	if err := moveOrCopy(root, place.BlobPath(it.Desc), to, last); err != nil {
		return err
	}
	info, err := root.Lstat(to)
	if err != nil {
		return err
	}
	u.trees.files.Add(record.NewPlaced(it.Name, it.Index, info, it.Desc.Digest))
	return nil
}

// moveOrCopy moves a blob to its name if that is the last use of the blob, or else copies it. It makes no hard links, because a change
// of one file would change the other.
func moveOrCopy(root *os.Root, blob, to string, last bool) error {
	if last {
		return root.Rename(blob, to)
	}
	in, err := root.Open(blob)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return fault.Join(err, out.Close())
}

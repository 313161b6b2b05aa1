package pack

import (
	"io/fs"

	"github.com/davit-oci/davit/internal/digestcache"
	"github.com/davit-oci/davit/pack/internal/blob"
	"github.com/davit-oci/davit/pack/internal/node"
	"github.com/davit-oci/davit/pack/internal/tar"
	"github.com/opencontainers/go-digest"
)

// Cache remembers the digests of files and the tars of directories, so that unchanged files are not read again. It detects changes
// by metadata: inode, size, and times. Any number of processes can share its directory. A cache only saves work: a damaged one is
// treated as empty, and disk errors are not reported.
type Cache struct {
	digests *digestcache.Cache
	trees   *tar.Cache
}

// NewCache returns the cache in a directory, which need not exist. With "" it lasts only as long as the process.
func NewCache(dir string) *Cache { return &Cache{digestcache.New(dir), tar.NewCache(dir)} }

// Lookup returns the digest of a file that has not changed since it was stored.
func (c *Cache) Lookup(info fs.FileInfo) (digest.Digest, bool) { return c.digests.Lookup(info) }

// Store remembers the digest of a file whose info was taken before it was read.
func (c *Cache) Store(info fs.FileInfo, d digest.Digest) { c.digests.Store(info, d) }

// Close writes new entries to the directory. The cache can still be used, and closed again.
func (c *Cache) Close() {
	c.digests.Close()
	c.trees.Save()
}

// newPacker returns the packer for the files of fsys.
func (o Options) newPacker(fsys fs.FS) *blob.Packer {
	cache := o.Cache
	if cache == nil {
		cache = NewCache("")
	}
	return &blob.Packer{FS: fsys, Created: o.Created, Digests: cache.digests, Pool: tar.NewPool(cache.trees)}
}

func (o Options) base() *node.Base {
	if o.Base == nil {
		return nil
	}
	return &node.Base{Source: o.Base.Source, Descriptor: o.Base.Descriptor}
}

package pack

import (
	"io/fs"

	"github.com/davit-oci/davit/internal/digestcache"
	"github.com/davit-oci/davit/pack/blob"
	"github.com/davit-oci/davit/pack/node"
	"github.com/davit-oci/davit/pack/tar"
	"github.com/opencontainers/go-digest"
)

// Cache remembers what files hashed to and what directories were packed into, so that what did not change is not read
// again. It tells changes by what the file system says: inode, size, and times. Any number of processes can share its
// directory. A cache only saves work: a damaged one counts as empty, and errors of the disk are not reported.
type Cache struct {
	digests *digestcache.Cache
	trees   *tar.Cache
}

// NewCache returns the cache in a directory, which need not exist. With "" it remembers nothing beyond the process.
func NewCache(dir string) *Cache { return &Cache{digestcache.New(dir), tar.NewCache(dir)} }

// Lookup returns the digest of a file that did not change since it was stored.
func (c *Cache) Lookup(info fs.FileInfo) (digest.Digest, bool) { return c.digests.Lookup(info) }

// Store remembers the digest of a file whose info was taken before it was read.
func (c *Cache) Store(info fs.FileInfo, d digest.Digest) { c.digests.Store(info, d) }

// Close writes to the directory what is new. The cache can be used on, and closed again.
func (c *Cache) Close() {
	c.digests.Close()
	c.trees.Save()
}

// newPacker returns what packs the files of fsys.
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

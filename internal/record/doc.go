// Package record remembers what pulls placed in a directory. It is not a cache: the records decide which files davit may
// replace or remove. So they are replaced as a whole, through a locked temporary file, and synced with
// the files. The caches (internal/digestcache, pack/internal/tar) append instead, and may lose what they append.
package record

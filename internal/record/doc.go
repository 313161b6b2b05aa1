// Package record remembers what pulls placed in a directory. It is not a cache: the records decide which files davit may
// replace or remove. So they are replaced as a whole, through a temporary file that is locked, and synced with the files, where internal/digestcache and
// the cache of pack/internal/tar append and may lose what they append.
package record

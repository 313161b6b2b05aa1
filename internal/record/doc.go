// Package record stores which files pulls placed in a directory. It is not a cache: the records decide which files davit may
// replace or remove. Therefore a state file is replaced as a whole, through a locked temporary file, and synced with the placed
// files. The caches (internal/digestcache, pack/internal/tar) append to their files instead, and may lose entries.
package record

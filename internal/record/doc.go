// Package record stores which files pulls placed in a directory. It is not a cache: the records decide which files davit may
// replace or remove. Therefore each change replaces the state file, through a locked temporary file, and is synced with the placed
// files. The caches (internal/digestcache, pack/internal/tar) append to their files instead, and may lose entries.
package record

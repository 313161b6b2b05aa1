package place

import "golang.org/x/sys/unix"

// renameNew renames a file to a name that must not exist.
func renameNew(fromDir int, from string, toDir int, to string) error {
	return unix.RenameatxNp(fromDir, from, toDir, to, unix.RENAME_EXCL)
}

// exchange swaps two files.
func exchange(aDir int, a string, bDir int, b string) error {
	return unix.RenameatxNp(aDir, a, bDir, b, unix.RENAME_SWAP)
}

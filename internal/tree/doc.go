// Package tree reads the files that a declaration names. It reads no more of a file than necessary, only regular files, and none
// outside of the directory. It also reads ignore files.
package tree

// Package tree reads the files of a declaration: no more of each than it must, never a pipe, and never a file outside of
// the directory. It knows ignore files too.
package tree

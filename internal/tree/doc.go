// Package tree reads the files of a declaration: no more of each than necessary, never a pipe, and never a file outside
// of the directory. It also reads ignore files.
package tree

// Package sysfile reads and sets the metadata of files that package os does not cover: identity, owner, holes, extended
// attributes, and times of links.
package sysfile

import "syscall"

// File is a file of the operating system: an *os.File, or a directory with fewer methods.
type File interface {
	syscall.Conn
	Name() string
}

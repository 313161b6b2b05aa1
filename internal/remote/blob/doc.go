// Package blob reads ranges of blobs, and remembers which repositories of a registry have which blobs.
package blob

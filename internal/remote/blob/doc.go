// Package blob reads ranges of blobs, and records which repositories of a registry have which blobs.
package blob

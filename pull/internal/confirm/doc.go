// Package confirm compares files in a destination with those of an artifact.
package confirm

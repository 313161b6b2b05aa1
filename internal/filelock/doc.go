// Package filelock takes advisory locks of files, so that processes do not work against each other.
package filelock

// Package filelock takes locks on files, so that processes do not do the same work twice or write the same file at once.
package filelock

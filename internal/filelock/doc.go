// Package filelock takes advisory locks on files, so that processes do not get in each other's way.
package filelock

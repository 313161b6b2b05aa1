// Package fileid identifies files, and tells whether they changed.
package fileid

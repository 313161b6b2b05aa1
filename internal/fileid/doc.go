// Package fileid identifies files and detects that they changed.
package fileid

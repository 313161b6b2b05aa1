// Package download fetches a blob into a file, over several connections, and resumes what was interrupted.
package download

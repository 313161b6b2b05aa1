// Package download fetches a blob into a file, over several connections, and resumes interrupted downloads.
package download

// Package read lists, prints, compares, and shows the files of an artifact without placing them.
package read

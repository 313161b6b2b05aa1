// Package detect finds the kind of plain files, and writes a first davit.yaml for a directory.
package detect

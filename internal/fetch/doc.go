// Package fetch reads manifests, layers, and the files in them from a source, and verifies what it reads.
package fetch

// Package structure holds the tests of how the source is built: sizes, directions of imports, and where the environment is
// read. The exact import graph is in internal/cli/testdata/imports.txt.
package structure

// Package structure tests how the source is organized: sizes, directions of imports, and where the environment is read. The
// exact import graph is in internal/cli/testdata/imports.txt.
package structure

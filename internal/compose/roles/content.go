package roles

import (
	"io/fs"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/tree"
)

// Test checks whether the content of a file or directory fits a role.
type Test struct {
	// Expects describes the content that passes: "SPDX in JSON". It follows "expected" in messages.
	Expects string
	// Find returns the evidence: "begins with GGUF". It must read a bounded part of the file, whatever size the file claims.
	Find func(s *tree.Sample) (evidence string, ok bool)
	// Fault returns the reason why the native client would reject a file that fails although its name claims that it
	// passes, or nil if the file is valid and something else. Without a Fault function, the failed test is the fault.
	Fault func(s *tree.Sample) error
	// Ignore returns a filter of the paths that the native client does not pack from a directory that passes. It is for clients whose ignore
	// file has its own syntax.
	Ignore func(fsys fs.FS, dir string) (spec.Filter, error)
	// IsGeneral means that the test also passes directories that another kind may describe better. A kind that any other test shows takes
	// precedence.
	IsGeneral bool
	// Last returns the evidence in the names of all files of a directory that no test of any kind passes, as Find does. It may be nil.
	Last func(names []string) (evidence string, ok bool)
	// Near returns what keeps a directory from passing that seems to be meant to: "has templates, but no Chart.yaml". It may be nil.
	Near func(s *tree.Sample) string
}

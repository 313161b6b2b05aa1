package roles

import "github.com/davit-oci/davit/internal/tree"

// Test checks whether the content of a file or directory fits a role.
type Test struct {
	// Expects describes the content that passes: "SPDX in JSON". It completes "expected …" in a message.
	Expects string
	// Find returns the evidence: "begins with GGUF". It must read a bounded part of the file, whatever size the file claims.
	Find func(s *tree.Sample) (evidence string, ok bool)
	// Fault returns the reason why the native client would reject a file that fails although its name claims that it
	// passes, or nil if the file is valid and something else. Without a Fault function, the failed test is the fault.
	Fault func(s *tree.Sample) error
}

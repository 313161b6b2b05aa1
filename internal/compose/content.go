package compose

import "github.com/davit-oci/davit/internal/tree"

// Test tells whether a file or directory is what a role needs, by what is in it.
type Test struct {
	// Expects says what passes: "SPDX in JSON". It completes "expected …" in a message.
	Expects string
	// Find returns the evidence: "begins with GGUF". It must read a bounded part of the file, whatever that claims.
	Find func(s *tree.Sample) (evidence string, ok bool)
	// Fault says what the native client would choke on in a file that fails although its name claims that it passes; nil
	// where the file is sound and something else. Where there is none, failing is the fault.
	Fault func(s *tree.Sample) error
}

//go:build !windows

package term

import "os"

// enableSequences returns true: except on Windows, terminals understand control sequences by default.
func enableSequences(*os.File) bool { return true }

//go:build !windows

package term

import "os"

// enableSequences reports true: terminals of other systems have control sequences.
func enableSequences(*os.File) bool { return true }

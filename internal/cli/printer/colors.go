package printer

import "os"

// HasColors reports whether output is colored: on a terminal that is not dumb, unless CLICOLOR is 0, and anywhere if CLICOLOR_FORCE is
// set and not 0. If NO_COLOR is set, it is never colored.
func HasColors(terminal bool) bool {
	force := os.Getenv("CLICOLOR_FORCE")
	switch {
	case os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && os.Getenv("CLICOLOR") != "0" && !IsDumb()
}

// IsDumb reports whether the terminal understands no control sequences.
func IsDumb() bool { return os.Getenv("TERM") == "dumb" }

package term

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableSequences turns on control sequences for a console. It reports whether the console supports them, as in Windows 10 and newer.
func enableSequences(f *os.File) bool {
	handle := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(handle, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

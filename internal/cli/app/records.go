package app

import (
	"errors"
	"os"
	"path/filepath"
)

// RecordsDir returns the directory for records of pulls, which may not exist. It is outside of the cache because records must not be lost.
// It fails if the environment has no home directory.
func RecordsDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "davit", "pulled"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("neither XDG_STATE_HOME nor a home directory is set")
	}
	return filepath.Join(home, ".local", "state", "davit", "pulled"), nil
}

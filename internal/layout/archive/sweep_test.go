package archive

import (
	"errors"
	"os"
	"testing"

	"github.com/davit-oci/davit/internal/reference"
)

// TestSweepKeepsFilesInUse checks that the cleanup of one process keeps the temporary file of another process until it is closed.
func TestSweepKeepsFilesInUse(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/oci.tar"
	open := func() *Archive {
		a, err := Open(file, reference.Write)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a, other := open(), open()
	err := a.withLatest(func(now *tarFile) error {
		temp, err := a.compose(t.Context(), now.index.Clone(), now)
		if err != nil {
			return err
		}
		other.sweep()
		if _, err := os.Stat(temp.Name()); err != nil {
			t.Errorf("a file in use was removed: %v", err)
		}
		if err := temp.Close(); err != nil {
			t.Error(err)
		}
		other.sweep()
		if _, err := os.Stat(temp.Name()); err == nil {
			t.Error("an abandoned file still exists")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Close(t.Context(), nil), other.Close(t.Context(), nil)); err != nil {
		t.Error(err)
	}
}

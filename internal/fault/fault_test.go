package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/davit-oci/davit/internal/fault"
)

func TestAs(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	kind, other := errors.New("kind"), errors.New("other")
	err := fmt.Errorf("reading: %w", fault.As(cause, kind, other))
	if err.Error() != "reading: "+cause.Error() {
		t.Errorf("got %q, want the text of the cause", err)
	}
	for _, is := range []error{kind, other, fs.ErrNotExist} {
		if !errors.Is(err, is) {
			t.Errorf("errors.Is(err, %v): got false, want true", is)
		}
	}
	var pathError *fs.PathError
	if !errors.As(err, &pathError) || errors.Is(err, fs.ErrExist) {
		t.Errorf("got %#v, want the cause and no other error", err)
	}
}

func TestWorded(t *testing.T) {
	for _, text := range []string{"another text", ""} {
		err := fault.Worded(text, fs.ErrInvalid)
		if err.Error() != text || !errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrExist) {
			t.Errorf("got %q, want the text %q and the cause", err, text)
		}
	}
}

package answer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/serve/answer"
)

// TestFor checks the response to each kind of error, which must not contain a server path.
func TestFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
		has    string
	}{
		{fmt.Errorf("x: %w", answer.NameUnknown("a/b")), 404, `"a/b"`},
		{errors.Join(answer.ErrReadOnly, errors.New("/secret")), 403, "read-only"},
		{&fs.PathError{Op: "write", Path: "/secret", Err: syscall.ENOSPC}, 507, "full"},
		{&fs.PathError{Op: "open", Path: "/secret", Err: syscall.EACCES}, 500, "permission denied"},
		{artifact.Refused("sha256:1", "other bytes"), 500, "damaged"},
		{errors.New("/secret"), 500, "log"},
	} {
		got := answer.For(test.err)
		if got.Status != test.status || !strings.Contains(got.Message, test.has) || strings.Contains(got.Message, "/secret") {
			t.Errorf("%v: got %d %q, want %d %q without the path", test.err, got.Status, got.Message, test.status, test.has)
		}
	}
}

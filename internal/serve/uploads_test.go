package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
)

func openUploads(t *testing.T) (*uploads, *repository, string) {
	t.Helper()
	dir := t.TempDir()
	target, err := registry.New(registry.Options{}).Open(t.Context(), registry.Reference{Path: dir}, registry.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { target.Close() })
	return newUploads(), &repository{layout: target.(layout), name: "x", home: "x"}, dir
}

func TestIdleUploads(t *testing.T) {
	t.Parallel()
	u, repo, dir := openUploads(t)
	var all []*upload
	for range 3 {
		up, err := u.start(t.Context(), repo)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, up)
	}
	all[0].done()
	all[1].done()
	now := time.Now()
	all[1].used = now.Add(maxIdle)
	u.mu.Lock()
	u.forgetIdle(now.Add(maxIdle + time.Minute))
	u.mu.Unlock()
	for i, want := range []bool{false, true, true} { // idle, used since, in use
		if _, there := u.find(all[i].id); there != want {
			t.Errorf("upload %d: there %v, want %v", i, there, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, ".davit", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("files of uploads: %q %v", files, err)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
}

func TestTooManyUploads(t *testing.T) {
	t.Parallel()
	u, repo, _ := openUploads(t)
	for i := range maxUploads {
		u.sessions[fmt.Sprint(i)] = &upload{turn: make(chan struct{}, 1), used: time.Now()}
	}
	_, err := u.start(t.Context(), repo)
	if answer := answerFor(err); answer.status != http.StatusTooManyRequests {
		t.Errorf("one more upload: %v", err)
	}
}

// TestAnswers: what goes wrong here is told without the paths that are in it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
		has    string
	}{
		{fmt.Errorf("x: %w", nameUnknown("a/b")), 404, `"a/b"`},
		{errors.Join(errReadOnly, errors.New("/secret")), 403, "read-only"},
		{&fs.PathError{Op: "write", Path: "/secret", Err: syscall.ENOSPC}, 507, "full"},
		{&fs.PathError{Op: "open", Path: "/secret", Err: syscall.EACCES}, 500, "permission denied"},
		{artifact.Refused("sha256:1", "other bytes"), 500, "damaged"},
		{errors.New("/secret"), 500, "output"},
	} {
		got := answerFor(test.err)
		if got.status != test.status || !strings.Contains(got.message, test.has) || strings.Contains(got.message, "/secret") {
			t.Errorf("%v: %d %q", test.err, got.status, got.message)
		}
	}
}

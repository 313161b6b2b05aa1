package unpack

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/davit-oci/davit/internal/pulltest"
)

// TestPartialReader checks that a reader reads a file while it grows.
func TestPartialReader(t *testing.T) {
	t.Parallel()
	root := pulltest.NewDir(t)
	f, err := root.Create("blob")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(10); err != nil {
		t.Fatal(err)
	}
	d := newDownload()
	r := &partialReader{ctx: t.Context(), download: d, root: root, name: "blob"}
	defer r.Close()
	grow := func(text string, at int64) {
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
		d.setReady(at + int64(len(text)))
	}
	read := func(want string) {
		t.Helper()
		buf := make([]byte, 20)
		n, err := r.Read(buf)
		if string(buf[:n]) != want || err != nil {
			t.Errorf("got %q, %v, want %q", buf[:n], err, want)
		}
	}
	grow("01234", 0)
	read("01234")
	next := make(chan string)
	go func() {
		buf := make([]byte, 20)
		n, _ := r.Read(buf)
		next <- string(buf[:n])
	}()
	grow("567", 5)
	if got := <-next; got != "567" {
		t.Errorf("got %q", got)
	}
	grow("89", 8)
	d.setVerified()
	read("89")
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
	if err := r.verify(); err != nil {
		t.Error(err)
	}
}

// TestPartialReaderOfRestart checks that a reader detects that the download began again, which does not affect later readers.
func TestPartialReaderOfRestart(t *testing.T) {
	t.Parallel()
	root := pulltest.NewDir(t)
	if err := root.WriteFile("blob", []byte("0123456789"), 0o666); err != nil {
		t.Fatal(err)
	}
	d := newDownload()
	early := &partialReader{ctx: t.Context(), download: d, root: root, name: "blob"}
	defer early.Close()
	d.setReady(5)
	if _, err := early.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	d.setReady(0)
	d.setReady(8)
	if _, err := early.Read(make([]byte, 3)); !errors.Is(err, ErrRestarted) {
		t.Errorf("got %v", err)
	}
	d.setVerified()
	if err := early.verify(); !errors.Is(err, ErrRestarted) {
		t.Errorf("got %v", err)
	}
	late := &partialReader{ctx: t.Context(), download: d, root: root, name: "blob"}
	defer late.Close()
	if got, err := io.ReadAll(late); string(got) != "0123456789" || err != nil || late.verify() != nil {
		t.Errorf("got %q, %v, %v", got, err, late.verify())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := &partialReader{ctx: ctx, download: newDownload(), root: root, name: "blob"}
	if _, err := never.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

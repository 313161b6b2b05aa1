package unpack

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/davit-oci/davit/internal/pulltest"
)

// TestPartialReader checks that a file can be read while it grows.
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
		t.Errorf("got %q, want 567", got)
	}
	grow("89", 8)
	d.setVerified()
	read("89")
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("at the end: got %d bytes, %v, want io.EOF", n, err)
	}
	if err := r.verify(); err != nil {
		t.Error(err)
	}
}

// TestPartialReaderRestart checks that a reader fails if the download begins again, that a later reader succeeds, and that canceling
// the context ends a read.
func TestPartialReaderRestart(t *testing.T) {
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
		t.Errorf("Read: got %v, want ErrRestarted", err)
	}
	d.setVerified()
	if err := early.verify(); !errors.Is(err, ErrRestarted) {
		t.Errorf("verify: got %v, want ErrRestarted", err)
	}
	late := &partialReader{ctx: t.Context(), download: d, root: root, name: "blob"}
	defer late.Close()
	if got, err := io.ReadAll(late); string(got) != "0123456789" || err != nil || late.verify() != nil {
		t.Errorf("later reader: got %q, %v, verify %v, want 0123456789", got, err, late.verify())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := &partialReader{ctx: ctx, download: newDownload(), root: root, name: "blob"}
	if _, err := never.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v, want context.Canceled", err)
	}
}

package share_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/filelock"
	"github.com/davit-oci/davit/internal/remote/blob/download"
	"github.com/davit-oci/davit/internal/remote/blob/share"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// process simulates one of several processes that download the same blobs. A lock belongs to an open file, so two locks in the
// same process exclude each other too.
type process struct {
	share.Downloads
	root *os.Root
}

func newProcess(t *testing.T, dir string) *process {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Downloads: share.Downloads{Dir: dir}, root: root}
	t.Cleanup(func() {
		p.Close()
		_ = root.Close()
	})
	return p
}

// get fetches a blob into a file, and checks the content. The reports about a copied blob must begin with 0 bytes and end with its
// size.
func (p *process) get(ctx context.Context, data []byte, name string, fetch func() error) error {
	desc := ocispec.Descriptor{MediaType: "a/b", Digest: digest.FromBytes(data), Size: int64(len(data))}
	var reports []int64
	report := func(done, _ int64) { reports = append(reports, done) }
	err := p.File(ctx, desc, download.Destination{Root: p.root, Name: name, Report: report}, fetch)
	if err != nil {
		return err
	}
	if len(reports) > 0 && reports[0] != 0 || len(reports) > 1 && reports[len(reports)-1] != desc.Size { // a copy may fail after the first
		return fmt.Errorf("%s: got the reports %d, want 0 and then %d bytes", name, reports, desc.Size)
	}
	if got, err := p.root.ReadFile(name); err != nil || !bytes.Equal(got, data) {
		return fmt.Errorf("%s: got %d bytes, %w, want the blob of %d", name, len(got), errors.Join(err, errWrong), len(data))
	}
	return nil
}

var errWrong = errors.New("wrong content")

// fetchFunc returns a fetch function that counts its calls, waits until begun is closed, and writes the blob into a file.
func (p *process) fetchFunc(data []byte, name string, fetches *atomic.Int64, begun <-chan struct{}) func() error {
	return func() error {
		fetches.Add(1)
		<-begun
		return p.root.WriteFile(name, data, 0o666)
	}
}

func blob(i, size int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%07d\n", i), size/8) }

// TestOnce checks that eight processes hardly ever fetch a blob twice, even if a process moves or removes its file afterward.
func TestOnce(t *testing.T) {
	t.Parallel()
	const processes, blobs = 8, 12
	dir := filepath.Join(t.TempDir(), "downloads")
	var fetches atomic.Int64
	var started, ended sync.WaitGroup
	begun := make(chan struct{})
	started.Add(processes)
	go func() {
		started.Wait()
		close(begun)
	}()
	for i := range processes {
		p := newProcess(t, dir)
		ended.Go(func() {
			var once sync.Once
			for k := range blobs {
				name := fmt.Sprintf("blob%d", k)
				fetch := p.fetchFunc(blob(k, 4096<<(k%7)), name, &fetches, begun)
				go func() { once.Do(started.Done) }()
				if err := p.get(t.Context(), blob(k, 4096<<(k%7)), name, fetch); err != nil {
					t.Error(err)
				}
				if (i+k)%2 == 0 { // like a layer that was unpacked
					_ = p.root.Remove(name)
				} else { // like a file that gets its final name
					_ = p.root.Rename(name, "final"+name)
				}
			}
		})
	}
	ended.Wait()
	if got := fetches.Load(); got > blobs*12/10 {
		t.Errorf("got %d fetches of %d blobs, want at most %d", got, blobs, blobs*12/10)
	}
}

// TestFailure checks that a waiting process fetches a blob itself if the first process fails, stalls, or writes other content.
func TestFailure(t *testing.T) {
	t.Parallel()
	data := blob(1, 64<<10)
	for name, first := range map[string]func(p *process, release <-chan struct{}) error{
		"fails": func(_ *process, release <-chan struct{}) error {
			<-release
			return errors.New("no route to host")
		},
		"fails after some bytes": func(p *process, release <-chan struct{}) error {
			err := p.root.WriteFile("first", append(data[:1000:1000], make([]byte, len(data)-1000)...), 0o666)
			<-release
			return errors.Join(err, errors.New("connection reset"))
		},
		"writes other bytes": func(p *process, release <-chan struct{}) error {
			<-release
			return p.root.WriteFile("first", bytes.ToUpper(blob(2, len(data))), 0o666)
		},
		"writes too few bytes": func(p *process, release <-chan struct{}) error {
			<-release
			return p.root.WriteFile("first", data[:7], 0o666)
		},
		"stalls": func(_ *process, release <-chan struct{}) error {
			<-release
			<-release
			return errors.New("stalled")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "downloads")
			one, two := newProcess(t, dir), newProcess(t, dir)
			two.Stall = 100 * time.Millisecond
			begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- one.get(context.WithoutCancel(t.Context()), data, "first", func() error {
					close(begun)
					return first(one, release)
				})
			}()
			<-begun
			if name != "stalls" {
				go func() { release <- struct{}{} }()
			}
			var fetches atomic.Int64
			all := make(chan struct{})
			close(all)
			if err := two.get(t.Context(), data, "second", two.fetchFunc(data, "second", &fetches, all)); err != nil || fetches.Load() != 1 {
				t.Errorf("got %v after %d fetches, want no error after one", err, fetches.Load())
			}
			if name == "stalls" {
				release <- struct{}{}
				release <- struct{}{}
			}
			if err := <-ended; err == nil {
				t.Error("the first process: got no error, want one")
			}
		})
	}
}

// TestCanceled checks that waiting ends with the context.
func TestCanceled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "downloads")
	data := blob(3, 64<<10)
	one, two := newProcess(t, dir), newProcess(t, dir)
	begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- one.get(context.WithoutCancel(t.Context()), data, "first", func() error {
			close(begun)
			<-release
			return one.root.WriteFile("first", data, 0o666)
		})
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := two.get(ctx, data, "second", func() error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestUntrusted checks that a directory that other users can write to is not used, and that a forged ticket does no harm.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	data := blob(4, 64<<10)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, bytes.ToUpper(blob(5, len(data))), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(dir, ticket string) error{
		"directory writable by all": func(dir, _ string) error { return os.Chmod(dir, 0o777) },
		"link to the directory": func(dir, _ string) error {
			return errors.Join(os.Remove(dir), os.Symlink(t.TempDir(), dir))
		},
		"ticket for another file":       func(_, ticket string) error { return forgeTicket(ticket, secret) },
		"ticket for a device":           func(_, ticket string) error { return forgeTicket(ticket, os.DevNull) },
		"ticket for a directory":        func(dir, ticket string) error { return forgeTicket(ticket, dir) },
		"ticket not in JSON":            func(_, ticket string) error { return os.WriteFile(ticket, []byte("{{{"), 0o600) },
		"large ticket":                  func(_, ticket string) error { return os.WriteFile(ticket, []byte(strings.Repeat(" ", 1<<20)), 0o600) },
		"directory instead of a ticket": func(_, ticket string) error { return os.Mkdir(ticket, 0o700) },
		"no directory for tickets":      func(dir, _ string) error { return os.Remove(dir) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "downloads")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			other := newProcess(t, dir) // while this process exists, no tickets are removed
			if err := other.get(t.Context(), blob(6, 8192), "x", func() error { return other.root.WriteFile("x", blob(6, 8192), 0o666) }); err != nil {
				t.Fatal(err)
			}
			_ = os.Remove(filepath.Join(dir, "active"))
			if err := forge(dir, filepath.Join(dir, ticketName(data))); err != nil {
				t.Fatal(err)
			}
			p := newProcess(t, dir)
			var fetches atomic.Int64
			all := make(chan struct{})
			close(all)
			if err := p.get(t.Context(), data, "file", p.fetchFunc(data, "file", &fetches, all)); err != nil || fetches.Load() != 1 {
				t.Errorf("got %v after %d fetches, want no error after one", err, fetches.Load())
			}
			if after, err := os.ReadFile(secret); err != nil || len(after) != len(data) {
				t.Errorf("the file named in the ticket was changed: %d bytes, %v", len(after), err)
			}
		})
	}
}

// forgeTicket writes a ticket that names a file.
func forgeTicket(ticket, file string) error {
	return os.WriteFile(ticket, fmt.Appendf(nil, `{"path":%q,"complete":true}`, file), 0o600)
}

func ticketName(data []byte) string { return filelock.Key(digest.FromBytes(data).String()) }

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

// process simulates one of several processes that download the same blobs. Locks belong to open files, so two of them in one
// process exclude each other too.
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

// get fetches a blob into a file of the process, and checks the content.
func (p *process) get(ctx context.Context, data []byte, name string, fetch func() error) error {
	desc := ocispec.Descriptor{MediaType: "a/b", Digest: digest.FromBytes(data), Size: int64(len(data))}
	err := p.File(ctx, desc, download.Destination{Root: p.root, Name: name}, fetch)
	if err != nil {
		return err
	}
	if got, err := p.root.ReadFile(name); err != nil || !bytes.Equal(got, data) {
		return fmt.Errorf("%s has %d bytes, %w, want the %d of the blob", name, len(got), errors.Join(err, errWrong), len(data))
	}
	return nil
}

var errWrong = errors.New("wrong content")

// writes returns a fetch function that counts its calls, waits until all processes have begun, and writes the blob into a file.
func (p *process) writes(data []byte, name string, fetches *atomic.Int64, begun <-chan struct{}) func() error {
	return func() error {
		fetches.Add(1)
		<-begun
		return p.root.WriteFile(name, data, 0o666)
	}
}

func blob(i, size int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%07d\n", i), size/8) }

// TestOnce checks that eight processes fetch each of several blobs once, whatever the first one does with its files then.
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
				fetch := p.writes(blob(k, 4096<<(k%7)), name, &fetches, begun)
				go func() { once.Do(started.Done) }()
				if err := p.get(t.Context(), blob(k, 4096<<(k%7)), name, fetch); err != nil {
					t.Error(err)
				}
				if (i+k)%2 == 0 { // unpacked, or given its final name
					_ = p.root.Remove(name)
				} else {
					_ = p.root.Rename(name, "final"+name)
				}
			}
		})
	}
	ended.Wait()
	if got := fetches.Load(); got > blobs*12/10 {
		t.Errorf("%d blobs were fetched %d times", blobs, got)
	}
}

// TestHandover checks that another process fetches a blob when the one that was fetching it fails, or has a file that is not
// the blob, and that no process waits for one that stalls.
func TestHandover(t *testing.T) {
	t.Parallel()
	data := blob(1, 64<<10)
	for name, first := range map[string]func(p *process, release <-chan struct{}) error{
		"fails": func(_ *process, release <-chan struct{}) error {
			<-release
			return errors.New("no route to host")
		},
		"fails in the middle": func(p *process, release <-chan struct{}) error {
			err := p.root.WriteFile("first", append(data[:1000:1000], make([]byte, len(data)-1000)...), 0o666)
			<-release
			return errors.Join(err, errors.New("connection reset"))
		},
		"has other bytes": func(p *process, release <-chan struct{}) error {
			<-release
			return p.root.WriteFile("first", bytes.ToUpper(blob(2, len(data))), 0o666)
		},
		"has too few bytes": func(p *process, release <-chan struct{}) error {
			<-release
			return p.root.WriteFile("first", data[:7], 0o666)
		},
		"stalls": func(_ *process, release <-chan struct{}) error {
			<-release
			<-release
			return errors.New("at last")
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
			if err := two.get(t.Context(), data, "second", two.writes(data, "second", &fetches, all)); err != nil || fetches.Load() != 1 {
				t.Errorf("got %v after %d fetches, want one", err, fetches.Load())
			}
			if name == "stalls" {
				release <- struct{}{}
				release <- struct{}{}
			}
			if err := <-ended; err == nil {
				t.Error("the first one did not fail")
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
		t.Errorf("got %v, want canceled", err)
	}
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestUntrusted checks that nothing is taken from a directory that others can write to, and that a planted ticket does no harm.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	data := blob(4, 64<<10)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, bytes.ToUpper(blob(5, len(data))), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(dir, ticket string) error{
		"open to all": func(dir, _ string) error { return os.Chmod(dir, 0o777) },
		"a link": func(dir, _ string) error {
			return errors.Join(os.Remove(dir), os.Symlink(t.TempDir(), dir))
		},
		"another file":  func(_, ticket string) error { return plantTicket(ticket, secret) },
		"a device":      func(_, ticket string) error { return plantTicket(ticket, os.DevNull) },
		"a directory":   func(dir, ticket string) error { return plantTicket(ticket, dir) },
		"not JSON":      func(_, ticket string) error { return os.WriteFile(ticket, []byte("{{{"), 0o600) },
		"large":         func(_, ticket string) error { return os.WriteFile(ticket, []byte(strings.Repeat(" ", 1<<20)), 0o600) },
		"no file":       func(_, ticket string) error { return os.Mkdir(ticket, 0o700) },
		"not there yet": func(dir, _ string) error { return os.Remove(dir) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "downloads")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			other := newProcess(t, dir) // so that the tickets stay
			if err := other.get(t.Context(), blob(6, 8192), "x", func() error { return other.root.WriteFile("x", blob(6, 8192), 0o666) }); err != nil {
				t.Fatal(err)
			}
			_ = os.Remove(filepath.Join(dir, "active"))
			if err := plant(dir, filepath.Join(dir, ticketOf(data))); err != nil {
				t.Fatal(err)
			}
			p := newProcess(t, dir)
			var fetches atomic.Int64
			all := make(chan struct{})
			close(all)
			if err := p.get(t.Context(), data, "file", p.writes(data, "file", &fetches, all)); err != nil || fetches.Load() != 1 {
				t.Errorf("got %v after %d fetches, want one", err, fetches.Load())
			}
			if after, err := os.ReadFile(secret); err != nil || len(after) != len(data) {
				t.Errorf("the file that a ticket named: %d bytes, %v", len(after), err)
			}
		})
	}
}

// plantTicket writes a ticket that names a file.
func plantTicket(ticket, file string) error {
	return os.WriteFile(ticket, fmt.Appendf(nil, `{"path":%q,"complete":true}`, file), 0o600)
}

func ticketOf(data []byte) string { return filelock.Key(digest.FromBytes(data).String()) }

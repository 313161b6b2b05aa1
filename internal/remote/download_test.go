package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/blob/download"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	rt "github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// Random returns the same pseudo-random bytes in every run.
func Random(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func describe(data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// fetchInto downloads into dir/blob and returns the content of the file.
func fetchInto(ctx context.Context, t *testing.T, repo *Repository, desc ocispec.Descriptor, dir string) ([]byte, error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if err := repo.FetchFile(ctx, desc, root, "blob", nil); err != nil {
		return nil, err
	}
	if _, err := root.Stat("blob" + download.StateSuffix); err == nil {
		t.Error("the journal still exists")
	}
	return root.ReadFile("blob")
}

const (
	small  = 300_000
	medium = 12 << 20 // fetched in one response, with a journal
	large  = 40 << 20 // fetched in parts
)

func TestFetchFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		size   int
		opts   rt.Options
		op     string
		when   faults.When
		fault  faults.Fault
		excess float64 // limit of the sent bytes, as a multiple of the size; 0: 1.02
		stall  time.Duration
	}{
		{name: "empty", size: 0},
		{name: "one byte", size: 1},
		{name: "small", size: small},
		{name: "medium", size: medium},
		{name: "large", size: large},
		{name: "large, slow connections", size: large, opts: rt.Options{Line: rt.Line{Rate: 20 << 20}}},
		{name: "no ranges", size: large, opts: rt.Options{NoRange: true}, excess: 1.5},
		{name: "ranges ignored later", size: large, op: "GET blob", when: func(n int) bool { return n > 2 }, fault: faults.IgnoreRange(), excess: 3}, // several connections may fail
		{name: "wrong Content-Range", size: large, op: "GET blob", when: faults.First(1), fault: faults.Header("Content-Range", "bytes 5-10/100"), excess: 1.5},
		{name: "always a wrong Content-Range", size: large, op: "GET blob", when: faults.Always, fault: faults.Header("Content-Range", "bytes 5-10/100"), excess: 1.5},
		{name: "416", size: large, op: "GET blob", when: faults.First(1), fault: faults.Status(416)},
		{name: "429 with seconds", size: small, op: "GET blob", when: faults.First(1), fault: faults.Status(429, "Retry-After", "1")},
		{name: "503 three times", size: small, op: "GET blob", when: faults.First(3), fault: faults.Status(503)},
		{name: "408", size: small, op: "GET blob", when: faults.First(1), fault: faults.Status(408)},
		{name: "dropped", size: large, op: "GET blob", when: faults.First(2), fault: faults.Drop()},
		{name: "reset in the body", size: medium, op: "GET blob", when: faults.First(3), fault: faults.Reset(3 << 20), excess: 1.8}, // a reset discards the kernel's buffers
		{name: "reset in parts", size: large, op: "GET blob", when: faults.First(10), fault: faults.Reset(2 << 20), excess: 1.55},
		{name: "closed in the body", size: medium, op: "GET blob", when: faults.First(3), fault: faults.Close(2 << 20)},
		{name: "reset without ranges", size: medium, opts: rt.Options{NoRange: true}, op: "GET blob", when: faults.First(2), fault: faults.Reset(5 << 20), excess: 2},
		{name: "flipped bit", size: medium, op: "GET blob", when: faults.First(1), fault: faults.FlipBit(7_000_000), excess: 2.02},
		{name: "flipped bit in parts", size: large, op: "GET blob", when: faults.Nth(2), fault: faults.FlipBit(1000), excess: 2.1},
		{name: "truncated once", size: medium, op: "GET blob", when: faults.First(1), fault: faults.Shorten(1 << 20), excess: 1.2},
		{name: "wrong digest header once", size: medium, op: "GET blob", when: faults.First(1),
			fault: faults.Header("Docker-Content-Digest", string(digest.FromString("x"))), excess: 2},
		{name: "stalled", size: medium, op: "GET blob", when: faults.First(2), fault: faults.Stall(1 << 20), excess: 1.2, stall: 3 * time.Second},
		{name: "one connection at a time", size: large, opts: rt.Options{Line: rt.Line{Rate: 20 << 20}}, op: "GET blob", when: faults.Always,
			fault: faults.MaxParallel(1, faults.Status(429))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, tt.opts)
			data := Random(tt.size)
			g.AddBlob("a/b", data)
			if tt.fault != nil {
				g.Inject(tt.op, tt.when, tt.fault)
			}
			repo := open(t, Options{Stall: tt.stall}, g.Host, "a/b", reference.Read)
			got, err := fetchInto(t.Context(), t, repo, describe(data), t.TempDir())
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(data))
			}
			excess := tt.excess
			if excess == 0 {
				excess = 1.02
			}
			if _, out := g.Bytes("GET blob"); float64(out) > excess*float64(tt.size)+100_000 {
				t.Errorf("the registry sent %d bytes for %d, want at most %.2f times as many", out, tt.size, excess)
			}
		})
	}
}

func TestFetchFileOverSeveralConnections(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Line: rt.Line{Rate: 16 << 20}})
	data := Random(large)
	g.AddBlob("a/b", data)
	repo := open(t, Options{Concurrency: 4}, g.Host, "a/b", reference.Read)
	if got, err := fetchInto(t.Context(), t, repo, describe(data), t.TempDir()); err != nil || !bytes.Equal(got, data) {
		t.Fatal(err)
	}
	conns := map[string]bool{}
	for _, r := range g.Requests("GET blob") {
		conns[r.Conn] = true
	}
	if len(conns) < 2 || len(conns) > 4 {
		t.Errorf("got %d connections, want 2 to 4", len(conns))
	}
}

func TestFetchFileFails(t *testing.T) {
	t.Parallel()
	isDenied := func(err error) bool { var d *transport.Denied; return errors.As(err, &d) && d.Answer.Status == 403 }
	isUnavailable := func(status int) func(error) bool {
		return func(err error) bool {
			var u *transport.Unavailable
			return errors.As(err, &u) && u.Answer.Status == status && strings.Contains(err.Error(), u.Host)
		}
	}
	isRefused := func(err error) bool { return errors.Is(err, artifact.ErrRefused) }
	tests := []struct {
		name  string
		fault faults.Fault
		want  func(error) bool
	}{
		{"not found", faults.Status(404), func(err error) bool { return errors.Is(err, errdef.ErrNotFound) }},
		{"forbidden", faults.Status(403), isDenied},
		{"bad request", faults.Status(400), isUnavailable(400)},
		{"unavailable", faults.Status(503), isUnavailable(503)},
		{"dropped connection", faults.Drop(), isUnavailable(0)},
		{"endless redirects", faults.RedirectForever(), isUnavailable(0)},
		{"flipped bit", faults.FlipBit(1000), isRefused},
		{"truncated", faults.Shorten(1000), isRefused},
		{"other digest", faults.Header("Docker-Content-Digest", string(digest.FromString("x"))), isRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			data := Random(small)
			g.AddBlob("a/b", data)
			g.Inject("GET", faults.Always, tt.fault)
			repo := open(t, Options{RetryFor: time.Second}, g.Host, "a/b", reference.Read)
			_, err := fetchInto(t.Context(), t, repo, describe(data), t.TempDir())
			if !tt.want(err) {
				t.Errorf("got %v (%T), want another error", err, err)
			}
			if g.Count() > 20 {
				t.Errorf("got %d requests, want at most 20", g.Count())
			}
		})
	}
}

func TestFetchFileResumes(t *testing.T) {
	t.Parallel()
	data := Random(large)
	desc := describe(data)
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string) // between the two runs
		least  int64                          // bytes that the second run fetches
		most   int64
	}{
		{"unchanged", func(*testing.T, string) {}, 0, large - 4<<20},
		{"no journal", func(t *testing.T, dir string) { remove(t, dir+"/blob.state") }, large, large + 1<<20},
		{"truncated journal", func(t *testing.T, dir string) { truncate(t, dir+"/blob.state", 40) }, large, large + 1<<20},
		{"file longer", func(t *testing.T, dir string) { truncate(t, dir+"/blob", large+5) }, large, large + 1<<20},
		{"file shorter", func(t *testing.T, dir string) { truncate(t, dir+"/blob", 1<<20) }, large, large + 1<<20},
		{"file changed", func(t *testing.T, dir string) { overwrite(t, dir+"/blob", 1<<20) }, large, 2 * large},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.AddBlob("a/b", data)
			g.Inject("GET blob", faults.Nth(1), faults.Stall(20<<20)) // the only connection
			g.Inject("GET blob", func(n int) bool { return n > 1 }, faults.Status(503))
			dir := t.TempDir()
			repo := open(t, Options{Concurrency: 1, Stall: 3 * time.Second, RetryFor: -1}, g.Host, "a/b", reference.Read)
			if _, err := fetchInto(t.Context(), t, repo, desc, dir); err == nil {
				t.Fatal("the first run did not fail")
			}
			tt.damage(t, dir)
			g.Heal()
			g.ResetLog()
			got, err := fetchInto(t.Context(), t, repo, desc, dir)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(data))
			}
			if _, out := g.Bytes("GET blob"); out < tt.least || out > tt.most {
				t.Errorf("second run: the registry sent %d bytes, want %d to %d", out, tt.least, tt.most)
			}
		})
	}
}

func TestFetchFileAfterInterrupt(t *testing.T) {
	t.Parallel()
	data := Random(large)
	g := rt.Start(t, rt.Options{})
	g.AddBlob("a/b", data)
	ctx, cancel := context.WithCancel(t.Context())
	g.Inject("GET blob", faults.Always, faults.Stall(6<<20))
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	repo := open(t, Options{Concurrency: 1}, g.Host, "a/b", reference.Read)
	err = repo.FetchFile(ctx, describe(data), root, "blob", func(done, _ int64) {
		if done >= 4<<20 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: got %v, want context.Canceled", err)
	}
	g.Heal()
	journal, err := os.ReadFile(dir + "/blob.state")
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := bytes.Cut(journal, []byte("\n")) // after the checksum
	var saved struct {
		Hashed int64
		State  []byte
	}
	if err := json.NewDecoder(bytes.NewReader(fields)).Decode(&saved); err != nil || saved.Hashed == 0 || len(saved.State) == 0 {
		t.Errorf("got the journal %q, %v, want a hash state in it", journal, err)
	}
	if got, err := fetchInto(t.Context(), t, repo, describe(data), dir); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(data))
	}
	if _, out := g.Bytes("GET blob"); out > large*11/10 {
		t.Errorf("the registry sent %d bytes for %d, want at most 10%% more", out, large)
	}
}

func TestFetchFileFollowsRedirects(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Auth: rt.Basic})
	data := Random(large)
	g.AddBlob("a/b", data)
	g.Inject("GET blob", faults.Always, faults.Redirect(g.Also(t, false)))
	repo := open(t, Options{Credentials: credentials.Options{Username: "test", Password: "secret"}, Concurrency: 1}, g.Host, "a/b", reference.Read)
	if got, err := fetchInto(t.Context(), t, repo, describe(data), t.TempDir()); err != nil || !bytes.Equal(got, data) {
		t.Fatal(err)
	}
	if n := g.Count("GET blob"); n > 2 {
		t.Errorf("got %d requests for the redirect, want at most 2", n)
	}
	for _, r := range g.Requests("store") {
		if r.Header.Get("Authorization") != "" {
			t.Fatal("the credentials were sent to another host")
		}
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("damage"), at)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

package remote

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	rt "github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fileBlob returns a blob that is read from a file, like a blob of package pack.
func fileBlob(t testing.TB, path string, d digest.Digest) artifact.Blob {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return artifact.Blob{MediaType: "application/octet-stream", Size: info.Size(), Digest: d, ID: path + info.ModTime().String(),
		Open: func(offset int64) (io.ReadCloser, error) {
			f, err := os.Open(path)
			if err == nil {
				_, err = f.Seek(offset, io.SeekStart)
			}
			return f, err
		}}
}

// streamBlob returns a blob that does not show that its bytes are in memory.
func streamBlob(data []byte, size int64) artifact.Blob {
	return artifact.Blob{MediaType: "application/octet-stream", Size: size, ID: "stream", Open: func(offset int64) (io.ReadCloser, error) {
		return io.NopCloser(struct{ io.Reader }{bytes.NewReader(data[offset:])}), nil
	}}
}

func writeFile(t testing.TB, data []byte) string {
	t.Helper()
	path := t.TempDir() + "/file"
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// huge is the size of a blob that is hashed while it is sent.
const huge = 20 << 20

// pushCase is a registry with a fault, and a limit on the bytes that it receives.
type pushCase struct {
	name   string
	opts   rt.Options
	op     string
	when   faults.When
	fault  faults.Fault
	excess float64       // limit of the received bytes, as a multiple of the size; 0: 1.02
	stall  time.Duration // how long the registry may be silent; 0: the default, which a busy machine does not reach
}

func pushCases() []pushCase {
	const (
		put   = "PUT upload"
		patch = "PATCH upload"
		post  = "POST uploads"
	)
	return []pushCase{
		{name: "no fault"},
		{name: "no mounts", opts: rt.Options{NoMount: true}},
		{name: "no PATCH", opts: rt.Options{NoPatch: true}, excess: 1.3},
		{name: "small bodies only", opts: rt.Options{Limits: rt.Limits{MaxBody: 10 << 20}}, excess: 2.5},
		{name: "minimum chunk size", opts: rt.Options{Limits: rt.Limits{ChunkMin: 5 << 20}}},
		{name: "tokens that expire", opts: rt.Options{Auth: rt.Token, Login: rt.Login{TokenUses: 3}}},
		{name: "reset once", op: "upload", when: faults.First(1), fault: faults.ResetUpload(6 << 20)},
		{name: "reset often", op: "upload", when: func(n int) bool { return n%2 == 1 && n < 8 }, fault: faults.ResetUpload(6 << 20)},
		{name: "reset, forgetful", opts: rt.Options{Forgetful: true}, op: "upload", when: faults.First(1), fault: faults.ResetUpload(6 << 20), excess: 1.6},
		{name: "lost session", op: "GET upload", when: faults.First(1), fault: faults.Status(404)},
		{name: "session lost at the end", op: put, when: faults.Nth(1), fault: faults.Status(404), excess: 2.02},
		{name: "503 at POST", op: post, when: faults.First(2), fault: faults.Status(503)},
		{name: "503 at the end", op: put, when: faults.First(2), fault: faults.Status(503)},
		{name: "stored, answered with 502", op: put, when: faults.First(1), fault: faults.StoredBut(502)},
		{name: "stored, answered with 404", op: put, when: faults.First(1), fault: faults.StoredBut(404)},
		{name: "500 in the middle", op: patch, when: faults.First(1), fault: faults.Status(500)},
		{name: "429 with Retry-After", op: "upload", when: faults.First(1), fault: faults.Status(429, "Retry-After", "1")},
		{name: "stalled", op: "upload", when: faults.First(1), fault: faults.StallUpload(6 << 20), stall: 3 * time.Second},
		{name: "dropped", op: "", when: faults.First(3), fault: faults.Drop()},
		{name: "expired token", opts: rt.Options{Auth: rt.Token, Login: rt.Login{TokenUses: 1}}, excess: 2.1},
	}
}

func TestPushBlob(t *testing.T) {
	t.Parallel()
	data := Random(huge)
	path := writeFile(t, data)
	kinds := []struct {
		name string
		size int
		blob func(t *testing.T, data []byte) artifact.Blob
	}{
		{"digest known", medium, func(t *testing.T, data []byte) artifact.Blob {
			return fileBlob(t, writeFile(t, data), digest.FromBytes(data))
		}},
		{"digest unknown", huge, func(t *testing.T, _ []byte) artifact.Blob { return fileBlob(t, path, "") }},
		{"size unknown", medium, func(_ *testing.T, data []byte) artifact.Blob { return streamBlob(data, -1) }},
	}
	for _, tt := range pushCases() {
		for _, kind := range kinds {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				t.Parallel()
				g := rt.Start(t, tt.opts)
				if tt.fault != nil {
					g.Inject(tt.op, tt.when, tt.fault)
				}
				opts := Options{Credentials: credentials.Options{Username: "test", Password: "secret"}, Stall: tt.stall, CacheDir: t.TempDir()}
				repo := open(t, opts, g.Host, "a/b", reference.Write)
				data := data[:kind.size]
				testPush(t, g, repo, kind.blob(t, data), data)
				excess := tt.excess
				if excess == 0 {
					excess = 1.02
				}
				if in, _ := g.Bytes("upload"); float64(in) > excess*float64(kind.size)+100_000 {
					t.Errorf("the registry received %d bytes for %d, want at most %.2f times as many", in, kind.size, excess)
				}
				if n := g.Uploads(); n > 2 {
					t.Errorf("got %d open sessions, want at most 2", n)
				}
			})
		}
	}
}

// testPush pushes a blob, and checks the content of the registry.
func testPush(t *testing.T, g *rt.Registry, repo *Repository, b artifact.Blob, data []byte) {
	t.Helper()
	var last atomic.Int64
	desc, step, err := repo.PushBlob(t.Context(), b, func(done int64) { last.Store(done) })
	if err != nil {
		t.Fatal(err)
	}
	if step != artifact.Done || desc.Digest != digest.FromBytes(data) || desc.Size != int64(len(data)) {
		t.Errorf("got step %v, %v, want Done, %v of %d bytes", step, desc, digest.FromBytes(data), len(data))
	}
	if got, ok := g.Blob("a/b", desc.Digest.String()); !ok || !bytes.Equal(got, data) {
		t.Errorf("the registry has %d bytes, %v, want %d", len(got), ok, len(data))
	}
	if last.Load() != int64(len(data)) {
		t.Errorf("last report: got %d bytes, want %d", last.Load(), len(data))
	}
	if b.Digest == "" {
		return
	}
	if _, step, err := repo.PushBlob(t.Context(), b, nil); step != artifact.Skipped || err != nil {
		t.Errorf("second push: got step %v, %v, want Skipped", step, err)
	}
}

func TestPushBlobRequests(t *testing.T) {
	t.Parallel()
	data := Random(medium)
	known := func(t *testing.T) artifact.Blob { return fileBlob(t, writeFile(t, data), digest.FromBytes(data)) }
	tests := []struct {
		name    string
		opts    rt.Options
		other   bool // another blob is in the repository
		present bool // the pushed blob is in the repository
		want    string
	}{
		{"new repository", rt.Options{}, false, false, "POST uploads, GET tags, PUT upload"},
		{"existing repository", rt.Options{}, true, false, "POST uploads, GET tags, HEAD blob, PUT upload"},
		{"existing blob", rt.Options{}, true, true, "POST uploads, HEAD blob"},
		{"existing blob, no mounts", rt.Options{NoMount: true}, true, true, "POST uploads, GET tags, HEAD blob, DELETE upload"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, tt.opts)
			repo := open(t, Options{}, g.Host, "a/b", reference.Write)
			if tt.other {
				g.AddBlob("a/b", []byte("other"))
			}
			if tt.present {
				g.AddBlob("a/b", data)
			}
			if _, _, err := repo.PushBlob(t.Context(), known(t), nil); err != nil {
				t.Fatal(err)
			}
			var ops []string
			for _, r := range g.Requests() {
				ops = append(ops, r.Op)
			}
			if got := strings.Join(ops, ", "); got != tt.want {
				t.Errorf("got the requests %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPushBlobMounts(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Auth: rt.Token})
	data := Random(medium)
	client := New(Options{Credentials: credentials.Options{Registry: g.Host, Username: "test", Password: "secret"}})
	b := fileBlob(t, writeFile(t, data), digest.FromBytes(data))
	for i, want := range []artifact.Step{artifact.Done, artifact.Mounted} {
		repo, err := client.OpenRepository(g.Host, []string{"a/b", "c/d"}[i], reference.Write)
		if err != nil {
			t.Fatal(err)
		}
		if _, step, err := repo.PushBlob(t.Context(), b, nil); step != want || err != nil {
			t.Errorf("push %d: got step %v, %v, want %v", i, step, err, want)
		}
	}
	if in, _ := g.Bytes("upload"); in != medium {
		t.Errorf("the registry received %d bytes, want %d", in, medium)
	}
}

func TestPushBlobResumesInAnotherProcess(t *testing.T) {
	t.Parallel()
	data := Random(huge)
	path := writeFile(t, data)
	for name, test := range map[string]struct {
		digest digest.Digest
		noID   bool // like a packed directory
	}{"digest known": {digest.FromBytes(data), false}, "digest unknown": {"", false}, "digest known, no ID": {digest.FromBytes(data), true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newBlob := func() artifact.Blob {
				b := fileBlob(t, path, test.digest)
				if test.noID {
					b.ID = ""
				}
				return b
			}
			g := rt.Start(t, rt.Options{})
			g.Inject("upload", faults.First(1), faults.ResetUpload(12<<20))
			g.Inject("GET upload", faults.Always, faults.Status(503))
			cache := t.TempDir()
			first := open(t, Options{CacheDir: cache, RetryFor: -1}, g.Host, "a/b", reference.Write)
			if _, _, err := first.PushBlob(t.Context(), newBlob(), nil); err == nil {
				t.Fatal("the first process did not fail")
			}
			g.Heal()
			testPush(t, g, open(t, Options{CacheDir: cache}, g.Host, "a/b", reference.Write), newBlob(), data)
			if in, _ := g.Bytes("upload"); in > huge*102/100 {
				t.Errorf("the registry received %d bytes for %d, want at most 2%% more", in, huge)
			}
			if left, _ := os.ReadDir(cache + "/uploads"); len(left) > 1 {
				t.Errorf("got %d files in the cache, want only the lock", len(left))
			}
		})
	}
}

// TestPushResumesInAnotherProcess checks that an upload from a reader continues with the right bytes in another process, whether or not the
// reader can seek.
func TestPushResumesInAnotherProcess(t *testing.T) {
	t.Parallel()
	data := Random(huge)
	desc := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromBytes(data), Size: huge}
	for name, newReader := range map[string]func() io.Reader{
		"a stream": func() io.Reader { return io.MultiReader(bytes.NewReader(data)) },
		"a seeker": func() io.Reader { return bytes.NewReader(data) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.Inject("upload", faults.First(1), faults.ResetUpload(12<<20))
			g.Inject("GET upload", faults.Always, faults.Status(503))
			cache := t.TempDir()
			if err := open(t, Options{CacheDir: cache, RetryFor: -1}, g.Host, "a/b", reference.Write).Push(t.Context(), desc, newReader()); err == nil {
				t.Fatal("the first process did not fail")
			}
			g.Heal()
			if err := open(t, Options{CacheDir: cache}, g.Host, "a/b", reference.Write).Push(t.Context(), desc, newReader()); err != nil {
				t.Fatal(err)
			}
			if in, _ := g.Bytes("upload"); in > huge*102/100 {
				t.Errorf("the registry received %d bytes for %d, want at most 2%% more", in, huge)
			}
		})
	}
}

func TestPushBlobFails(t *testing.T) {
	t.Parallel()
	data := Random(medium)
	unavailable := func(status int) func(error) bool {
		return func(err error) bool {
			var u *transport.Unavailable
			return errors.As(err, &u) && u.Answer.Status == status
		}
	}
	tests := []struct {
		name  string
		op    string
		fault faults.Fault
		want  func(error) bool
	}{
		{"denied", "POST uploads", faults.Status(403), func(err error) bool { var d *transport.Denied; return errors.As(err, &d) }},
		{"denied at the end", "PUT upload", faults.Status(403), func(err error) bool { var d *transport.Denied; return errors.As(err, &d) }},
		{"unavailable", "POST uploads", faults.Status(503), unavailable(503)},
		{"unavailable at the end", "PUT upload", faults.Status(500), unavailable(500)},
		{"too large", "upload", faults.Answer(413, `{"errors":[{"code":"SIZE_INVALID","message":"quota"}]}`), unavailable(413)},
		{"quota exceeded", "POST uploads", faults.Status(507), unavailable(507)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.Inject(tt.op, faults.Always, tt.fault)
			repo := open(t, Options{RetryFor: time.Second}, g.Host, "a/b", reference.Write)
			_, _, err := repo.PushBlob(t.Context(), fileBlob(t, writeFile(t, data), digest.FromBytes(data)), nil)
			if !tt.want(err) {
				t.Errorf("got %v (%T), want another error", err, err)
			}
		})
	}
}

func TestPushBlobThatChanges(t *testing.T) {
	t.Parallel()
	data := Random(huge)
	changes := map[string]func(path string) error{
		"longer":  func(path string) error { return os.WriteFile(path, append(data[:len(data):len(data)], 1), 0o600) },
		"shorter": func(path string) error { return os.Truncate(path, 1000) },
		"touched": func(path string) error { return os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			path := writeFile(t, data)
			g.Inject("upload", faults.First(1), faults.Before(func(*http.Request) {
				if err := change(path); err != nil {
					t.Error(err)
				}
			}))
			repo := open(t, Options{}, g.Host, "a/b", reference.Write)
			_, _, err := repo.PushBlob(t.Context(), fileBlob(t, path, ""), nil)
			if !errors.Is(err, artifact.ErrChanged) || !strings.Contains(err.Error(), "file") {
				t.Errorf("got %v, want ErrChanged with the file's name", err)
			}
		})
	}
}

func TestUploadLocationElsewhere(t *testing.T) {
	t.Parallel()
	g := rt.Start(t, rt.Options{Auth: rt.Basic})
	other := rt.Start(t, rt.Options{})
	g.Inject("POST uploads", faults.Always, faults.Status(202, "Location", other.URL+"/v2/a/b/blobs/uploads/x"))
	repo := open(t, Options{Credentials: credentials.Options{Username: "test", Password: "secret"}, RetryFor: -1}, g.Host, "a/b", reference.Write)
	data := Random(small)
	if _, _, err := repo.PushBlob(t.Context(), streamBlob(data, small), nil); err == nil {
		t.Fatal("an upload to a session that does not exist: got no error, want one")
	}
	if other.Count("upload") == 0 {
		t.Error("the Location was not followed")
	}
	for _, r := range other.Requests() {
		if r.Header.Get("Authorization") != "" {
			t.Fatal("the credentials were sent to another host")
		}
	}
}

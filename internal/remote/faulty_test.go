package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/reference"
	rt "github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	"github.com/davit-oci/davit/internal/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// blobOf returns data as a blob, with its digest if known is set.
func blobOf(data []byte, known bool) artifact.Blob {
	b := artifact.Blob{Size: int64(len(data))}
	b.Open = func(offset int64) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data[offset:])), nil }
	if known {
		b.Digest = digest.FromBytes(data)
	}
	return b
}

// TestRegularFaults checks that pushing and fetching succeed although every nth request fails, in several ways.
func TestRegularFaults(t *testing.T) {
	t.Parallel()
	data := Random(6 << 20)
	desc := describe(data)
	for name, fault := range map[string]faults.Fault{
		"500": faults.Status(500), "503": faults.Status(503), "dropped": faults.Drop(), "stored, answered with 502": faults.StoredBut(502),
		"cut response": faults.Reset(1000), "cut body": faults.ResetUpload(300 << 10),
	} {
		for every := 2; every <= 5; every++ {
			for _, known := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, every %d, digest known: %v", name, every, known), func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, fmt.Errorf("no success after 2 minutes"))
					defer cancel()
					g := rt.Start(t, rt.Options{})
					g.Inject("", faults.Every(every), fault)
					repo := open(t, Options{}, g.Host, "a/b", reference.Write)
					if _, _, err := repo.PushBlob(ctx, blobOf(data, known), nil); err != nil {
						t.Fatal(err)
					}
					if got, ok := g.Blob("a/b", desc.Digest.String()); !ok || !bytes.Equal(got, data) {
						t.Fatalf("the registry has %d bytes, %v, want the blob of %d", len(got), ok, len(data))
					}
					subject, _, err := pushArtifact(ctx, repo, "x", nil)
					if err == nil {
						_, _, err = pushArtifact(ctx, repo, "y", &subject)
					}
					if err == nil {
						err = repo.Tag(ctx, subject, "v1")
					}
					if err != nil {
						t.Fatal(err)
					}
					reader := open(t, Options{}, g.Host, "a/b", reference.Read)
					if got, err := fetchInto(ctx, t, reader, desc, t.TempDir()); err != nil || !bytes.Equal(got, data) {
						t.Fatalf("fetching: got %d bytes, %v, want %d", len(got), err, len(data))
					}
					var found []ocispec.Descriptor
					err = reader.Referrers(ctx, subject, "", func(page []ocispec.Descriptor) error { found = append(found, page...); return nil })
					if err != nil || len(found) != 1 {
						t.Fatalf("got the referrers %v, %v, want one", found, err)
					}
				})
			}
		}
	}
}

// TestFrequentResets checks that a fetch continues without a delay if every connection is closed after 300 KiB of a body.
func TestFrequentResets(t *testing.T) {
	t.Parallel()
	data := Random(8 << 20)
	desc := describe(data)
	for name, closeAfter := range map[string]func(after int64) faults.Fault{"reset": faults.Reset, "closed": faults.Close} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.AddBlob("a/b", data)
			g.Inject("GET blob", faults.Always, closeAfter(300<<10))
			repo := open(t, Options{delay: time.Minute}, g.Host, "a/b", reference.Read) // a single delay would exceed the time limit of the test
			if got, err := fetchInto(t.Context(), t, repo, desc, t.TempDir()); err != nil || !bytes.Equal(got, data) {
				t.Errorf("got %d bytes, %v, want %d", len(got), err, len(data))
			}
		})
	}
}

// TestViolationsAreNotRetried checks that a response that violates the protocol is an error without a retry.
func TestViolationsAreNotRetried(t *testing.T) {
	t.Parallel()
	page := func(status int) faults.Fault {
		return faults.Answer(status, "<html>", "Content-Type", "text/html; charset=utf-8")
	}
	for name, test := range map[string]struct {
		op    string
		fault faults.Fault
		want  string
	}{
		"no Location":                {"POST uploads", faults.Status(202), "opened an upload without a Location"},
		"invalid Location":           {"POST uploads", faults.Status(202, "Location", "http://[/x"), "opened an upload at a Location that is not a URL"},
		"Location with mailto":       {"POST uploads", faults.Status(202, "Location", "mailto:x"), "opened an upload at a Location that is not a URL"},
		"web page for POST":          {"POST uploads", page(200), "answers with a web page (text/html), not with the registry API"},
		"web page for PUT":           {"PUT upload", page(200), "answers with a web page"},
		"redirect to a sign-in page": {"POST uploads", faults.Status(302, "Location", "/sign-in"), "the redirect of POST"},
		"web page for tags":          {"GET tags", page(200), "answers with a web page"},
		"loop of tag pages":          {"GET tags", faults.Answer(200, `{"tags":["a"]}`, "Link", `</v2/a/b/tags/list>; rel="next"`), "links back to an earlier page"},
		"missing tag page":           {"GET tags", faults.Header("Link", `</nowhere?n=1>; rel="next"`), "page 2 of the list does not exist"},
		"web page for a manifest":    {"manifest", page(200), "answers with a web page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			repo := open(t, Options{delay: time.Hour}, g.Host, "a/b", reference.Write)
			desc, _, err := pushArtifact(t.Context(), repo, "x", nil)
			if err == nil {
				err = repo.Tag(t.Context(), desc, "a")
			}
			if err != nil {
				t.Fatal(err)
			}
			g.Inject(test.op, faults.Always, test.fault)
			g.ResetLog()
			switch {
			case strings.HasSuffix(test.op, "tags"):
				err = repo.Tags(t.Context(), "", func([]string) error { return nil })
			case test.op == "manifest":
				_, err = repo.Resolve(t.Context(), "a")
			default:
				_, _, err = repo.PushBlob(t.Context(), blobOf([]byte("something else"), true), nil)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || g.Count() > 5 {
				t.Errorf("got %v after %d requests, want %q after at most 5", err, g.Count(), test.want)
			}
		})
	}
}

// TestWrongAnswers checks that blobs and manifests are stored although the registry answers HEAD, a mount, or an upload with a
// wrong status or header.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	for name, faulty := range map[string]map[string]faults.Fault{
		"HEAD answered with 400":          {"HEAD": faults.Status(400)},
		"HEAD answered with 403":          {"HEAD": faults.Status(403)},
		"HEAD answered with 405":          {"HEAD": faults.Status(405)},
		"HEAD answered with 501":          {"HEAD": faults.Status(501)},
		"HEAD without a length":           {"HEAD": faults.Header("Content-Length", "")},
		"manifest as application/json":    {"manifest": faults.Header("Content-Type", "application/json")},
		"manifest as text/plain":          {"manifest": faults.Header("Content-Type", "text/plain")},
		"no digest header":                {"": faults.Header("Docker-Content-Digest", "")},
		"mount answered with 400":         {"POST uploads": mountFault(faults.Status(400))},
		"mount answered with 500":         {"POST uploads": mountFault(faults.Status(500))},
		"mount answered with 501":         {"POST uploads": mountFault(faults.Status(501))},
		"mount answered with 503":         {"POST uploads": mountFault(faults.Status(503))},
		"PATCH answered with 201":         {"PATCH": faults.Restatus(202, 201)},
		"PATCH and PUT answered with 200": {"PATCH": faults.Restatus(202, 200), "PUT": faults.Restatus(201, 200)},
		"PUT answered with 204":           {"PUT": faults.Restatus(201, 204)},
		"DELETE answered with 200":        {"DELETE": faults.Restatus(202, 200)},
		"403 instead of 404":              {"HEAD": faults.Restatus(404, 403), "GET manifest": faults.Restatus(404, 403)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			for op, fault := range faulty {
				g.Inject(op, faults.Always, fault)
			}
			repo := open(t, Options{}, g.Host, "a/b", reference.Write)
			data := Random(6 << 20)
			for _, known := range []bool{false, true, true} {
				repo.blobs.Shared.OnePass = 1 << 20
				if _, _, err := repo.PushBlob(t.Context(), blobOf(data, known), nil); err != nil {
					t.Fatal(err)
				}
			}
			if in, _ := g.Bytes("PATCH", "PUT upload"); in >= 2*int64(len(data)) {
				t.Errorf("the registry received %d bytes for %d, want less than twice as many", in, len(data))
			}
			none := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("none"), Size: 4}
			if ok, err := repo.Exists(t.Context(), none); ok || err != nil {
				t.Errorf("a manifest that does not exist: got %v, %v, want false", ok, err)
			}
			desc, _, err := pushArtifact(t.Context(), repo, "x", nil)
			if err == nil {
				err = repo.Tag(t.Context(), desc, "v1")
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := repo.Resolve(t.Context(), "v1"); err != nil || got.Digest != desc.Digest || got.MediaType != desc.MediaType || got.Size != desc.Size {
				t.Errorf("Resolve: got %+v, %v, want %+v", got, err, desc)
			}
			for _, one := range []ocispec.Descriptor{desc, describe(data)} {
				if ok, err := repo.Exists(t.Context(), one); !ok || err != nil {
					t.Errorf("%s: got %v, %v, want true", one.MediaType, ok, err)
				}
			}
			if err := repo.Delete(t.Context(), desc); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFalseMounts checks that blobs are pushed to a registry that falsely reports that it mounted them.
func TestFalseMounts(t *testing.T) {
	t.Parallel()
	for _, stored := range []int{0, 1, 2} { // number of blobs that the registry has
		for _, size := range []int{100, medium} {
			t.Run(fmt.Sprintf("%d stored, %d bytes", stored, size), func(t *testing.T) {
				t.Parallel()
				g := rt.Start(t, rt.Options{})
				g.Inject("POST uploads", faults.Always, mountFault(faults.Status(201)))
				var blobs [][]byte
				for i := range 3 {
					blobs = append(blobs, Random(size+i))
					if i < stored {
						g.AddBlob("a/b", blobs[i])
					}
				}
				for _, name := range []string{"a/b", "c/d"} {
					repo := open(t, Options{}, g.Host, name, reference.Write)
					if name == "c/d" {
						repo.blobs.Shared.Saw(g.Host, "a/b", describe(blobs[0]))
					}
					for _, data := range blobs {
						if _, _, err := repo.PushBlob(t.Context(), blobOf(data, true), nil); err != nil {
							t.Fatal(err)
						}
						if ok, err := repo.Exists(t.Context(), describe(data)); !ok || err != nil {
							t.Errorf("%s: a pushed blob: got %v, %v, want true", name, ok, err)
						}
					}
				}
			})
		}
	}
}

// TestLocationWithoutPort pushes to a registry whose Location header has no port, in the response to POST or to PATCH.
func TestLocationWithoutPort(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"POST uploads", "PATCH upload"} {
		for _, size := range []int{100, huge} {
			t.Run(fmt.Sprintf("%s, %d bytes", op, size), func(t *testing.T) {
				t.Parallel()
				g := rt.Start(t, rt.Options{})
				g.Inject(op, faults.Always, faults.Location(func(at *url.URL) { at.Scheme, at.Host = "http", "127.0.0.1" }))
				repo := open(t, Options{RetryFor: 10 * time.Second}, g.Host, "a/b", reference.Write)
				repo.blobs.Shared.OnePass = 1 << 20
				for _, known := range []bool{true, false} {
					data := Random(size)
					if _, _, err := repo.PushBlob(t.Context(), blobOf(data, known), nil); err != nil {
						t.Fatal(err)
					}
					if ok, err := repo.Exists(t.Context(), describe(data)); !ok || err != nil {
						t.Errorf("the pushed blob: got %v, %v, want true", ok, err)
					}
				}
			})
		}
	}
}

// TestUnreachableUploads checks that a push fails within seconds if the registry sends uploads to an address without a server.
func TestUnreachableUploads(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"http://127.0.0.1:1/up", "http://localhost:1/v2/a/b/blobs/uploads/x"} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.Inject("POST uploads", faults.Always, faults.Status(202, "Location", to))
			repo := open(t, Options{RetryFor: time.Hour}, g.Host, "a/b", reference.Write)
			start := time.Now()
			_, _, err := repo.PushBlob(t.Context(), blobOf(Random(small), true), nil)
			var elsewhere *transport.Elsewhere
			if took := time.Since(start); !errors.As(err, &elsewhere) || elsewhere.URL != to || took > 20*time.Second {
				t.Errorf("got %v after %v, want an error with the URL within 20s", err, took)
			}
		})
	}
}

// mountFault limits a fault to requests that mount a blob.
func mountFault(fault faults.Fault) faults.Fault { return faults.Asking("mount", fault) }

// TestSilence checks that a download fails if the server is silent, or sends only a few bytes, for longer than RetryFor.
func TestSilence(t *testing.T) {
	t.Parallel()
	data := Random(medium)
	for name, fault := range map[string]faults.Fault{"no bytes": faults.Stall(0), "100 bytes, then none": faults.Stall(100), "100 bytes, then a trickle": faults.Trickle(100)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := rt.Start(t, rt.Options{})
			g.AddBlob("a/b", data)
			g.Inject("GET blob", faults.Always, fault)
			repo := open(t, Options{Stall: 300 * time.Millisecond, RetryFor: time.Second}, g.Host, "a/b", reference.Read)
			_, err := fetchInto(t.Context(), t, repo, describe(data), t.TempDir())
			if err == nil || !strings.Contains(err.Error(), "connection stalled for 300ms") {
				t.Errorf("got %v, want connection stalled for 300ms", err)
			}
		})
	}
}

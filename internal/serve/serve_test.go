package serve

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// testServer is a running server.
type testServer struct {
	t    *testing.T
	host string
	stop func() error // stops the server, and returns the result of Serve; may be called more than once
}

// start serves a path until the test ends.
func start(t *testing.T, path string, opts Options) *testServer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := Open(ctx, registry.New(registry.Options{}).Open, path, opts)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	r := &testServer{t: t, host: l.Addr().String()}
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := r.stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return r
}

// response is the response to a request.
type response struct {
	status int
	header http.Header
	body   string
}

// code returns the code of an error response.
func (a response) code() string {
	var e struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal([]byte(a.body), &e) != nil || len(e.Errors) != 1 || e.Errors[0].Message == "" {
		return ""
	}
	return e.Errors[0].Code
}

// do sends a request to a path, which may be the Location of an earlier response.
func (r *testServer) do(method, path string, body any, headers ...string) response {
	r.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.host+path, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response{resp.StatusCode, resp.Header, string(data)}
}

// want sends a request, and fails unless the response has the status.
func (r *testServer) want(status int, method, path string, body any, headers ...string) response {
	r.t.Helper()
	a := r.do(method, path, body, headers...)
	if a.status != status {
		r.t.Fatalf("%s %s: got %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

// pushBlob stores a blob in a repository.
func (r *testServer) pushBlob(repo, content string) ocispec.Descriptor {
	r.t.Helper()
	desc := ocispec.Descriptor{MediaType: "application/x-test", Digest: digest.FromString(content), Size: int64(len(content))}
	r.want(http.StatusCreated, "POST", "/v2/"+repo+"/blobs/uploads/?digest="+desc.Digest.String(), content)
	return desc
}

// pushManifest stores an artifact with one layer, under a tag unless it is empty.
func (r *testServer) pushManifest(repo, tag, content string, subject *ocispec.Descriptor) (ocispec.Descriptor, []byte) {
	r.t.Helper()
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/x-artifact", Config: r.pushBlob(repo, "{}"),
		Layers: []ocispec.Descriptor{r.pushBlob(repo, content)}, Subject: subject,
		Annotations: map[string]string{"content": content},
	}
	data := marshal(r.t, m)
	desc := ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if tag == "" {
		tag = desc.Digest.String()
	}
	a := r.want(http.StatusCreated, "PUT", "/v2/"+repo+"/manifests/"+tag, data, "Content-Type", m.MediaType)
	if got := a.header.Get("Location"); got != "/v2/"+repo+"/manifests/"+desc.Digest.String() {
		r.t.Errorf("Location of the manifest: got %q, want its digest", got)
	}
	return desc, data
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkLayout reads a layout without davit's code. It checks that everything that index.json refers to exists and matches its
// descriptor, that nothing else exists, and that no upload is left.
func checkLayout(t *testing.T, dir string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	var follow func(data []byte)
	follow = func(data []byte) {
		var m struct {
			Manifests, Layers []ocispec.Descriptor
			Config            *ocispec.Descriptor
		}
		if err := json.Unmarshal(data, &m); err != nil {
			t.Errorf("manifest %q: %v", data, err)
		}
		if m.Config != nil {
			m.Layers = append(m.Layers, *m.Config)
		}
		for i, desc := range append(m.Manifests, m.Layers...) {
			blob, err := os.ReadFile(filepath.Join(dir, "blobs", desc.Digest.Algorithm().String(), desc.Digest.Encoded()))
			if err != nil || desc.Digest.Algorithm().FromBytes(blob) != desc.Digest || int64(len(blob)) != desc.Size {
				t.Errorf("blob %s: got %d bytes, %v, want %d bytes with the digest", desc.Digest, len(blob), err, desc.Size)
			}
			reached[desc.Digest.Encoded()] = true
			if i < len(m.Manifests) {
				follow(blob)
			}
		}
	}
	follow(data)
	blobs, _ := filepath.Glob(filepath.Join(dir, "blobs", "*", "*"))
	for _, blob := range blobs {
		if !reached[filepath.Base(blob)] {
			t.Errorf("%s exists, but is not in the index", blob)
		}
	}
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*", "*"))
	if len(hidden) > 0 {
		t.Errorf("got the files of uploads %q, want none", hidden)
	}
}

func TestPull(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	r := start(t, dir, Options{Write: true})
	m, data := r.pushManifest("oci", "1.0", "hello world", nil)
	blob := "/v2/oci/blobs/" + digest.FromString("hello world").String()
	other := digest.FromString("x").String()
	for _, test := range []struct {
		name, method, path string
		headers            []string
		status             int
		body, code         string
		want               []string // headers
	}{
		{name: "ping", path: "/v2/", status: 200, body: "{}", want: []string{"Docker-Distribution-Api-Version", "registry/2.0"}},
		{name: "ping without slash", path: "/v2", status: 200, body: "{}"},
		{name: "blob", path: blob, status: 200, body: "hello world",
			want: []string{"Content-Type", "application/octet-stream", "Accept-Ranges", "bytes", "Docker-Content-Digest", digest.FromString("hello world").String()}},
		{name: "HEAD of a blob", method: "HEAD", path: blob, status: 200, want: []string{"Content-Length", "11", "Location", blob}},
		{name: "range", path: blob, headers: []string{"Range", "bytes=0-4"}, status: 206, body: "hello", want: []string{"Content-Range", "bytes 0-4/11"}},
		{name: "range at the end", path: blob, headers: []string{"Range", "bytes=-5"}, status: 206, body: "world", want: []string{"Content-Range", "bytes 6-10/11"}},
		{name: "range without end", path: blob, headers: []string{"Range", "bytes=6-"}, status: 206, body: "world"},
		{name: "range after the end", path: blob, headers: []string{"Range", "bytes=11-"}, status: 416, want: []string{"Content-Range", "bytes */11"}},
		{name: "unknown blob", path: "/v2/oci/blobs/" + other, status: 404, code: "BLOB_UNKNOWN"},
		{name: "HEAD of an unknown blob", method: "HEAD", path: "/v2/oci/blobs/" + other, status: 404},
		{name: "invalid digest", path: "/v2/oci/blobs/sha256:abc", status: 400, code: "DIGEST_INVALID"},
		{name: "path outside the layout", path: "/v2/oci/blobs/sha256:..%2f..%2findex.json", status: 404, code: "UNSUPPORTED"},
		{name: "DELETE of a blob", method: "DELETE", path: blob, status: 405, code: "UNSUPPORTED"},
		{name: "tag", path: "/v2/oci/manifests/1.0", status: 200, body: string(data),
			want: []string{"Content-Type", m.MediaType, "Docker-Content-Digest", m.Digest.String(), "Etag", `"` + m.Digest.String() + `"`}},
		{name: "HEAD of a tag", method: "HEAD", path: "/v2/oci/manifests/1.0", status: 200, want: []string{"Content-Length", fmt.Sprint(len(data)), "Content-Type", m.MediaType}},
		{name: "manifest by digest", path: "/v2/oci/manifests/" + m.Digest.String(), status: 200, body: string(data), want: []string{"Content-Type", m.MediaType}},
		{name: "not modified", path: "/v2/oci/manifests/1.0", headers: []string{"If-None-Match", `"` + m.Digest.String() + `"`}, status: 304},
		{name: "any repository", path: "/v2/some/other/manifests/1.0", status: 200, body: string(data)},
		{name: "unknown tag", path: "/v2/oci/manifests/2.0", status: 404, code: "MANIFEST_UNKNOWN"},
		{name: "HEAD of an unknown tag", method: "HEAD", path: "/v2/oci/manifests/2.0", status: 404},
		{name: "unknown manifest", path: "/v2/oci/manifests/" + other, status: 404, code: "MANIFEST_UNKNOWN"},
		{name: "blob as manifest", path: "/v2/oci/manifests/" + digest.FromString("{}").String(), status: 404, code: "MANIFEST_UNKNOWN"},
		{name: "invalid tag", path: "/v2/oci/manifests/-x", status: 400, code: "MANIFEST_INVALID"},
		{name: "invalid repository", path: "/v2/Oci/manifests/1.0", status: 400, code: "NAME_INVALID"},
		{name: "no repository", path: "/v2//manifests/1.0", status: 400, code: "NAME_INVALID"},
		{name: "unsupported method", method: "POST", path: "/v2/oci/manifests/1.0", status: 405, code: "UNSUPPORTED"},
		{name: "unknown path", path: "/v2/oci/nothing/1.0", status: 404, code: "UNSUPPORTED"},
		{name: "path outside /v2/", path: "/v1/", status: 404, code: "UNSUPPORTED"},
		{name: "first page", path: "/", status: 200, want: []string{"Content-Type", "text/html; charset=utf-8"}},
		{name: "first page, with curl's Accept", path: "/", headers: []string{"Accept", "*/*"}, status: 200, want: []string{"Content-Type", "text/html; charset=utf-8"}},
		{name: "first page, with JSON and HTML in Accept", path: "/", headers: []string{"Accept", "application/json;q=0.9,text/html"}, status: 200},
		{name: "first page as JSON", path: "/", headers: []string{"Accept", "application/json"}, status: 404, code: "UNSUPPORTED"},
		{name: "first page as a manifest", path: "/", headers: []string{"Accept", m.MediaType}, status: 404, code: "UNSUPPORTED"},
		{name: "upload without session", method: "PATCH", path: "/v2/oci/blobs/uploads/nothing", status: 404, code: "BLOB_UPLOAD_UNKNOWN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			method := test.method
			if method == "" {
				method = "GET"
			}
			a := r.do(method, test.path, nil, test.headers...)
			if a.status != test.status || test.body != "" && a.body != test.body || a.code() != test.code {
				t.Errorf("got %d %q (%s), want %d %q (%s)", a.status, a.body, a.code(), test.status, test.body, test.code)
			}
			for i := 0; i < len(test.want); i += 2 {
				if got := a.header.Get(test.want[i]); got != test.want[i+1] {
					t.Errorf("%s: got %q, want %q", test.want[i], got, test.want[i+1])
				}
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, Options{Write: true})
	m, data := w.pushManifest("any", "1.0", "x", nil)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	r := start(t, dir, Options{})
	for _, request := range [][2]string{
		{"POST", "/v2/any/blobs/uploads/"},
		{"POST", "/v2/any/blobs/uploads/?digest=" + digest.FromString("y").String()},
		{"PATCH", "/v2/any/blobs/uploads/x"},
		{"PUT", "/v2/any/blobs/uploads/x?digest=" + digest.FromString("y").String()},
		{"PUT", "/v2/any/manifests/2.0"},
		{"DELETE", "/v2/any/manifests/1.0"},
		{"DELETE", "/v2/any/manifests/" + m.Digest.String()},
	} {
		if a := r.want(http.StatusForbidden, request[0], request[1], data); a.code() != "DENIED" {
			t.Errorf("%s %s: got %s, want DENIED", request[0], request[1], a.body)
		}
	}
	r.want(http.StatusOK, "GET", "/v2/any/manifests/1.0", nil)
	checkLayout(t, dir)
}

func TestNotServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "missing"), filepath.Join(dir, "notes.txt")} {
		for _, write := range []bool{false, true} {
			if write && filepath.Base(path) == "missing" {
				continue // it would be created
			}
			s, err := Open(t.Context(), registry.New(registry.Options{}).Open, path, Options{Write: write})
			if err == nil {
				t.Errorf("%s (write: %v): got a server, want an error", path, write)
				s.Close()
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("got the files %v, %v, want only notes.txt", entries, err)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	local, remote := start(t, t.TempDir(), Options{Write: true}), start(t, t.TempDir(), Options{Write: true, Remote: true})
	for host, status := range map[string]int{
		"localhost": 200, "localhost:5000": 200, "127.0.0.1:5000": 200, "[::1]:5000": 200, "a.localhost": 200,
		"example.com": 403, "example.com:5000": 403, "10.0.0.1": 403, "localhost.example.com": 403,
	} {
		if a := local.do("GET", "/v2/", nil, "Host", host); a.status != status {
			t.Errorf("Host %s: got %d, want %d", host, a.status, status)
		}
		remote.want(200, "GET", "/v2/", nil, "Host", host)
	}
	for _, r := range []*testServer{local, remote} {
		r.want(http.StatusForbidden, "POST", "/v2/x/blobs/uploads/", nil, "Origin", "http://example.com")
		r.want(http.StatusForbidden, "POST", "/v2/x/blobs/uploads/", nil, "Sec-Fetch-Site", "cross-site")
		r.want(http.StatusAccepted, "POST", "/v2/x/blobs/uploads/", nil)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// makeTar returns a tar archive with one file.
func makeTar(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

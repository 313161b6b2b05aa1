package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocilayout "github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/serve/naming"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const uploadsPath = "/v2/oci/blobs/uploads/"

func TestUpload(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(t.TempDir(), "oci"), Options{Write: true})
	hello := "?digest=" + digest.FromString("hello").String()
	begin := func() string {
		a := r.want(http.StatusAccepted, "POST", uploadsPath, nil)
		if a.header.Get("Range") != "0-0" {
			t.Errorf("Range of a new upload: got %q, want 0-0", a.header.Get("Range"))
		}
		return a.header.Get("Location")
	}
	checkBlob := func(d digest.Digest, content string) {
		t.Helper()
		if a := r.want(200, "GET", "/v2/oci/blobs/"+d.String(), nil); a.body != content {
			t.Errorf("got the blob %q, want %q", a.body, content)
		}
	}

	a := r.want(201, "PUT", begin()+hello, "hello")
	if want := "/v2/oci/blobs/" + digest.FromString("hello").String(); a.header.Get("Location") != want {
		t.Errorf("Location of the blob: got %q, want %q", a.header.Get("Location"), want)
	}
	checkBlob(digest.FromString("hello"), "hello")
	r.want(201, "PUT", begin()+hello, "hello") // again

	// Several PATCHes, the first with one byte.
	at := begin()
	for _, piece := range []struct{ content, contentRange, want string }{{"c", "0-0", "0-0"}, {"hun", "1-3", "0-3"}, {"ks", "", "0-5"}} {
		headers := []string{"Content-Type", "application/octet-stream"}
		if piece.contentRange != "" {
			headers = append(headers, "Content-Range", piece.contentRange)
		}
		a := r.want(202, "PATCH", at, piece.content, headers...)
		if a.header.Get("Range") != piece.want {
			t.Errorf("Range after %q: got %q, want %q", piece.content, a.header.Get("Range"), piece.want)
		}
		at = a.header.Get("Location")
	}
	a = r.want(416, "PATCH", at, "c", "Content-Range", "0-0")
	if a.code() != "BLOB_UPLOAD_INVALID" || a.header.Get("Range") != "0-5" || a.header.Get("Location") != at {
		t.Errorf("out of order: got %v %s, want BLOB_UPLOAD_INVALID, the Range 0-5, and the Location %s", a.header, a.body, at)
	}
	r.want(416, "PUT", at+"?digest="+digest.FromString("chunksx").String(), "x", "Content-Range", "9-9")
	r.want(400, "PATCH", at, "xy", "Content-Range", "6-6")
	r.want(400, "PATCH", at, "xy", "Content-Range", "six")
	if a := r.want(204, "GET", at, nil); a.header.Get("Range") != "0-5" {
		t.Errorf("Range of the upload: got %q, want 0-5", a.header.Get("Range"))
	}
	r.want(404, "GET", strings.Replace(at, "/oci/", "/other/", 1), nil)
	r.want(400, "PUT", at, nil)                    // without a digest
	r.want(400, "PUT", at+"?digest=sha256:x", nil) // with an invalid digest
	r.want(201, "PUT", at+"?digest="+digest.FromString("chunks!").String(), "!", "Content-Range", "6-6")
	checkBlob(digest.FromString("chunks!"), "chunks!")
	r.want(404, "GET", at, nil)

	// A single POST, with content, with no content for an empty blob, and with no content for another blob.
	r.want(201, "POST", uploadsPath+"?digest="+digest.FromString("one").String(), "one")
	checkBlob(digest.FromString("one"), "one")
	r.want(201, "POST", uploadsPath+"?digest="+digest.FromString("").String(), nil)
	checkBlob(digest.FromString(""), "")
	r.want(202, "POST", uploadsPath+hello, nil)
	sha512 := digest.SHA512.FromString("long")
	r.want(201, "POST", uploadsPath+"?digest="+sha512.String(), "long")
	checkBlob(sha512, "long")

	// A wrong digest ends the session.
	at = begin()
	if a := r.want(400, "PUT", at+hello, "hallo"); a.code() != "DIGEST_INVALID" {
		t.Errorf("wrong digest: got %s, want DIGEST_INVALID", a.body)
	}
	r.want(404, "GET", at, nil)
	at = begin()
	r.want(202, "PATCH", at, "hel")
	r.want(204, "DELETE", at, nil)
	r.want(404, "PATCH", at, "lo")
}

// TestBrokenUpload checks that an upload resumes after a broken connection.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(t.TempDir(), "oci"), Options{Write: true})
	at := r.want(202, "POST", uploadsPath, nil).header.Get("Location")
	conn, err := net.Dial("tcp", r.host)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\nhello", at, r.host)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if reply, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 400 ") {
		t.Errorf("response to half a request: got %q, %v, want 400", reply, err)
	}
	conn.Close()
	if a := r.want(204, "GET", at, nil); a.header.Get("Range") != "0-4" {
		t.Fatalf("Range: got %q, want 0-4", a.header.Get("Range"))
	}
	r.want(202, "PATCH", at, "world", "Content-Range", "5-9")
	r.want(201, "PUT", at+"?digest="+digest.FromString("helloworld").String(), nil)
}

func TestPushManifest(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	r := start(t, dir, Options{Write: true})
	base, _ := r.pushManifest("oci", "1.0", "base", nil)
	const oci, list = ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex
	config := fmt.Sprintf(`{"mediaType":"x/y","digest":"%s","size":2}`, digest.FromString("{}"))
	layer := fmt.Sprintf(`{"mediaType":"x/y","digest":"%s","size":3}`, digest.FromString("new"))
	body := func(more string) string { return `{"schemaVersion":2,"config":` + config + more + `}` }
	for _, test := range []struct{ name, ref, mediaType, body, code string }{
		{"valid", "2.0", oci, body(`,"layers":[]`), ""},
		{"Content-Type with parameter", "2.1", oci + "; charset=utf-8", body(`,"layers":[],"annotations":{"a":"b"}`), ""},
		{"missing layer", "x", oci, body(`,"layers":[` + layer + `]`), "MANIFEST_BLOB_UNKNOWN"},
		{"missing layer with a URL", "2.2", oci, body(`,"layers":[` + strings.Replace(layer, `"size"`, `"urls":["https://example.com/x"],"size"`, 1) + `]`), ""},
		{"missing manifest", "x", list, `{"schemaVersion":2,"manifests":[` + layer + `]}`, "MANIFEST_BLOB_UNKNOWN"},
		{"invalid digest inside", "x", oci, `{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"sha256:../..","size":1},"layers":[]}`, "DIGEST_INVALID"},
		{"empty index", "2.3", list, `{"schemaVersion":2,"manifests":[]}`, ""},
		{"other digest", digest.FromString("x").String(), oci, body(`,"layers":[]`), "DIGEST_INVALID"},
		{"sha512", digest.SHA512.FromString(body(`,"layers":[]`)).String(), oci, body(`,"layers":[]`), ""},
		{"other media type inside", "x", oci, body(`,"mediaType":"` + list + `"`), "MANIFEST_INVALID"},
		{"unknown Content-Type", "x", "application/json", body(``), "MANIFEST_INVALID"},
		{"no Content-Type", "2.4", "", body(`,"layers":[],"annotations":{"b":"c"}`), ""},
		{"not JSON", "x", oci, "hello", "MANIFEST_INVALID"},
		{"duplicate key", "x", oci, body(`,"config":` + config), "MANIFEST_INVALID"},
		{"invalid tag", "-x", oci, body(`,"layers":[]`), "MANIFEST_INVALID"},
		{"too large", "x", oci, body(`,"annotations":{"a":"` + strings.Repeat("a", manifest.MaxSize) + `"}`), "MANIFEST_INVALID"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := r.do("PUT", "/v2/oci/manifests/"+test.ref, test.body, "Content-Type", test.mediaType)
			if (test.code == "") != (a.status == 201) || a.code() != test.code {
				t.Fatalf("got %d %s, want %q", a.status, a.body, test.code)
			}
			if test.code != "" {
				return
			}
			if a := r.want(200, "GET", "/v2/oci/manifests/"+test.ref, nil); a.body != test.body {
				t.Errorf("got the manifest %q, want %q", a.body, test.body)
			}
		})
	}

	subject := ocispec.Descriptor{MediaType: oci, Digest: base.Digest, Size: base.Size}
	a := r.want(201, "PUT", "/v2/oci/manifests/ref", body(`,"layers":[],"subject":`+string(marshal(t, subject))), "Content-Type", oci)
	if got := a.header.Get("OCI-Subject"); got != base.Digest.String() {
		t.Errorf("OCI-Subject: got %q, want %q", got, base.Digest)
	}

	r.want(202, "DELETE", "/v2/oci/manifests/2.1", nil)
	r.want(404, "DELETE", "/v2/oci/manifests/2.1", nil)
	r.want(202, "DELETE", "/v2/oci/manifests/"+base.Digest.String(), nil)
	r.want(404, "GET", "/v2/oci/manifests/1.0", nil)
	r.want(404, "DELETE", "/v2/oci/manifests/"+base.Digest.String(), nil)
}

// TestDeleteListedManifest checks that a manifest can't be deleted while an index lists it.
func TestDeleteListedManifest(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(t.TempDir(), "oci"), Options{Write: true})
	child, _ := r.pushManifest("oci", "", "one", nil)
	list := marshal(t, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{child},
	})
	r.want(201, "PUT", "/v2/oci/manifests/1.0", list, "Content-Type", ocispec.MediaTypeImageIndex)
	if a := r.want(405, "DELETE", "/v2/oci/manifests/"+child.Digest.String(), nil); a.code() != "UNSUPPORTED" {
		t.Errorf("got %s, want UNSUPPORTED", a.body)
	}
	r.want(202, "DELETE", "/v2/oci/manifests/"+digest.FromBytes(list).String(), nil)
	r.want(404, "GET", "/v2/oci/manifests/1.0", nil)
}

// TestPushToRepositories checks that the tags of the layout's own repository belong to all repositories, and that a tag pushed to
// another repository belongs only to this repository.
func TestPushToRepositories(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	r := start(t, dir, Options{Write: true})
	own, _ := r.pushManifest("oci", "1.0", "own", nil)
	web, _ := r.pushManifest("charts/web", "1.0", "web", nil)
	db, _ := r.pushManifest("charts/db", "2.0", "db", nil)
	for path, want := range map[string]ocispec.Descriptor{
		"oci/manifests/1.0": own, "charts/web/manifests/1.0": web, "charts/db/manifests/2.0": db, "charts/db/manifests/1.0": own,
	} {
		if a := r.want(200, "GET", "/v2/"+path, nil); a.header.Get("Docker-Content-Digest") != want.Digest.String() {
			t.Errorf("%s: got %s, want %s", path, a.header.Get("Docker-Content-Digest"), want.Digest)
		}
	}
	r.want(404, "GET", "/v2/oci/manifests/2.0", nil)
	for repo, want := range map[string]string{"oci": `["1.0"]`, "charts/web": `["1.0"]`, "charts/db": `["1.0","2.0"]`} {
		if a := r.want(200, "GET", "/v2/"+repo+"/tags/list", nil); a.body != `{"name":"`+repo+`","tags":`+want+`}` {
			t.Errorf("tags of %s: got %s, want %s", repo, a.body, want)
		}
	}
	if a := r.want(200, "GET", "/v2/_catalog", nil); a.body != `{"repositories":["charts/db","charts/web","oci"]}` {
		t.Errorf("catalog: got %s, want three repositories", a.body)
	}
	again, _ := r.pushManifest("charts/web", "1.0", "web 2", nil)
	if a := r.want(200, "GET", "/v2/charts/web/manifests/1.0", nil); a.header.Get("Docker-Content-Digest") != again.Digest.String() {
		t.Error("the tag was not moved")
	}
	r.want(202, "DELETE", "/v2/charts/web/manifests/1.0", nil)
	if a := r.want(200, "GET", "/v2/charts/web/manifests/1.0", nil); a.header.Get("Docker-Content-Digest") != own.Digest.String() {
		t.Error("deleting a tag of charts/web removed the same tag of the layout")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	checkLayout(t, dir)
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(t.TempDir(), "oci"), Options{Write: true})
	base, _ := r.pushManifest("oci", "1.0", "base", nil)
	ref, _ := r.pushManifest("oci", "", "ref", &base)
	missing := ocispec.Descriptor{MediaType: base.MediaType, Digest: digest.FromString("x"), Size: 1}
	early, _ := r.pushManifest("oci", "", "early", &missing)
	for _, test := range []struct {
		query, filtered string
		want            []digest.Digest
	}{
		{base.Digest.String(), "", []digest.Digest{ref.Digest}},
		{base.Digest.String() + "?artifactType=application/x-artifact", "artifactType", []digest.Digest{ref.Digest}},
		{base.Digest.String() + "?artifactType=application/x-other", "artifactType", nil},
		{ref.Digest.String(), "", nil},
		{missing.Digest.String(), "", []digest.Digest{early.Digest}},
		{digest.FromString("nothing").String(), "", nil},
	} {
		a := r.want(200, "GET", "/v2/oci/referrers/"+test.query, nil)
		want := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
		want.SchemaVersion = 2
		for _, d := range test.want {
			desc, content := ref, "ref"
			if d == early.Digest {
				desc, content = early, "early"
			}
			desc.ArtifactType, desc.Annotations = "application/x-artifact", map[string]string{"content": content}
			want.Manifests = append(want.Manifests, desc)
		}
		if a.body != string(marshal(t, want)) {
			t.Errorf("referrers of %s: got %s, want %s", test.query, a.body, marshal(t, want))
		}
		if got := a.header.Get("OCI-Filters-Applied"); got != test.filtered {
			t.Errorf("filters applied to %s: got %q, want %q", test.query, got, test.filtered)
		}
		if got := a.header.Get("Content-Type"); got != ocispec.MediaTypeImageIndex {
			t.Errorf("Content-Type of %s: got %q, want an index", test.query, got)
		}
	}
	r.want(400, "GET", "/v2/oci/referrers/1.0", nil)
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(t.TempDir(), "oci"), Options{Write: true})
	if a := r.want(200, "GET", "/v2/oci/tags/list", nil); a.body != `{"name":"oci","tags":[]}` {
		t.Errorf("no tags: got %s, want an empty list", a.body)
	}
	_, data := r.pushManifest("oci", "a", "x", nil)
	for _, tag := range []string{"c", "b", "B", "d"} {
		r.want(201, "PUT", "/v2/oci/manifests/"+tag, data, "Content-Type", ocispec.MediaTypeImageManifest)
	}
	for query, want := range map[string]string{
		"": `["B","a","b","c","d"] `, "?n=2": `["B","a"] </v2/oci/tags/list?last=a&n=2>; rel="next"`,
		"?n=2&last=a": `["b","c"] </v2/oci/tags/list?last=c&n=2>; rel="next"`, "?n=2&last=c": `["d"] `,
		"?n=0": `[] `, "?last=bb": `["c","d"] `, "?n=5": `["B","a","b","c","d"] `, "?last=z": `[] `,
	} {
		a := r.want(200, "GET", "/v2/oci/tags/list"+query, nil)
		if got := strings.TrimSuffix(strings.TrimPrefix(a.body, `{"name":"oci","tags":`), "}") + " " + a.header.Get("Link"); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	r.want(400, "GET", "/v2/oci/tags/list?n=x", nil)
	r.want(400, "GET", "/v2/oci/tags/list?n=-1", nil)
}

// TestCommandsOnPages checks that commands on pages use plain HTTP, unless a proxy with TLS is in front.
func TestCommandsOnPages(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(t.TempDir(), "oci"), Options{Write: true})
	r.pushManifest("oci", "a", "x", nil)
	_, port, _ := strings.Cut(r.host, ":")
	for want, headers := range map[string][]string{
		"oras pull --plain-http 127.0.0.1:" + port: nil,
		"oras pull localhost:" + port:              {"Host", "localhost:" + port},
		"oras pull 127.0.0.1:" + port:              {"X-Forwarded-Proto", "https"},
	} {
		if a := r.want(200, "GET", "/r/oci:a", nil, headers...); !strings.Contains(a.body, want) {
			t.Errorf("%v: got %s, want it to contain %q", headers, a.body, want)
		}
	}
}

// TestTree checks that a directory of layouts is served as repositories, and that a push to a new name creates a layout.
func TestTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"app", "team/tool", "Not a name"} {
		one := start(t, filepath.Join(dir, name), Options{Write: true})
		one.pushManifest(naming.Home(name), "1.0", name, nil)
		if err := one.stop(); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, dir, Options{Write: true})
	if a := r.want(200, "GET", "/v2/_catalog", nil); a.body != `{"repositories":["app","team/tool"]}` {
		t.Errorf("catalog: got %s, want app and team/tool", a.body)
	}
	r.want(200, "GET", "/v2/team/tool/manifests/1.0", nil)
	r.want(404, "GET", "/v2/team/manifests/1.0", nil)
	r.want(404, "GET", "/v2/new/tags/list", nil)
	r.want(200, "GET", "/v2/new/referrers/"+digest.FromString("x").String(), nil) // an empty list, not 404
	blob := digest.FromString("app").String()
	r.want(404, "HEAD", "/v2/team/tool/blobs/"+blob, nil)

	r.want(202, "POST", "/v2/team/tool/blobs/uploads/?from=nothing&mount="+blob, nil)
	r.want(202, "POST", "/v2/team/tool/blobs/uploads/?from=app&mount="+digest.FromString("x").String(), nil)
	r.want(202, "POST", "/v2/team/tool/blobs/uploads/?mount="+blob, nil)
	r.want(201, "POST", "/v2/new/thing/blobs/uploads/?from=app&mount="+blob, nil)
	r.want(201, "POST", "/v2/new/thing/blobs/uploads/?mount="+blob, nil)
	r.pushManifest("new/thing", "2.0", "app", nil)
	r.want(403, "POST", "/v2/app/inside/blobs/uploads/", nil)
	r.want(403, "POST", "/v2/team/blobs/uploads/", nil)
	if a := r.want(200, "GET", "/v2/_catalog?n=2", nil); a.body != `{"repositories":["app","new/thing"]}` || a.header.Get("Link") == "" {
		t.Errorf("catalog: got %s, Link %q, want two repositories and a Link", a.body, a.header.Get("Link"))
	}
	r.want(202, "POST", "/v2/unfinished/upload/blobs/uploads/", nil)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app", "team/tool", "new/thing"} {
		checkLayout(t, filepath.Join(dir, name))
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("got the directories %v, %v, want 4 without that of the unfinished upload", entries, err)
	}
}

// TestReplaced checks that the server notices if another layout replaces the served layout at its path.
func TestReplaced(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	for _, name := range []string{"a", "b"} {
		w := start(t, filepath.Join(parent, name), Options{Write: true})
		w.pushManifest(name, name, name, nil)
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, filepath.Join(parent, "a"), Options{})
	r.want(200, "GET", "/v2/a/manifests/a", nil)
	rename(t, filepath.Join(parent, "a"), filepath.Join(parent, "old"))
	r.want(500, "GET", "/v2/a/manifests/a", nil)
	rename(t, filepath.Join(parent, "b"), filepath.Join(parent, "a"))
	r.want(404, "GET", "/v2/a/manifests/a", nil)
	r.want(200, "GET", "/v2/a/manifests/b", nil)
}

// TestDeleteWithOtherWriter checks that a deleted manifest is not found although its blob is kept, because another process is
// writing to the layout.
func TestDeleteWithOtherWriter(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	r := start(t, dir, Options{Write: true})
	desc, _ := r.pushManifest("oci", "1.0", "content", nil)
	other, err := ocilayout.Open(dir, reference.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background(), nil)
	if w, err := other.NewBlob(t.Context()); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	r.want(202, "DELETE", "/v2/oci/manifests/"+desc.Digest.String(), nil)
	if _, err := other.OpenBlob(desc.Digest); err != nil {
		t.Fatalf("the blob was removed, so this test checks nothing: %v", err)
	}
	r.want(404, "GET", "/v2/oci/manifests/"+desc.Digest.String(), nil)
	r.want(404, "HEAD", "/v2/oci/manifests/"+desc.Digest.String(), nil)
	r.want(404, "DELETE", "/v2/oci/manifests/"+desc.Digest.String(), nil)
}

// TestConcurrentPushes pushes with many clients at once. Some blobs are the same for all clients.
func TestConcurrentPushes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	r := start(t, dir, Options{Write: true})
	base, _ := r.pushManifest("oci", "base", "shared", nil)
	const clients, each = 8, 5
	t.Run("clients", func(t *testing.T) {
		for c := range clients {
			t.Run(fmt.Sprint(c), func(t *testing.T) {
				t.Parallel()
				r := &testServer{t: t, host: r.host}
				for i := range each {
					r.pushManifest("oci", fmt.Sprintf("v%d.%d", c, i), fmt.Sprintf("content %d", i), nil) // the same content as the other clients
					r.pushManifest("oci", "", fmt.Sprintf("referrer %d %d", c, i), &base)
					r.want(200, "GET", "/v2/oci/manifests/base", nil)
				}
			})
		}
	})
	for c := range clients {
		for i := range each {
			r.want(200, "HEAD", fmt.Sprintf("/v2/oci/manifests/v%d.%d", c, i), nil)
		}
	}
	if a := r.want(200, "GET", "/v2/oci/referrers/"+base.Digest.String(), nil); strings.Count(a.body, `"application/x-artifact"`) != clients*each {
		t.Errorf("got the referrers %s, want %d", a.body, clients*each)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	checkLayout(t, dir)
}

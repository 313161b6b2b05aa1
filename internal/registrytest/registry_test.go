package registrytest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// open returns an oras client for a repository.
func open(t *testing.T, g *registrytest.Registry, repo string) *remote.Repository {
	t.Helper()
	r, err := remote.NewRepository(g.Host + "/" + repo)
	if err != nil {
		t.Fatal(err)
	}
	r.PlainHTTP = strings.HasPrefix(g.URL, "http:")
	r.Client = &auth.Client{
		Client: g.Client(t),
		Cache:  auth.NewCache(),
		Credential: auth.StaticCredential(g.Host, auth.Credential{
			Username: "test", Password: "secret",
		}),
	}
	return r
}

// pushArtifact pushes an artifact with one layer, under a tag unless tag is empty.
func pushArtifact(t *testing.T, r *remote.Repository, text, tag string, subject *ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	layer, err := oras.PushBytes(t.Context(), r, "text/plain", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	desc, err := oras.PackManifest(t.Context(), r, oras.PackManifestVersion1_1, "application/vnd.test",
		oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}, Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	if tag != "" {
		if err := r.Tag(t.Context(), desc, tag); err != nil {
			t.Fatal(err)
		}
	}
	return desc
}

func TestOrasClient(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]registrytest.Options{
		"default":            {},
		"directory":          {Dir: t.TempDir()},
		"no referrers":       {NoReferrers: true},
		"basic":              {Auth: registrytest.Basic},
		"token":              {Auth: registrytest.Token},
		"tls":                {TLS: true, Auth: registrytest.Token},
		"pages of one entry": {Limits: registrytest.Limits{PageSize: 1}},
		"one-step POST":      {OneStepPost: true},
		"slow":               {Line: registrytest.Line{Rate: 1 << 20, Latency: time.Millisecond}},
		"etags":              {ETags: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := registrytest.Start(t, opts)
			r := open(t, g, "some/repo")
			subject := pushArtifact(t, r, "hello", "b", nil)
			if err := r.Tag(t.Context(), subject, "a"); err != nil {
				t.Fatal(err)
			}
			want := []string{pushArtifact(t, r, "one", "", &subject).Digest.String(),
				pushArtifact(t, r, "two", "", &subject).Digest.String()}

			var tags, referrers []string
			r.Tags(t.Context(), "", func(page []string) error { tags = append(tags, page...); return nil })
			if opts.NoReferrers {
				tags = tags[:2] // the third tag is a referrers tag
			}
			if !reflect.DeepEqual(tags, []string{"a", "b"}) {
				t.Errorf("tags: got %v, want a and b", tags)
			}
			err := r.Referrers(t.Context(), subject, "application/vnd.test", func(page []ocispec.Descriptor) error {
				for _, d := range page {
					referrers = append(referrers, d.Digest.String())
				}
				return nil
			})
			if err != nil || len(referrers) != 2 {
				t.Errorf("referrers: got %v, %v, want %v", referrers, err, want)
			}
			if err := r.Delete(t.Context(), subject); err != nil {
				t.Error(err)
			}
			if _, err := r.Resolve(t.Context(), "a"); err == nil {
				t.Error("a deleted manifest still resolves")
			}
		})
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	for _, kind := range []registrytest.Auth{registrytest.Basic, registrytest.Token} {
		g := registrytest.Start(t, registrytest.Options{Auth: kind, Login: registrytest.Login{Username: "u", Password: "other"}})
		if _, err := open(t, g, "repo").Resolve(t.Context(), "tag"); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("auth %d: got %v, want 401", kind, err)
		}
	}
}

// do sends one request and returns the response, its body, and the error of sending the request or reading the body.
func do(t *testing.T, g *registrytest.Registry, method, path, body string, header ...string) (*http.Response, string, error) {
	t.Helper()
	if !strings.Contains(path, "://") {
		path = g.URL + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := g.Client(t).Do(req)
	if err != nil {
		return &http.Response{Header: http.Header{}}, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, string(data), err
}

func TestChunkedUpload(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 10)
	digest := digestOf(content)
	for name, test := range map[string]struct {
		opts   registrytest.Options
		chunks []string // Content-Range of each PATCH
		want   []int    // status of each PATCH and of PUT
	}{
		"in order":           {registrytest.Options{}, []string{"0-39", "40-99"}, []int{202, 202, 201}},
		"gap":                {registrytest.Options{}, []string{"0-39", "50-99"}, []int{202, 416, 400}},
		"repeated chunk":     {registrytest.Options{}, []string{"0-99", "0-99"}, []int{202, 416, 201}},
		"chunk too small":    {registrytest.Options{Limits: registrytest.Limits{ChunkMin: 50}}, []string{"0-39", "40-99"}, []int{202, 400, 400}},
		"smaller last chunk": {registrytest.Options{Limits: registrytest.Limits{ChunkMin: 50}}, []string{"0-59", "60-99"}, []int{202, 202, 201}},
		"chunk too large":    {registrytest.Options{Limits: registrytest.Limits{MaxBody: 50}}, []string{"0-39", "40-99"}, []int{202, 413, 400}},
		"no PATCH":           {registrytest.Options{NoPatch: true}, []string{"0-99"}, []int{405, 400}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := registrytest.Start(t, test.opts)
			resp, _, _ := do(t, g, "POST", "/v2/repo/blobs/uploads/", "")
			location := resp.Header.Get("Location")
			var got []int
			for _, chunk := range test.chunks {
				var from, to int
				fmt.Sscanf(chunk, "%d-%d", &from, &to)
				resp, _, _ := do(t, g, "PATCH", location, content[from:to+1], "Content-Range", chunk)
				got = append(got, resp.StatusCode)
			}
			resp, _, _ = do(t, g, "PUT", location+"?digest="+digest, "")
			if got = append(got, resp.StatusCode); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func digestOf(s string) string { return content.NewDescriptorFromBytes("", []byte(s)).Digest.String() }

func TestUploadFaults(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		opts  registrytest.Options
		op    string
		fault func(g *registrytest.Registry) faults.Fault
		fails bool
		held  string // Range of the session afterward or, without one, the status of GET
	}{
		"fault of another operation": {op: "DELETE", held: "0-1048575",
			fault: func(*registrytest.Registry) faults.Fault { return faults.Drop() }},
		"reset": {op: "PATCH upload", fails: true, held: "0-99999",
			fault: func(*registrytest.Registry) faults.Fault { return faults.ResetUpload(100_000) }},
		"reset, forgetful": {registrytest.Options{Forgetful: true}, "PATCH upload",
			func(*registrytest.Registry) faults.Fault { return faults.ResetUpload(100_000) }, true, "0-0"},
		"stored, answered with 502": {op: "PATCH upload", fails: true, held: "0-1048575",
			fault: func(*registrytest.Registry) faults.Fault { return faults.StoredBut(502) }},
		"lost session": {op: "PATCH upload", fails: true, held: "404",
			fault: func(g *registrytest.Registry) faults.Fault {
				return faults.Before(func(*http.Request) { g.ForgetUpload("") })
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := registrytest.Start(t, test.opts)
			resp, _, _ := do(t, g, "POST", "/v2/repo/blobs/uploads/", "")
			location := resp.Header.Get("Location")
			g.Inject(test.op, faults.First(1), test.fault(g))
			resp, _, err := do(t, g, "PATCH", location, body)
			if failed := err != nil || resp.StatusCode != 202; failed != test.fails {
				t.Errorf("PATCH: got %v, %v, want failure %v", resp.StatusCode, err, test.fails)
			}
			resp, _, _ = do(t, g, "GET", location, "")
			held := resp.Header.Get("Range")
			if held == "" {
				held = fmt.Sprint(resp.StatusCode)
			}
			if held != test.held {
				t.Errorf("session: got %v, want %v", held, test.held)
			}
		})
	}
}

func TestDownloadFaults(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("0123456789", 100_000)
	flipped := whole[:777] + string(whole[777]^1) + whole[778:]
	for name, test := range map[string]struct {
		fault  faults.Fault
		status int
		body   string // "": not checked
		broken bool
	}{
		"no change":          {faults.Before(func(*http.Request) {}), 206, whole[10:], false},
		"503":                {faults.Status(503, "Retry-After", "7"), 503, "", false},
		"html":               {faults.Answer(200, "<html>"), 200, "<html>", false},
		"drop":               {faults.Drop(), 0, "", true},
		"reset":              {faults.Reset(5000), 206, "", true},
		"close":              {faults.Close(5000), 206, whole[10:5010], true},
		"flipped":            {faults.FlipBit(767), 206, flipped[10:], false},
		"shortened":          {faults.Shorten(500), 206, whole[10:510], false},
		"ignores range":      {faults.IgnoreRange(), 200, whole, false},
		"wrong range":        {faults.Header("Content-Range", "bytes 0-9/10"), 206, "", false},
		"416":                {faults.Status(416), 416, "", false},
		"redirected forever": {faults.RedirectForever(), 0, "", true},
		"too many requests":  {faults.MaxParallel(0, faults.Status(429)), 429, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := registrytest.Start(t, registrytest.Options{})
			digest := g.AddBlob("repo", []byte(whole))
			g.Inject("GET blob", faults.Always, test.fault)
			resp, body, err := do(t, g, "GET", "/v2/repo/blobs/"+digest, "", "Range", "bytes=10-")
			if resp.StatusCode != test.status || (err != nil) != test.broken {
				t.Errorf("got %d, %v, want %d, broken %v", resp.StatusCode, err, test.status, test.broken)
			}
			if test.body != "" && body != test.body {
				t.Errorf("got a body of %d bytes, want %d, or other content", len(body), len(test.body))
			}
		})
	}
}

func TestStall(t *testing.T) {
	t.Parallel()
	g := registrytest.Start(t, registrytest.Options{})
	digest := g.AddBlob("repo", bytes.Repeat([]byte("x"), 10_000))
	g.Inject("GET blob", faults.Always, faults.Stall(100))
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", g.URL+"/v2/repo/blobs/"+digest, nil)
	resp, err := g.Client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read after cancel: got %v, want context.Canceled", err)
	}
}

func TestRedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	g := registrytest.Start(t, registrytest.Options{Auth: registrytest.Basic})
	digest := g.AddBlob("repo", []byte("content"))
	g.Inject("GET blob", faults.Always, faults.Redirect(g.Also(t, false)))
	resp, body, err := do(t, g, "GET", "/v2/repo/blobs/"+digest, "", "Authorization", "Basic dGVzdDpzZWNyZXQ=")
	if resp.StatusCode != 200 || body != "content" || err != nil {
		t.Fatalf("got %d, %q, %v, want 200 and the content", resp.StatusCode, body, err)
	}
	got := g.Requests("store")
	// net/http keeps Authorization here, because both ports have the same host name; clients must not rely on that.
	if len(got) != 1 || got[0].Host == g.Host || got[0].Header.Get("Authorization") == "" {
		t.Errorf("got %+v, want one request to the other host, with Authorization", got)
	}
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	g := registrytest.Start(t, registrytest.Options{Auth: registrytest.Token, Login: registrytest.Login{TokenUses: 1}})
	r := open(t, g, "repo")
	g.AddBlob("repo", []byte("content"))
	resolve := func() error { _, err := r.Blobs().Resolve(t.Context(), digestOf("content")); return err }
	for want := 1; want < 3; want++ {
		if err := resolve(); err != nil || g.Count("token") != want {
			t.Errorf("request %d: got %v, %d tokens, want %d", want, err, g.Count("token"), want)
		}
	}
	g.ExpireTokens()
	g.Inject("token", faults.Always, faults.Status(503))
	if resolve() == nil {
		t.Error("without a token: got no error, want one")
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	g := registrytest.Start(t, registrytest.Options{ETags: true})
	put := func(body string, header ...string) (int, string) {
		resp, _, _ := do(t, g, "PUT", "/v2/repo/manifests/tag", body, append(header, "Content-Type", "application/x")...)
		return resp.StatusCode, resp.Header.Get("Docker-Content-Digest")
	}
	_, first := put("{}")
	if status, _ := put(`{"a":0}`, "If-None-Match", "*"); status != 412 {
		t.Errorf("If-None-Match with an existing tag: got %d, want 412", status)
	}
	if status, _ := put(`{"a":1}`, "If-Match", fmt.Sprintf("%q", first)); status != 201 {
		t.Errorf("If-Match with an unchanged tag: got %d, want 201", status)
	}
	if status, _ := put(`{"a":2}`, "If-Match", fmt.Sprintf("%q", first)); status != 412 {
		t.Errorf("If-Match with a moved tag: got %d, want 412", status)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	g := registrytest.Start(t, registrytest.Options{})
	do(t, g, "POST", "/v2/a/blobs/uploads/", "")
	up := g.Requests("POST uploads")
	if len(up) != 1 || up[0].Status != 202 {
		t.Fatalf("got %+v, want one request with the status 202", up)
	}
	do(t, g, "PUT", "/v2/a/blobs/uploads/session-1?digest="+digestOf("hello"), "hello")
	if in, _ := g.Bytes("PUT upload"); in != 5 {
		t.Errorf("PUT upload: got %d received bytes, want 5", in)
	}
	do(t, g, "POST", "/v2/b/blobs/uploads/?from=a&mount="+digestOf("hello"), "")
	if _, ok := g.Blob("b", digestOf("hello")); !ok {
		t.Error("the blob was not mounted")
	}
	do(t, g, "GET", "/v2/b/blobs/"+digestOf("hello"), "")
	if _, out := g.Bytes("GET blob"); out != 5 || g.Count("blob") != 1 || g.Count() != 4 {
		t.Errorf("GET blob: got %d sent bytes, want 5 in one of 4 requests: %+v", out, g.Requests())
	}
}

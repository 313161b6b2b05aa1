package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/internal/serve/web/guard"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

var update = flag.Bool("update", false, "renew testdata/*.html")

// targets is a source of targets, by repository name.
type targets map[string]registry.Target

func (l targets) Repositories(context.Context) ([]string, error) {
	var names []string
	for name := range l {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (l targets) Open(_ context.Context, name string) (registry.Target, error) {
	if t := l[name]; t != nil {
		return t, nil
	}
	return nil, errdef.ErrNotFound
}

func (l targets) Address(repository string, r *http.Request) view.Address {
	return view.Address{Name: r.Host + "/" + repository}
}

// store is a target that stores artifacts for a test.
type store struct {
	testing.TB
	registry.Target
}

// newStore returns an empty layout.
func newStore(t testing.TB) store {
	t.Helper()
	target, err := registry.New(registry.Options{}).Open(t.Context(), registry.Reference{Path: filepath.Join(t.TempDir(), "oci")}, registry.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(context.Background(), nil) })
	return store{t, target}
}

// blob stores a blob.
func (s store) blob(mediaType, title, data string) ocispec.Descriptor {
	s.Helper()
	desc := content.NewDescriptorFromBytes(mediaType, []byte(data))
	if err := s.Push(s.Context(), desc, strings.NewReader(data)); err != nil && !strings.Contains(err.Error(), "exists") {
		s.Fatal(err)
	}
	if title != "" {
		desc.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	}
	return desc
}

// manifest stores a manifest, with a tag unless tag is empty.
func (s store) manifest(tag string, m ocispec.Manifest) ocispec.Descriptor {
	s.Helper()
	m.Versioned, m.MediaType = specs.Versioned{SchemaVersion: 2}, ocispec.MediaTypeImageManifest
	if m.Config.MediaType == "" {
		m.Config = s.blob(ocispec.MediaTypeEmptyJSON, "", "{}")
	}
	data, err := json.Marshal(m)
	if err != nil {
		s.Fatal(err)
	}
	desc := s.blob(m.MediaType, "", string(data))
	if tag != "" {
		if err := s.Tag(s.Context(), desc, tag); err != nil {
			s.Fatal(err)
		}
	}
	return desc
}

// get requests a page as a browser does.
func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://localhost:5000"+path, nil)
	r.Header.Set("Accept", "text/html")
	h.ServeHTTP(w, r)
	return w
}

// hostile is text that runs a script if it is not escaped.
const hostile = `"><script>alert('x')</script><img src=x onerror=alert(1)>` + "\u202e"

const hostileMarkdown = "# A <script>alert(1)</script> title\n\n[run](javascript:alert(1)) [data](data:text/html,x) [page](other.md#part) <b onclick=alert(1)>bold</b>\n\n" +
	"<script>alert(2)</script>\n\n![drawing](drawing.svg) ![far](https://example.com/pixel.png) <https://example.com/>\n\n" +
	"| a | b |\n|---|--:|\n| <i>c</i> | 2 |\n\n> [!WARNING]\n> careful\n\n```html\n<script>alert(3)</script>\n```\n"

// sample returns a source with an untrusted artifact and its attachments, a model, and documents that have rows.
func sample(t testing.TB) targets {
	t.Helper()
	s := newStore(t)
	m := ocispec.Manifest{
		ArtifactType: "application/vnd.example.thing", Annotations: map[string]string{"key" + hostile: hostile, ocispec.AnnotationCreated: "2026-01-02T03:04:05Z"},
		Layers: []ocispec.Descriptor{
			s.blob("text/markdown", "README.md", hostileMarkdown),
			s.blob("text/html", "page.html", "<script>alert(1)</script>"),
			s.blob("image/svg+xml", "drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
			s.blob("application/octet-stream", "docs/<script>.txt", "plain <b>text</b>\n"),
			s.blob("application/octet-stream", "weights.bin", "\x00\x01"),
		},
	}
	subject := s.manifest("1.0.0", m)
	if err := s.Tag(t.Context(), subject, "latest"); err != nil {
		t.Fatal(err)
	}
	m.Annotations = map[string]string{"version": "older"}
	m.Layers[3] = s.blob("application/octet-stream", "docs/<script>.txt", "plain <i>text</i>\n")
	s.manifest("0.9.0", m)
	s.manifest("", ocispec.Manifest{
		ArtifactType: "application/vnd.example.note", Subject: &subject, Annotations: map[string]string{ocispec.AnnotationTitle: hostile},
		Layers: []ocispec.Descriptor{s.blob("text/plain", "note.txt", "a note")},
	})
	s.manifest("", ocispec.Manifest{
		ArtifactType: mediatypes.RunbookArtifact, Subject: &subject,
		Annotations: map[string]string{
			ocispec.AnnotationTitle: "What to do " + hostile, mediatypes.RunbookAlerts: "ThingDown,ThingSlow " + hostile, mediatypes.RunbookSeverity: "critical",
			mediatypes.RunbookOwner: "team " + hostile,
		},
		Layers: []ocispec.Descriptor{s.blob("text/markdown", "down.md", "---\ntitle: Down\nalerts: [ThingDown]\n---\n# Down\n\n1. Look\n2. Restart\n"+hostileMarkdown)},
	})
	model := newStore(t)
	model.manifest("1.0", ocispec.Manifest{
		Config: model.blob("application/vnd.docker.ai.model.config.v0.1+json", "", `{"config":{"format":"gguf","quantization":"Q4_K_M","parameters":"1.28K","architecture":"llama","size":"1 kB"},"rootfs":{"type":"layers"}}`),
		Layers: []ocispec.Descriptor{model.blob("application/vnd.docker.ai.gguf.v3", "tiny.gguf", string(formattest.TinyLlama().Bytes()))},
	})
	return targets{"team/thing": s.Target, "team/model": model.Target, "team/lists": lists(t)}
}

// lists returns a layout with documents that have rows.
func lists(t testing.TB) registry.Target {
	t.Helper()
	s := newStore(t)
	var packages strings.Builder
	for i := range 120 {
		license := []string{"MIT", "Apache-2.0", "NONE"}[i%5%3]
		fmt.Fprintf(&packages, `{"name":"package-%d","versionInfo":"1.%d.0","licenseConcluded":"%s"},`, i, 120-i, license)
	}
	for tag, document := range map[string]string{
		"sbom": `{"spdxVersion":"SPDX-2.3","name":"thing","packages":[` + packages.String() + `{"name":` + quoted(hostile) + `}]}`,
		"vex": `{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":{"name":"CVE-2026-0002"},"status":"affected","products":["pkg:oci/b","pkg:oci/a"]},
			{"vulnerability":{"name":"CVE-2026-0001"},"status":"not_affected","justification":"code_not_reachable","products":["pkg:oci/a"]}]}`,
		"report": `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[{"level":"note","ruleId":"A","message":{"text":"unused"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":7}}}]},{"level":"error","ruleId":"B"},{"level":"error","ruleId":"B"},{"ruleId":"C"}]}]}`,
	} {
		k, _ := kinds.Lookup(tag)
		mediaType := k.Layers[0].MediaType
		s.manifest(tag, ocispec.Manifest{ArtifactType: mediaType, Layers: []ocispec.Descriptor{s.blob(mediaType, tag+".json", document)}})
	}
	s.manifest("feature", ocispec.Manifest{
		Config: s.blob(mediatypes.DevContainer, "", "{}"), Layers: []ocispec.Descriptor{s.blob("application/vnd.devcontainers.layer.v1+tar", "devcontainer-feature-a.tgz", "")},
		Annotations: map[string]string{mediatypes.DevContainerMetadata: `{"id":"a","name":"A feature","options":{"flag":{"type":"boolean","default":true},
			"version":{"type":"string","default":"1","proposals":["1","2"],"description":` + quoted(hostile) + `}}}`},
	})
	return s.Target
}

// TestRows checks the number of rows on a page, and the first row. The values of want are the number and the first two cells.
func TestRows(t *testing.T) {
	t.Parallel()
	h := web.New(targets{"team/lists": lists(t)}, web.Options{HeadTimeout: time.Minute})
	cell := regexp.MustCompile(`<tr><td[^>]*><bdi>([^<]*)</bdi></td><td[^>]*><bdi>([^<]*)`)
	for path, want := range map[string]string{
		"sbom/rows?q=package-1":                     "31 package-1 1.119.0",
		"sbom/rows?q=package-1&sort=version":        "31 package-119 1.1.0",
		"sbom/rows?q=package-1&sort=-name":          "31 package-119 1.1.0",
		"sbom/rows?q=package-1&sort=name&from=30":   "1 package-119 1.1.0",
		"sbom/rows?q=PACKAGE-1%20mit&sort=-version": "12 package-10 1.110.0",
		"vex/rows":                    "3 affected CVE-2026-0002",
		"vex/rows?sort=product":       "3 affected CVE-2026-0002",
		"vex/rows?sort=vulnerability": "3 not_affected CVE-2026-0001",
		"report/rows":                 "4 error B",
		"report/rows?sort=-level":     "4 note A",
		"report/rows?sort=rule":       "4 note A",
		"report/rows?sort=-place":     "4 note A",
		"report/rows?sort=no&from=-1": "4 error B",
	} {
		w := get(h, "/r/team/lists:"+path)
		rows := cell.FindAllStringSubmatch(w.Body.String(), -1)
		got := fmt.Sprint(len(rows))
		if len(rows) > 0 {
			got += " " + rows[0][1] + " " + rows[0][2]
		}
		if w.Code != 200 || got != want {
			t.Errorf("%s: got %d, %q, want 200, %q", path, w.Code, got, want)
		}
	}
	if w := get(h, "/r/team/lists:sbom"); strings.Count(w.Body.String(), "<tr><td") != 50 || !strings.Contains(w.Body.String(), "/rows\">All 121 components</a>") {
		t.Errorf("main page: got %s, want 50 rows and a link to all of them", w.Body)
	}
}

// untaggedLister is a target that lists manifests without a tag, like a layout.
type untaggedLister struct{ registry.Target }

func (untaggedLister) Untagged(context.Context) ([]ocispec.Descriptor, error) { return nil, nil }

// TestSameTags checks that two tags with the same digest are listed together, even if the second would be on the next page.
func TestSameTags(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for i := range 60 {
		s.manifest(fmt.Sprintf("1.%d.0", i), ocispec.Manifest{Annotations: map[string]string{"n": fmt.Sprint(i % 59)}})
	}
	w := get(web.New(targets{"a": untaggedLister{s.Target}}, web.Options{HeadTimeout: time.Minute}), "/r/a")
	if body := w.Body.String(); !strings.Contains(body, "<td>1.0.0</td>") || strings.Contains(body, ">1.0.0</a>") {
		t.Errorf("got %s, want 1.0.0 beside 1.59.0, without a row of its own", body)
	}
}

// TestGolden compares pages with the reviewed pages in testdata.
func TestGolden(t *testing.T) {
	t.Parallel()
	h := web.New(sample(t), web.Options{Explain: func(error) string { return "explained" }, HeadTimeout: time.Minute})
	for name, path := range map[string]string{
		"repositories": "/", "search": "/?q=no+such", "repository": "/r/team/thing", "artifact": "/r/team/thing:1.0.0", "files": "/r/team/thing:1.0.0/files",
		"markdown": "/r/team/thing:1.0.0/file/README.md", "html": "/r/team/thing:1.0.0/file/page.html", "binary": "/r/team/thing:1.0.0/file/weights.bin",
		"manifest": "/r/team/thing:1.0.0/manifest", "config": "/r/team/thing:1.0.0/config", "missing": "/r/team/thing:2.0.0", "alerts": "/alerts", "map": "/r/team/thing:1.0.0/map", "graph": "/r/team/thing:1.0.0/graph", "tensors": "/r/team/model:1.0/tensors", "model": "/r/team/model:1.0", "no tensors": "/r/team/thing:1.0.0/tensors", "compare": "/r/team/thing:1.0.0/diff", "diff": "/r/team/thing:0.9.0/diff?to=1.0.0", "same": "/r/team/thing:1.0.0/diff?to=latest", "alert": "/alert/thingdown", "no alert": "/alert/ThingDwn", "no page": "/r/team/thing:1.0.0/nothing",
		"sbom": "/r/team/lists:sbom", "rows": "/r/team/lists:sbom/rows?q=package-11&sort=-version", "vex": "/r/team/lists:vex", "report": "/r/team/lists:report", "feature": "/r/team/lists:feature", "no rows": "/r/team/thing:1.0.0/rows",
	} {
		w := get(h, path)
		if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("%s: got the Content-Type %q, want HTML", path, got)
		}
		file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "")+".html")
		if *update {
			if err := os.WriteFile(file, w.Body.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(w.Body.Bytes(), want) {
			t.Errorf("%s differs from %s: %s", path, file, w.Body)
		}
	}
}

// TestStatus checks the status of responses, and that an error page has no scripts from an artifact.
func TestStatus(t *testing.T) {
	t.Parallel()
	h := web.New(sample(t), web.Options{})
	for path, status := range map[string]int{
		"/": 200, "/nothing": 404, "/r/other": 404, "/r/team/thing:2.0.0": 404, "/r/team/thing@sha256:1": 404, "/style.css": 200, "/copy.js": 200, "/icon.svg": 200,
		"/r/team/thing:1.0.0/file/none": 404, "/r/team/thing:1.0.0/raw/none": 404, "/r/team/thing:1.0.0/file/../../etc/passwd": 404,
		"/r/team/thing:1.0.0/raw/README.md": 200, "/r/team/thing:1.0.0/file/": 404, "/r/team/thing:1.0.0/sandbox/README.md": 404, "/r/team/thing:1.0.0/sandbox/drawing.svg": 404, "/r/" + strings.Repeat("a/", 1000) + ":x": 404, "/r/team/thing:": 404,
	} {
		if w := get(h, path); w.Code != status {
			t.Errorf("%s: got %d, want %d: %s", path, w.Code, status, w.Body)
		} else if body := w.Body.String(); status != 200 && strings.Contains(body, "alert(") {
			t.Errorf("%s: got %s, want no script", path, body)
		}
	}
}

// TestRaw checks that browsers save files, or show them without scripts.
func TestRaw(t *testing.T) {
	t.Parallel()
	h := web.New(sample(t), web.Options{})
	for name, want := range map[string]string{
		"page.html": "application/octet-stream attachment", "README.md": "application/octet-stream attachment", "drawing.svg": "image/svg+xml inline",
		"weights.bin": "application/octet-stream attachment", "sandbox/page.html": "text/html; charset=utf-8 inline",
	} {
		path := "/r/team/thing:1.0.0/raw/" + name
		if strings.HasPrefix(name, "sandbox/") {
			path = "/r/team/thing:1.0.0/" + name
		}
		w := get(h, path)
		disposition, _, _ := strings.Cut(w.Header().Get("Content-Disposition"), ";")
		if got := w.Header().Get("Content-Type") + " " + disposition; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != guard.Sandboxed {
			t.Errorf("%s: got the policy %q, want %q", name, got, guard.Sandboxed)
		}
	}
}

// TestHead checks that HEAD has no body.
func TestHead(t *testing.T) {
	t.Parallel()
	h := web.New(sample(t), web.Options{})
	for _, path := range []string{"/", "/style.css", "/r/team/thing:1.0.0/raw/README.md"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "http://localhost"+path, nil))
		if w.Code != 200 || w.Body.Len() > 0 {
			t.Errorf("%s: got %d, %d bytes, want 200, 0", path, w.Code, w.Body.Len())
		}
	}
}

// TestPrefix checks that links stay below the prefix.
func TestPrefix(t *testing.T) {
	t.Parallel()
	h := web.New(sample(t), web.Options{Options: guard.Options{Prefix: "/secret"}})
	for _, path := range []string{"/secret/", "/secret/r/team/thing", "/secret/r/team/thing:1.0.0", "/secret/r/team/thing:1.0.0/files", "/secret/r/team/thing:1.0.0/manifest"} {
		w := get(h, path)
		for _, attribute := range []string{`href="/`, `src="/`, `action="/`} {
			if n, m := strings.Count(w.Body.String(), attribute), strings.Count(w.Body.String(), attribute+"secret/"); w.Code != 200 || n != m {
				t.Errorf("%s: got %d, %d of %d links below the prefix, want 200 and all", path, w.Code, m, n)
			}
		}
	}
}

// TestDigest checks that an artifact is found by its digest.
func TestDigest(t *testing.T) {
	t.Parallel()
	source := sample(t)
	desc, err := source["team/thing"].Resolve(t.Context(), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	h := web.New(source, web.Options{})
	if w := get(h, view.PathTo("team/thing", "@", desc.Digest.String())); w.Code != 200 {
		t.Errorf("got %d %s, want 200", w.Code, w.Body)
	}
	if w := get(h, view.PathTo("team/thing", "@", digest.FromString("x").String())); w.Code != 404 {
		t.Errorf("unknown digest: got %d %s, want 404", w.Code, w.Body)
	}
}

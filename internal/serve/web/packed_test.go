package web_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// packFiles returns a tar of files, uncompressed and compressed.
func packFiles(t testing.TB, files map[string]string) (plain, compressed string) {
	t.Helper()
	var b, z bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	zip := gzip.NewWriter(&z)
	_, err := zip.Write(b.Bytes())
	if closeErr := zip.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	return b.String(), z.String()
}

// archives returns a layout with an image and two versions of a chart.
func archives(t testing.TB) registry.Target {
	t.Helper()
	s := newStore(t)
	base, baseLayer := packFiles(t, map[string]string{"etc/motd": "hello\n", "bin/tool": "\x7fELF\x00"})
	app, appLayer := packFiles(t, map[string]string{"app/page.html": "<script>alert(1)</script>", "bin/tool": "\x7fELF\x00\x01"})
	s.manifest("image", ocispec.Manifest{
		Config: s.blob(ocispec.MediaTypeImageConfig, "", `{"created":"2026-01-02T03:04:05Z","architecture":"amd64","os":"linux","config":{"Cmd":["/bin/tool"]},
			"rootfs":{"type":"layers","diff_ids":["`+digest.FromString(base).String()+`","`+digest.FromString(app).String()+`"]},
			"history":[{"created_by":"ADD base.tar /"},{"created_by":"ENV A=b","empty_layer":true},{"comment":`+quoted("COPY "+strings.Repeat("long/", 50)+hostile)+`}]}`),
		Layers: []ocispec.Descriptor{s.blob(ocispec.MediaTypeImageLayerGzip, "", baseLayer), s.blob(ocispec.MediaTypeImageLayerGzip, "", appLayer)},
	})
	_, older := packFiles(t, map[string]string{"thing/Chart.yaml": "name: thing\nversion: 0.9.0\n", "thing/values.yaml": "replicas: 2\n"})
	s.manifest("older-chart", ocispec.Manifest{
		Config: s.blob(mediatypes.HelmConfig, "", `{"name":"thing","version":"0.9.0","apiVersion":"v2"}`),
		Layers: []ocispec.Descriptor{s.blob(mediatypes.HelmChart, "", older)},
	})
	_, chart := packFiles(t, map[string]string{
		"thing/Chart.yaml": "name: thing\nversion: 1.0.0\n", "thing/values.yaml": "replicas: 1 # <script>\n", "thing/README.md": "# Thing\n\n![icon](icon.svg) [values](values.yaml)\n",
		"thing/icon.svg": "<svg/>",
	})
	s.manifest("chart", ocispec.Manifest{
		Config: s.blob(mediatypes.HelmConfig, "", `{"name":"thing","version":"1.0.0","apiVersion":"v2"}`),
		Layers: []ocispec.Descriptor{s.blob(mediatypes.HelmChart, "", chart)},
	})
	return s.Target
}

// TestPacked checks the pages about files in tars, whether a pull unpacks the tar or not.
func TestPacked(t *testing.T) {
	t.Parallel()
	h := web.New(targets{"a": archives(t)}, web.Options{HeadTimeout: time.Minute})
	for path, want := range map[string][]string{
		"image":                      {"<h2>History</h2>", "<code>ENV A=b</code> <span class=\"note\">no layer</span>", strings.Repeat("long/", 50), "/files?layer=sha256%3a"},
		"image/files":                {">motd<", ">page.html<", "3 files"},
		"image/manifest":             {"/files?layer=sha256%3a", "/config\">sha256:"},
		"image/config":               {`<a href="/r/a@sha256:`, "/files?layer=sha256%3a"},
		"image/file/etc/motd":        {"hello"},
		"image/file/app/page.html":   {"&lt;script&gt;", "Show as a page, without scripts"},
		"chart":                      {"<h2>Default values</h2>", "replicas: 1 # &lt;script&gt;", "/raw/thing/icon.svg", "/file/thing/values.yaml"},
		"older-chart/diff?to=chart":  {"thing/values.yaml", "-replicas: 2", "replicas: 1", "thing/README.md"},
		"chart/files":                {">values.yaml<", "4 files"},
		"chart/map":                  {"thing/values.yaml"},
		"chart/file/thing-1.0.0.tgz": {"It is not text."},
		"chart/raw/thing/icon.svg":   {"<svg/>"},
	} {
		w := get(h, "/r/a:"+path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: got %d, want 200", path, w.Code)
		}
		for _, text := range want {
			if !strings.Contains(strings.ReplaceAll(w.Body.String(), "%3A", "%3a"), text) {
				t.Errorf("%s: got %s, want it to contain %q", path, w.Body, text)
			}
		}
	}
	layer := strings.SplitAfterN(get(h, "/r/a:image").Body.String(), "/files?layer=", 2)
	list := get(h, "/r/a:image/files?layer="+layer[1][:strings.IndexByte(layer[1], '"')]).Body.String()
	if !strings.Contains(list, ">motd<") || strings.Contains(list, ">tool<") || strings.Contains(list, ">page.html<") {
		t.Errorf("files of the first layer: got %s, want motd, but not the files of the second layer", list)
	}
}

// TestBombs checks that a small artifact can't cause a large or slow page.
func TestBombs(t *testing.T) {
	t.Parallel()
	const levels = 9000
	values := strings.Repeat("1,", 500_000) + "1"
	keys := strings.Builder{}
	for i := range 20_000 {
		keys.WriteString(`"` + strings.Repeat("k", i%9) + string(rune('a'+i%26)) + `":{},`)
	}
	_, zeros := packFiles(t, map[string]string{"README.md": strings.Repeat("\x00", 16<<20), "README": strings.Repeat("# a\n", 2<<20)})
	documents := map[string]string{
		"lists":   `{"rootfs":{"type":"layers"},"x":` + strings.Repeat("[", levels) + values + strings.Repeat("]", levels) + `}`,
		"objects": `{"rootfs":{"type":"layers"},"x":` + strings.Repeat(`{"a":`, levels) + "{" + keys.String() + `"z":1}` + strings.Repeat("}", levels) + `}`,
		"steps":   `{"rootfs":{"type":"layers"},"history":[` + strings.Repeat("{},", 50_000) + `{}]}`,
		"options": `{"id":"a","options":{` + strings.Repeat(`"a":{"enum":["b","c"]},`, 1000) + `"b":{}}}`,
	}
	s := newStore(t)
	for name, document := range documents {
		config := s.blob(ocispec.MediaTypeImageConfig, "", document)
		annotations := map[string]string{mediatypes.DevContainerMetadata: document[:min(len(document), 100_000)]}
		s.manifest(name, ocispec.Manifest{Config: config, Annotations: annotations, Layers: []ocispec.Descriptor{s.blob(ocispec.MediaTypeImageLayerGzip, "", zeros)}})
		s.manifest(name+"-files", ocispec.Manifest{
			ArtifactType: "application/vnd.example.thing", Config: config, Annotations: annotations,
			Layers: []ocispec.Descriptor{s.blob("application/json", "a.json", document), s.blob("text/markdown", "b.md", document), s.blob("application/octet-stream", "c.tgz", zeros)},
		})
	}
	h := web.New(targets{"a": s.Target}, web.Options{})
	for name := range documents {
		for _, view := range []string{
			"", "?search=all", "/files", "/map", "/manifest", "/config", "/graph", "/diff?to=steps", "/file/README", "-files", "-files/files", "-files/diff?to=steps-files",
			"-files/file/a.json", "-files/file/b.md", "-files/file/c.tgz", "-files/file/README.md",
		} {
			begin := time.Now()
			w := get(h, "/r/a:"+name+view)
			if !strings.Contains(w.Body.String(), "</html>") || w.Body.Len() > 1<<20 {
				t.Errorf("%s%s: got %d, %d bytes, want a complete page of at most 1 MiB", name, view, w.Code, w.Body.Len())
			}
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("%s%s took %v, want at most a minute", name, view, took)
			}
		}
	}
}

// TestSite checks that the links of a site lead to pages, directories, names without an extension, and images.
func TestSite(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	files := map[string]string{
		"index.md": "# Home\n\n[guide](guide/) [install](guide/install.md#first) [use](guide/use) ![logo](img/a%20b.svg) [none](none.md)\n", "guide/README.md": "# Guide\n\n[up](../index.md)\n",
		"guide/install.md": "# Install\n\n## First\n\n![logo](<../img/a b.svg>) [root](/guide/use.md)\n", "guide/use.md": "# Use\n", "img/a b.svg": "<svg/>",
	}
	_, site := packFiles(t, files)
	s.manifest("packed", ocispec.Manifest{ArtifactType: "application/vnd.example.site", Layers: []ocispec.Descriptor{s.blob("application/vnd.example.site.tar+gzip", "site.tgz", site)}})
	var layers []ocispec.Descriptor
	for _, name := range slices.Sorted(maps.Keys(files)) {
		layers = append(layers, s.blob("application/octet-stream", name, files[name]))
	}
	s.manifest("files", ocispec.Manifest{ArtifactType: "application/vnd.example.site", Layers: layers})
	h := web.New(targets{"a": s.Target}, web.Options{HeadTimeout: time.Minute})
	link := regexp.MustCompile(`<(?:a href|img src)="([^"#]*)[^"]*" (?:rel|alt)`)
	for _, tag := range []string{"packed", "files"} {
		for _, page := range []string{"index.md", "guide/install.md", "guide/README.md"} {
			found := link.FindAllStringSubmatch(get(h, "/r/a:"+tag+"/file/"+page).Body.String(), -1)
			if len(found) == 0 {
				t.Errorf("%s: got no links in %s, want some", tag, page)
			}
			for _, m := range found {
				w := get(h, m[1])
				if want := strings.HasSuffix(m[1], "/none.md"); (w.Code == http.StatusNotFound) != want {
					t.Errorf("%s: a link in %s to %s: got %d, want not found %v", tag, page, m[1], w.Code, want)
				}
			}
		}
	}
	if first := get(h, "/r/a:files").Body.String(); !strings.Contains(first, "4 pages") {
		t.Errorf("the first page: got %s, want 4 pages", first)
	}
}

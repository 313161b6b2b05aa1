package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/serve"
	"github.com/davit-oci/davit/pull"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ollamaLayer is a layer of a model that Ollama pushed.
type ollamaLayer struct{ role, content string }

// pushOllama pushes a model in Ollama's format: a Docker manifest whose config has the media type of an image config.
func pushOllama(t *testing.T, ref string, layers ...ollamaLayer) {
	t.Helper()
	target, _ := open(t, ref, registry.Write)
	store := func(mediaType string, data []byte) ocispec.Descriptor {
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		if err := target.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		return desc
	}
	const manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: manifestType}
	m.Config = store("application/vnd.docker.container.image.v1+json", []byte(`{"model_format":"gguf","model_family":"llama","model_families":["llama"],`+
		`"model_type":"1.28K","file_type":"Q4_K_M","architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	for _, l := range layers {
		m.Layers = append(m.Layers, store("application/vnd.ollama.image."+l.role, []byte(l.content)))
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	desc := store(manifestType, data)
	if err := target.Tag(t.Context(), desc, "v1"); err != nil {
		t.Fatal(err)
	}
}

// TestDavitReadsOllama pulls, lists, inspects, and shows a model in Ollama's format.
func TestDavitReadsOllama(t *testing.T) {
	t.Parallel()
	ref := repo(t, "tiny") + ":v1"
	gguf := readFiles(t, example("model"))["tiny-llama.gguf"]
	pushOllama(t, ref, ollamaLayer{"model", gguf}, ollamaLayer{"projector", "GGUFp"}, ollamaLayer{"template", "{{ .Prompt }}"}, ollamaLayer{"params", `{"stop":["x"]}`},
		ollamaLayer{"system", "Be brief."}, ollamaLayer{"license", "MIT"}, ollamaLayer{"license", "Apache"}, ollamaLayer{"unknown-role", "?"})
	wantKind(t, ref, "ollama")
	want := map[string]string{
		"model.gguf": gguf, "mmproj.gguf": "GGUFp", "template.tmpl": "{{ .Prompt }}", "params.json": `{"stop":["x"]}`, "system.txt": "Be brief.",
		"LICENSE-00001-of-00002": "MIT", "LICENSE-00002-of-00002": "Apache", "sha256-" + digest.FromString("?").Encoded(): "?",
	}
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	wantFiles(t, readFiles(t, dir), want)

	target, _ := open(t, ref, registry.Read)
	listed, err := read.List(t.Context(), target, "v1", read.ListOptions{})
	if err != nil || len(listed.Files) != len(want) {
		t.Errorf("list: got %+v, %v, want %d files", listed, err, len(want))
	}
	info, err := inspect.Inspect(t.Context(), target, "v1", inspect.Options{})
	if err != nil || info.Kind != "ollama" || info.Layers[0].Name != "model.gguf" {
		t.Errorf("inspect: got %+v, %v, want kind ollama and model.gguf first", info, err)
	}
	shown, err := read.Readable(t.Context(), target, "v1", read.ReadableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var facts []string
	for _, f := range shown.Facts {
		facts = append(facts, fmt.Sprint(f))
	}
	if want := []string{"{architecture llama}", "{parameters 1.28K}", "{quantization Q4_K_M}", "{format gguf}"}; !slices.Equal(facts[:min(4, len(facts))], want) {
		t.Errorf("show: got the facts %v, want %v first", facts, want)
	}
}

// TestOllamaModelRoundTrip packs a pulled model again, and checks that the layers stay the same.
func TestOllamaModelRoundTrip(t *testing.T) {
	t.Parallel()
	ref := repo(t, "tiny") + ":v1"
	push(t, example("ollama"), "", ref)
	m, data := manifestOf(t, ref)
	if m.MediaType != "application/vnd.docker.distribution.manifest.v2+json" || m.ArtifactType != "" || m.Annotations != nil || bytes.Contains(data, []byte("title")) {
		t.Errorf("got the manifest %s", data)
	}
	wantKind(t, ref, "ollama")
	dir, _ := pullArtifact(t, ref, pull.Options{NoSync: true})
	again := push(t, dir, "kind: ollama\nlayers: [\"*\"]\n", repo(t, "again")+":v1")
	if want, _ := manifestOf(t, ref); !slices.EqualFunc(again.Layers, want.Layers, func(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest && a.MediaType == b.MediaType }) {
		t.Errorf("got the layers %+v, want %+v", again.Layers, want.Layers)
	}
}

// ollamaPuller downloads a model with the requests that Ollama sends (server/images.go and server/download.go). It sends no token. It
// gets the size by HEAD and a Location by GET, redirected or not, and then requests ranges at that location.
type ollamaPuller struct {
	t    *testing.T
	base string // http://HOST/v2/NAMESPACE/MODEL
}

// do sends a request. It does not follow a redirect to another host, and fails the test if the server reports an error.
func (p ollamaPuller) do(method, address string, headers ...string) (*http.Response, []byte) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("User-Agent", "ollama/0.17.4 (amd64 linux) Go/go1.26")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if next.URL.Hostname() != req.URL.Hostname() {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		p.t.Fatalf("%s %s: %s %s", method, address, resp.Status, body)
	}
	return resp, body
}

// download downloads a blob in two parts, as Ollama does with blobs of more than 100 MB.
func (p ollamaPuller) download(d digest.Digest) []byte {
	p.t.Helper()
	address := p.base + "/blobs/" + d.String()
	resp, _ := p.do(http.MethodHead, address)
	total := resp.ContentLength
	resp, _ = p.do(http.MethodGet, address)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusTemporaryRedirect {
		p.t.Fatalf("%s: %s, want 200 or 307", address, resp.Status)
	}
	direct, err := resp.Location()
	if err != nil {
		p.t.Fatalf("%s: %v", address, err)
	}
	var all []byte
	for _, part := range [][2]int64{{0, total / 2}, {total / 2, total}} {
		_, body := p.do(http.MethodGet, direct.String(), "Range", fmt.Sprintf("bytes=%d-%d", part[0], part[1]-1))
		all = append(all, body[:part[1]-part[0]]...) // as Ollama does: the response may be longer
	}
	if digest.FromBytes(all) != d {
		p.t.Errorf("digest mismatch: want %s, got %s for %d bytes", d, digest.FromBytes(all), len(all))
	}
	return all
}

// TestOllamaPullsFromServe replays the requests of "ollama pull --insecure" against davit serve.
func TestOllamaPullsFromServe(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	push(t, example("ollama"), "", dir+":v1")
	ctx, cancel := context.WithCancel(t.Context())
	server, err := serve.Open(ctx, registry.New(registry.Options{}).Open, dir, serve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p := ollamaPuller{t, "http://" + listener.Addr().String() + "/v2/models/tiny"}
	_, data := p.do(http.MethodGet, p.base+"/manifests/v1", "Accept", "application/vnd.docker.distribution.manifest.v2+json")
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil || m.MediaType != "application/vnd.docker.distribution.manifest.v2+json" {
		t.Fatalf("got the manifest %s, %v", data, err)
	}
	var config struct {
		Format string `json:"model_format"`
		RootFS struct {
			DiffIDs []digest.Digest `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(p.download(m.Config.Digest), &config); err != nil || config.Format != "gguf" || len(config.RootFS.DiffIDs) != len(m.Layers) {
		t.Errorf("got the config %+v, %v", config, err)
	}
	for _, l := range m.Layers {
		body := p.download(l.Digest)
		switch strings.TrimPrefix(l.MediaType, "application/vnd.ollama.image.") {
		case "params":
			var params struct {
				Temperature float32
				Stop        []string
			}
			if err := json.Unmarshal(body, &params); err != nil || params.Temperature != 0.7 || !slices.Equal(params.Stop, []string{"<|im_end|>"}) {
				t.Errorf("params: got %s, %v, want the temperature 0.7 and the stop word", body, err)
			}
		case "model":
			if !bytes.HasPrefix(body, []byte("GGUF")) {
				t.Errorf("model: got %.20q, want GGUF at the start", body)
			}
		}
	}
}

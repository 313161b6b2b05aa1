package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// davit runs a command line, and returns its output.
func davit(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("davit %s: exit code %d, %s", strings.Join(args, " "), code, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

// TestShowRequests checks how many requests show takes. Its users may be on call, and should not wait.
func TestShowRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	for name, content := range map[string]string{
		"app.txt": "app\n",
		"down.md": "---\ntitle: Down\nalerts: [AppDown]\n---\n# Down\n",
		"slow.md": "---\ntitle: Slow\nalerts: [AppSlow]\n---\n# Slow\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name             string
		options          registrytest.Options
		tagged, byDigest int
	}{
		{name: "referrers API", tagged: 4, byDigest: 3},
		{name: "tag schema", options: registrytest.Options{NoReferrers: true}, tagged: 5, byDigest: 4},
		// The first request for a tag has no token.
		{name: "token", options: registrytest.Options{Auth: registrytest.Token}, tagged: 6, byDigest: 5},
	} {
		reg := registrytest.Start(t, test.options)
		tagged := reg.Host + "/app:1.0"
		var login []string
		if test.options.Auth == registrytest.Token {
			t.Setenv("DAVIT_PASSWORD", "secret")
			login = []string{"--username", "test"}
		}
		do := func(args ...string) string { return davit(t, append(args, login...)...) }
		do("push", "--kind", "generic", filepath.Join(dir, "app.txt"), tagged, "-q")
		do("attach", filepath.Join(dir, "down.md"), filepath.Join(dir, "slow.md"), tagged, "-q")
		byDigest := reg.Host + "/app@" + do("resolve", tagged, "-q")
		for target, want := range map[string]int{tagged: test.tagged, byDigest: test.byDigest} {
			reg.ResetLog()
			if got := do("show", "--alert", "AppDown", target); got != "alerts  AppDown\n\nDown\n════" {
				t.Errorf("%s: got %q", test.name, got)
			}
			if got := reg.Count(); got != want {
				t.Errorf("%s: %s took %d requests, want %d: %v", test.name, target, got, want, ops(reg))
			}
		}
	}
}

// TestAttachRequests limits the requests of attach, discover, and inspect. The limit of attach does not depend on the number of other
// attachments.
func TestAttachRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	writeFile(t, dir+"/app.txt", "app\n")
	report := func(n int) string {
		name := fmt.Sprintf("%s/r%d.sarif", dir, n)
		writeFile(t, name, fmt.Sprintf(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Tool"}},"results":[{"ruleId":"r%d"}]}]}`, n))
		return name
	}
	for _, test := range []struct {
		name             string
		options          registrytest.Options
		attach, discover int // discover: as many as "oras discover" takes for the same tree; also for inspect
	}{
		{"referrers API", registrytest.Options{}, 7, 2 + 2},
		{"tag schema", registrytest.Options{NoReferrers: true}, 11, 3 + 2},
	} {
		reg := registrytest.Start(t, test.options)
		app := reg.Host + "/app:1.0"
		davit(t, "push", "--kind", "generic", dir+"/app.txt", app, "-q")
		for n := range 2 {
			davit(t, "attach", report(n), app, "-q")
		}
		for _, command := range []string{"discover", "inspect"} {
			reg.ResetLog()
			davit(t, command, app)
			want := test.discover
			if command == "discover" {
				want += 2 // the rows of the two reports are alike: discover reads their manifests to show the names of the files
			}
			if got := reg.Count(); got > want {
				t.Errorf("%s: %s took %d requests, want at most %d: %v", test.name, command, got, want, ops(reg))
			}
			for _, flag := range []string{"--format=json", "--quiet"} {
				reg.ResetLog()
				davit(t, command, app, flag)
				if got := reg.Count(); got > test.discover {
					t.Errorf("%s: %s %s took %d requests, want at most %d: %v", test.name, command, flag, got, test.discover, ops(reg))
				}
			}
		}
		for n := 2; n < 8; n++ {
			reg.ResetLog()
			davit(t, "attach", report(n), app, "-q")
			if got := reg.Count(); got > test.attach {
				t.Errorf("%s: attach beside %d others took %d requests, want at most %d: %v", test.name, n, got, test.attach, ops(reg))
			}
		}
	}
}

// TestPushRequests checks that push lists earlier attachments only for a note, which --quiet silences.
func TestPushRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	writeFile(t, dir+"/app.txt", "app\n")
	writeFile(t, dir+"/davit.yaml", "kind: generic\nlayers: [app.txt]\nreferrers: [{kind: generic, name: notes, layers: [notes.txt]}]\n")
	reg := registrytest.Start(t, registrytest.Options{})
	for i, flag := range []string{"--quiet", "--quiet=false"} {
		for own, dry := range []string{"--dry-run", "--dry-run=false"} { // to attach, a push asks whether there is a referrers API
			writeFile(t, dir+"/notes.txt", flag+dry)
			reg.ResetLog()
			davit(t, "push", dir, reg.Host+"/app:1.0", flag, dry)
			n := 0
			for _, r := range reg.Requests() {
				if strings.HasPrefix(r.Op, "GET ") && strings.Contains(r.Path, "/referrers/") {
					n++
				}
			}
			if n != own+i {
				t.Errorf("push %s %s listed attachments %d times, want %d: %v", flag, dry, n, own+i, ops(reg))
			}
		}
	}
}

// ops returns the operations of the requests that a registry received.
func ops(reg *registrytest.Registry) []string {
	var list []string
	for _, r := range reg.Requests() {
		list = append(list, r.Op)
	}
	return list
}

// reading is a command that reads from a registry, and its bounds.
type reading struct {
	command string   // $A is the repository
	ops     []string // every request, in any order
	bytes   int64    // of blobs, at most
	code    exit.Code
}

// TestReadRequests checks the requests and limits the blob bytes of commands that read from a registry.
func TestReadRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	const mib = 1 << 20
	weights := `{"w":{"dtype":"F32","shape":[4194304],"data_offsets":[0,16777216]}}`
	for name, content := range map[string]string{
		"model.safetensors": string(binary.LittleEndian.AppendUint64(nil, uint64(len(weights)))) + weights + strings.Repeat("\x00", 16*mib),
		"config.json":       `{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}`,
		"tree/a.bin":        noise(24*mib, 1),
		"tree/b.txt":        "b\n",
		"tree/c.bin":        noise(24*mib, 2),
		"one.md":            "# One\n",
		"two.md":            "# Two\n",
		"old/pages/a.md":    "a\n",
		"old/pages/b.md":    "b\n",
		"new/pages/a.md":    "A\n",
		"new/pages/b.md":    "B\n",
	} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	reg := registrytest.Start(t, registrytest.Options{})
	app := reg.Host + "/app"
	for _, args := range [][]string{
		{"push", "--kind", "model", dir + "/model.safetensors", dir + "/config.json", app + ":model"},
		{"push", "--kind", "generic", "--packing", "tar", dir + "/tree", app + ":tar"},
		{"push", "--kind", "generic", dir + "/tree", app + ":gzip"},
		{"push", "--kind", "generic", dir + "/one.md", dir + "/model.safetensors", app + ":1"},
		{"push", "--kind", "generic", dir + "/two.md", dir + "/model.safetensors", app + ":2"},
		{"push", "--kind", "docs", dir + "/old/pages", app + ":old"},
		{"push", "--kind", "docs", dir + "/new/pages", app + ":new"},
		{"tag", app + ":1", "same"},
	} {
		davit(t, append(args, "-q")...)
	}
	const manifest, blob, referrers = "GET manifest", "GET blob", "GET referrers"
	for _, test := range []reading{
		{command: "inspect $A:model", ops: []string{manifest, blob, referrers}, bytes: 4 << 10},
		{command: "inspect $A:1", ops: []string{manifest, blob, referrers}, bytes: 64 << 10},
		{command: "inspect $A:model --config", ops: []string{manifest, blob}, bytes: 4 << 10},
		{command: "inspect $A:model --manifest", ops: []string{manifest}},
		{command: "ls $A:model", ops: []string{manifest}},
		{command: "ls $A:tar", ops: []string{manifest, blob, blob, blob}, bytes: 3 * 64 << 10},
		{command: "cat $A:tar tree/b.txt", ops: []string{manifest, blob, blob}, bytes: 2 * 64 << 10},
		{command: "cat $A:gzip tree/b.txt", ops: []string{manifest, blob}, bytes: 32 * mib},
		{command: "cat $A:1 one.md", ops: []string{manifest, blob}, bytes: 6},
		{command: "cat $A:model model.safetensors --range 0-99", ops: []string{manifest, blob}, bytes: 17 * mib},
		{command: "diff $A:1 $A:same", ops: []string{manifest, manifest}, code: exit.Done},
		{command: "diff $A:1 $A:2", ops: []string{manifest, manifest}, code: exit.No},
		{command: "diff $A:1 $A:2 --text", ops: []string{manifest, manifest, blob, blob}, bytes: 12, code: exit.No},
		{command: "diff $A:old $A:new", ops: []string{manifest, manifest, blob, blob}, bytes: 4 << 10, code: exit.No},
		{command: "diff $A:old $A:new --text", ops: []string{manifest, manifest, blob, blob, blob, blob}, bytes: 8 << 10, code: exit.No},
		{command: "resolve $A:1", ops: []string{"HEAD manifest"}},
		{command: "show $A:1", ops: []string{manifest, blob, referrers}, bytes: 6},
	} {
		t.Run(test.command, func(t *testing.T) { test.run(t, reg, app) })
	}
}

// run runs the command, and compares its requests with the bounds.
func (r reading) run(t *testing.T, reg *registrytest.Registry, repository string) {
	t.Helper()
	reg.ResetLog()
	var stderr bytes.Buffer
	args := strings.Fields(strings.ReplaceAll(r.command, "$A", repository))
	if code := Run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != int(r.code) {
		t.Fatalf("exit code %d, want %d: %s", code, r.code, &stderr)
	}
	got := ops(reg)
	slices.Sort(got)
	slices.Sort(r.ops)
	if !slices.Equal(got, r.ops) {
		t.Errorf("got requests %q, want %q", got, r.ops)
	}
	if _, out := reg.Bytes("GET blob"); out > r.bytes {
		t.Errorf("got %d bytes of blobs, want at most %d", out, r.bytes)
	}
}

// TestPushAndPullRequests checks the requests and connections of small pushes and pulls, with and without tokens: nothing is
// requested or sent twice.
func TestPushAndPullRequests(t *testing.T) {
	const head, get, put, post, upload, blob = "HEAD manifest", "GET manifest", "PUT manifest", "POST uploads", "PUT upload", "GET blob"
	for _, auth := range []registrytest.Auth{registrytest.NoAuth, registrytest.Token} {
		dir := t.TempDir()
		t.Setenv("HOME", dir)
		t.Setenv("XDG_CACHE_HOME", dir)
		t.Setenv("DAVIT_USERNAME", "test")
		t.Setenv("DAVIT_PASSWORD", "secret")
		writeFile(t, dir+"/note.txt", noise(1<<10, 3))
		reg := registrytest.Start(t, registrytest.Options{Auth: auth})
		davit(t, "copy", embeddingLayout(t), reg.Host+"/embedded:1", "-q")
		for _, step := range []struct {
			name, command string
			ops           []string
			connections   int
		}{
			{"push", "push --kind generic $D/note.txt $R/tiny:1", []string{head, post, post, upload, upload, put}, 2},
			{"push again", "push --kind generic $D/note.txt $R/tiny:1", []string{head}, 1},
			{"pull", "pull $R/tiny:1 -o $D/out", []string{get, blob}, 1},
			{"pull again", "pull $R/tiny:1 -o $D/out", []string{head}, 1},
			{"pull embedded blobs", "pull $R/embedded:1 -o $D/embedded", []string{get}, 1},
		} {
			want := step.ops
			if auth == registrytest.Token { // one challenge and one token for everything that the command does
				want = append([]string{want[0], "GET token"}, want...)
			}
			reg.ResetLog()
			davit(t, strings.Fields(strings.NewReplacer("$D", dir, "$R", reg.Host).Replace(step.command+" -q"))...)
			got, connections := ops(reg), map[string]bool{}
			for _, r := range reg.Requests() {
				connections[r.Conn] = true
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || len(connections) > step.connections {
				t.Errorf("%v, %s: got requests %q, want %q; over %d connections, want at most %d", auth, step.name, got, want, len(connections), step.connections)
			}
		}
		if got, err := os.ReadFile(dir + "/embedded/hello.txt"); err != nil || string(got) != "hello\n" {
			t.Errorf("embedded blob: got %q, %v, want hello", got, err)
		}
	}
}

// embeddingLayout returns a layout with an artifact whose manifest embeds its blobs in data fields.
func embeddingLayout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	layer := content.NewDescriptorFromBytes("text/plain", []byte("hello\n"))
	writeFile(t, filepath.Join(dir, "blobs", "sha256", layer.Digest.Encoded()), "hello\n")
	layer.Data, layer.Annotations = []byte("hello\n"), map[string]string{ocispec.AnnotationTitle: "hello.txt"}
	return layoutWith(t, dir, layer)
}

// layoutWith writes a layout with one artifact of one layer, without the blob of the layer, and returns the reference of the
// artifact.
func layoutWith(t *testing.T, dir string, layer ocispec.Descriptor) string {
	t.Helper()
	describe := func(mediaType, text string) ocispec.Descriptor {
		desc := content.NewDescriptorFromBytes(mediaType, []byte(text))
		writeFile(t, filepath.Join(dir, "blobs", "sha256", desc.Digest.Encoded()), text)
		return desc
	}
	describe(ocispec.MediaTypeEmptyJSON, "{}")
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	manifest := describe(ocispec.MediaTypeImageManifest, encode(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/x",
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{layer},
	}))
	writeFile(t, filepath.Join(dir, "index.json"), encode(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{manifest},
	}))
	writeFile(t, filepath.Join(dir, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}`)
	return dir + "@" + manifest.Digest.String()
}

// noise returns bytes that do not compress.
func noise(size int, seed uint64) string {
	data := make([]byte, size)
	source := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = source.Read(data) // never fails
	return string(data)
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSignRequests checks that sign --referrers lists the attachments of platforms only for a note, which --quiet silences.
func TestSignRequests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("COSIGN_PASSWORD", "secret")
	t.Chdir(dir)
	writeFile(t, "a.txt", "a\n")
	writeFile(t, "b.txt", "b\n")
	writeFile(t, "davit.yaml", "kind: generic\nplatforms:\n- {platform: linux/amd64, layers: [a.txt]}\n- {platform: linux/arm64, layers: [b.txt]}\n")
	reg := registrytest.Start(t, registrytest.Options{})
	davit(t, "push", ".", reg.Host+"/app:1.0")
	davit(t, "keygen")
	davit(t, "sign", reg.Host+"/app:1.0", "--key", "davit.key")
	for _, test := range []struct {
		flags []string
		more  int // listings of platforms
	}{
		{[]string{"--referrers"}, 2}, {[]string{"--referrers", "--quiet"}, 0}, {[]string{"--quiet"}, 0}, {nil, 0},
		{[]string{"--referrers", "--quiet", "--dry-run"}, 0}, {[]string{"--referrers", "--dry-run"}, 2},
	} {
		reg.ResetLog()
		davit(t, append([]string{"sign", reg.Host + "/app:1.0", "--key", "davit.key"}, test.flags...)...)
		listed := map[string]bool{}
		for _, r := range reg.Requests() {
			if strings.HasPrefix(r.Op, "GET ") && strings.Contains(r.Path, "/referrers/") {
				listed[r.Path] = true
			}
		}
		if n := len(listed) - 1; n != test.more {
			t.Errorf("sign %v listed attachments of %d more manifests, want %d: %v", test.flags, n, test.more, ops(reg))
		}
	}
}

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
)

// davit runs a command line and gives what it printed.
func davit(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("davit %s: exit code %d, %s", strings.Join(args, " "), code, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

// TestShowRequests counts what somebody who is on call waits for.
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
		// A tag is asked for without a token first.
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

func ops(reg *registrytest.Registry) []string {
	var list []string
	for _, r := range reg.Requests() {
		list = append(list, r.Op)
	}
	return list
}

// A reading is a command that looks at something in a registry, and what that may take.
type reading struct {
	command string   // $A is the repository
	ops     []string // every request, in any order
	bytes   int64    // of blobs, at most
	code    exitCode
}

// TestReadingTakesLittle counts requests, and the bytes of blobs, of the commands that look at what is in a registry.
func TestReadingTakesLittle(t *testing.T) {
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
		{command: "inspect $A:model --config", ops: []string{manifest, blob}, bytes: 4 << 10},
		{command: "inspect $A:model --manifest", ops: []string{manifest}},
		{command: "ls $A:model", ops: []string{manifest}},
		{command: "ls $A:tar", ops: []string{manifest, blob, blob, blob}, bytes: 3 * 64 << 10},
		{command: "cat $A:tar tree/b.txt", ops: []string{manifest, blob, blob}, bytes: 2 * 64 << 10},
		{command: "cat $A:gzip tree/b.txt", ops: []string{manifest, blob}, bytes: 32 * mib},
		{command: "cat $A:1 one.md", ops: []string{manifest, blob}, bytes: 6},
		{command: "cat $A:model model.safetensors --range 0-99", ops: []string{manifest, blob}, bytes: 100},
		{command: "diff $A:1 $A:same", ops: []string{manifest, manifest}, code: exitDone},
		{command: "diff $A:1 $A:2", ops: []string{manifest, manifest}, code: exitNo},
		{command: "diff $A:1 $A:2 --text", ops: []string{manifest, manifest, blob, blob}, bytes: 12, code: exitNo},
		{command: "diff $A:old $A:new", ops: []string{manifest, manifest, blob, blob}, bytes: 4 << 10, code: exitNo},
		{command: "diff $A:old $A:new --text", ops: []string{manifest, manifest, blob, blob, blob, blob}, bytes: 8 << 10, code: exitNo},
		{command: "resolve $A:1", ops: []string{"HEAD manifest"}},
		{command: "show $A:1", ops: []string{manifest, blob}, bytes: 6},
	} {
		t.Run(test.command, func(t *testing.T) { test.run(t, reg, app) })
	}
}

func (r reading) run(t *testing.T, reg *registrytest.Registry, repository string) {
	t.Helper()
	reg.ResetLog()
	var stderr bytes.Buffer
	args := strings.Fields(strings.ReplaceAll(r.command, "$A", repository))
	if code := run(t.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != int(r.code) {
		t.Fatalf("exit code %d, want %d: %s", code, r.code, &stderr)
	}
	got := ops(reg)
	slices.Sort(got)
	slices.Sort(r.ops)
	if !slices.Equal(got, r.ops) {
		t.Errorf("requests %q, want %q", got, r.ops)
	}
	if _, out := reg.Bytes("GET blob"); out > r.bytes {
		t.Errorf("%d bytes of blobs, want at most %d", out, r.bytes)
	}
}

// noise is what compression does not make smaller.
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

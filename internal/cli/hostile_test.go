package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/opencontainers/go-digest"
)

// FuzzHostileLayout damages layouts, and runs commands that read them. Half of the damage keeps digests and sizes right, so that it
// reaches the parsers of manifests, configs, and archives. A command must end soon, with a documented exit code. It must write
// nothing outside of the destination, and no link that leads out of the destination. If only the bytes of blobs are damaged, a
// command that succeeds must print the same as for the intact layout.
func FuzzHostileLayout(f *testing.F) {
	home := f.TempDir()
	for _, name := range []string{"HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		f.Setenv(name, home)
	}
	intact := intactLayout(f)
	want := map[string]string{}
	dir := f.TempDir()
	writeLayout(f, intact, filepath.Join(dir, "oci"))
	for _, command := range readingCommands {
		code, stdout := runIn(f, dir, command)
		if code > exit.No {
			f.Fatalf("davit %s of the intact layout: exit code %d", command, code)
		}
		want[command] = stdout
	}
	for i := range 4 {
		f.Add([]byte{byte(2 * i), byte(3 * i), byte(7 * i), byte(11 * i), 5, 1, 200, byte(i), byte(5 * i)})
	}
	f.Fuzz(func(t *testing.T, damage []byte) {
		if len(damage) > 64 {
			return
		}
		files := maps.Clone(intact)
		c := &choices{damage}
		first := c.next(len(readingCommands))
		rehashed := false
		for range 1 + c.next(3) {
			if c.next(2) == 0 {
				damageBytes(c, files)
			} else {
				rehashed = true
				damageContent(c, files)
			}
		}
		changed := !bytes.Equal(files["index.json"], intact["index.json"]) || !bytes.Equal(files["oci-layout"], intact["oci-layout"])
		dir := t.TempDir()
		writeLayout(t, files, filepath.Join(dir, "oci"))
		for i := range 6 { // the fuzzer gives up after ten seconds
			command := readingCommands[(first+i)%len(readingCommands)]
			code, stdout := runIn(t, dir, command)
			if code > exit.Refused {
				t.Errorf("davit %s: exit code %d", command, code)
			}
			if code == exit.Done && !rehashed && !changed && !listsReferrers(command) && stdout != want[command] {
				t.Errorf("davit %s: got exit code 0 and %q, want %q", command, stdout, want[command])
			}
		}
		checkOutside(t, dir)
	})
}

// readingCommands are run in a directory with a layout "oci". They write to directories whose names begin with "out".
var readingCommands = []string{
	"tags ./oci", "inspect ./oci:image", "inspect ./oci:many", "discover ./oci:image", "verify ./oci:image", "verify ./oci:files", "verify ./oci:many", "verify ./oci",
	"pull ./oci:image -o out", "pull ./oci:image -o out --include a/**", "pull ./oci:volume -o out --force", "pull ./oci:files -o out", "pull ./oci:image -o out-attached --referrers", "pull ./oci:image -o out-kind --kind sbom",
	"pull ./oci:many -o out-many --platform linux/arm64", "pull ./oci:volume -o out-preserved --preserve", "ls ./oci:image", "ls ./oci:files", "ls ./oci:many",
	"cat ./oci:image a/page.md", "cat ./oci:files notes.txt", "show ./oci:image a/page.md", "show ./oci:files", "show --kind sbom ./oci:image",
	"show --kind report ./oci:image", "diff ./oci:image ./oci:volume", "copy ./oci:image ./out-copy:1 --referrers", "copy ./oci:many ./out-copy.tar:1", "prune ./oci --keep-tags image --dry-run",
}

// listsReferrers reports whether the result of a command depends on the referrers in a layout. A referrer whose manifest is damaged
// is not listed.
func listsReferrers(command string) bool {
	return strings.HasPrefix(command, "inspect") || strings.HasPrefix(command, "discover") || strings.HasPrefix(command, "prune") || strings.Contains(command, "--kind") || strings.Contains(command, "--referrers")
}

// choices makes choices from fuzzed bytes.
type choices struct{ rest []byte }

// next returns a number below n.
func (c *choices) next(n int) int {
	v := 0
	for i := 0; i < 2 && len(c.rest) > 0 && (i == 0 || n > 256); i++ {
		v, c.rest = v<<8|int(c.rest[0]), c.rest[1:]
	}
	return v % n
}

// pick returns one of the strings.
func (c *choices) pick(all []string) string { return all[c.next(len(all))] }

// intactLayout packs a layout with several kinds of artifacts, and returns its files.
func intactLayout(f *testing.F) map[string][]byte {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	for name, content := range map[string]string{
		"tree/a/page.md": "# Page\n\ntext\n", "tree/a/deep/er/file": "deep", "tree/b/other.txt": "other", "notes.txt": "notes\n", "more.md": "# More\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	for link, target := range map[string]string{"tree/a/link": "../b/other.txt", "tree/b/up": "../a", "tree/b/deep": "up/deep/er"} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(link))); err != nil {
			f.Fatal(err)
		}
	}
	for _, command := range []string{
		"pack --kind image --name i tree -o ./oci:image", "pack --kind volume --name v tree -o ./oci:volume", "pack --kind generic notes.txt more.md -o ./oci:files",
		"attach $X/sbom/greeting.spdx.json $X/report/scan.sarif ./oci:image", "index ./oci:many ./oci:image", "pack $X/platforms -o ./oci:many",
	} {
		if code, stdout := runIn(f, dir, strings.ReplaceAll(command, "$X", examples)); code != exit.Done {
			f.Fatalf("davit %s: exit code %d: %s", command, code, stdout)
		}
	}
	files := map[string][]byte{}
	err = fs.WalkDir(os.DirFS(filepath.Join(dir, "oci")), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files[name], err = os.ReadFile(filepath.Join(dir, "oci", name))
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return files
}

func writeLayout(t testing.TB, files map[string][]byte, dir string) {
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// runIn runs davit in a directory.
func runIn(t testing.TB, dir, command string) (exit.Code, string) {
	t.Helper()
	here, err := os.Getwd()
	if err == nil {
		err = os.Chdir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(here) // not T.Chdir: the fuzzer starts its workers in the directory that a test is in
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := Run(ctx, withoutSync(append([]string{"davit"}, strings.Fields(command)...))[1:], strings.NewReader(""), &stdout, &stderr)
	if ctx.Err() != nil {
		t.Errorf("davit %s: takes more than 20 seconds", command)
	}
	if message := strings.TrimSpace(stderr.String()); code != 0 && message == "" && code != int(exit.No) {
		t.Errorf("davit %s: exit code %d without a message", command, code)
	} else if code > int(exit.Refused) {
		t.Logf("davit %s: %s", command, message)
	}
	if at := strings.IndexFunc(stderr.String()+stdout.String(), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0x9b || r == 0x202e }); at >= 0 && !strings.HasPrefix(command, "cat") {
		t.Errorf("davit %s: prints a control character: %q", command, (stderr.String() + stdout.String())[at:])
	}
	return exit.Code(code), stdout.String()
}

// checkOutside reports files beside the layout and the destinations, and links that lead out of the destination "out".
func checkOutside(t *testing.T, dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "oci" && !strings.HasPrefix(e.Name(), "out") {
			t.Errorf("%s was created beside the destination", e.Name())
		}
	}
	out := filepath.Join(dir, "out")
	err = filepath.WalkDir(out, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		if leads, err := filepath.EvalSymlinks(name); err == nil && leads != out && !strings.HasPrefix(leads, out+string(filepath.Separator)) {
			t.Errorf("link %s leads out of the destination, to %s", name, leads)
		}
		if target, _ := os.Readlink(name); filepath.IsAbs(target) {
			t.Errorf("link %s has the absolute target %s", name, target)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// damageBytes changes the bytes of a file. Digests no longer match.
func damageBytes(c *choices, files map[string][]byte) {
	names := slices.Sorted(maps.Keys(files))
	name := c.pick(names)
	data := bytes.Clone(files[name])
	switch at := c.next(len(data) + 1); c.next(5) {
	case 0:
		if at < len(data) {
			data[at] ^= byte(1 << c.next(8))
		}
	case 1:
		data = data[:at]
	case 2:
		data = append(data, data[at:]...)
		data = append(data, 'x')
	case 3:
		data = files[c.pick(names)]
	default:
		delete(files, name)
		return
	}
	files[name] = data
}

// damageContent changes the content of a file, and updates the digests and sizes that depend on it.
func damageContent(c *choices, files map[string][]byte) {
	name := c.pick(slices.Sorted(maps.Keys(files)))
	data := files[name]
	var document any
	switch {
	case json.Unmarshal(data, &document) == nil:
		data, _ = json.Marshal(damageJSON(c, document))
	case len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b:
		data = damageTar(c, data)
	default:
		data = []byte(c.pick(hostileText))
	}
	replaceBlob(files, name, data)
}

// replaceBlob replaces a file, and updates the digests and sizes that depend on it.
func replaceBlob(files map[string][]byte, name string, data []byte) {
	if !strings.HasPrefix(name, "blobs/") {
		files[name] = data
		return
	}
	old, now := digest.Digest("sha256:"+filepath.Base(name)), digest.FromBytes(data)
	delete(files, name)
	files["blobs/sha256/"+now.Encoded()] = data
	for _, other := range slices.Sorted(maps.Keys(files)) {
		var document any
		if !bytes.Contains(files[other], []byte(old)) || json.Unmarshal(files[other], &document) != nil {
			continue
		}
		updateDescriptors(document, old, now, len(data))
		if next, err := json.Marshal(document); err == nil && !bytes.Equal(next, files[other]) {
			replaceBlob(files, other, next)
		}
	}
}

// updateDescriptors replaces a digest and its size in the descriptors of a document.
func updateDescriptors(node any, old, now digest.Digest, size int) {
	switch node := node.(type) {
	case map[string]any:
		if node["digest"] == string(old) {
			node["digest"], node["size"] = string(now), size
		}
		for _, v := range node {
			updateDescriptors(v, old, now, size)
		}
	case []any:
		for _, v := range node {
			updateDescriptors(v, old, now, size)
		}
	}
}

var hostileText = []string{
	"", "..", "../../up", "/etc/passwd", "a/../../x", "a", "a/link", "b/deep/../../../x", ".", "a//b", "a\x00b", "a\x1b[31m\u202e\u009b", "C:\\x", "con", "a:b", "\xff\xfe", strings.Repeat("n", 300),
	strings.Repeat("d/", 300) + "x", "linux/amd64", "sha256:" + strings.Repeat("0", 64), "sha512:00", "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
	"application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.docker.distribution.manifest.v1+json", "text/plain", "{}", "9223372036854775808", ".davit-0123456789abcdef", "CAFE\u0301", "caf\u00e9", "A/PAGE.MD",
}

// damageJSON changes one value of a document.
func damageJSON(c *choices, node any) any {
	switch node := node.(type) {
	case map[string]any:
		if len(node) > 0 && c.next(8) > 0 {
			key := c.pick(slices.Sorted(maps.Keys(node)))
			if c.next(10) == 0 {
				delete(node, key)
			} else {
				node[key] = damageJSON(c, node[key])
			}
			return node
		}
		node[c.pick([]string{"subject", "layers", "manifests", "config", "artifactType", "mediaType", "annotations", "urls", "data", "platform", "org.opencontainers.image.title"})] = c.pick(hostileText)
		return node
	case []any:
		if len(node) > 0 && c.next(8) > 0 {
			at := c.next(len(node))
			if c.next(4) == 0 {
				return append(node, node[at])
			}
			node[at] = damageJSON(c, node[at])
			return node
		}
	}
	others := []any{nil, -1, 0, 1, int64(1) << 62, 1.5, true, []any{}, map[string]any{}, []any{map[string]any{}}, map[string]any{"a": map[string]any{}}}
	if i := c.next(len(others) + len(hostileText)); i < len(others) {
		return others[i]
	} else {
		return hostileText[i-len(others)]
	}
}

// damageTar changes entries of a compressed tar.
func damageTar(c *choices, compressed []byte) []byte {
	type entry struct {
		*tar.Header
		data []byte
	}
	var entries []entry
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return compressed
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		data, _ := io.ReadAll(r)
		entries = append(entries, entry{h, data})
	}
	for range 1 + c.next(3) {
		e := entry{&tar.Header{Name: c.pick(hostileText), Typeflag: tar.TypeSymlink, Linkname: c.pick(hostileText), Mode: 0o777}, nil}
		at := c.next(len(entries) + 1)
		if at < len(entries) {
			e = entries[at]
			switch c.next(6) {
			case 0:
				e.Name = c.pick(hostileText)
			case 1:
				e.Linkname = c.pick(hostileText)
			case 2:
				e.Typeflag = "0123456789gxLKS"[c.next(15)]
			case 3:
				e.Mode = int64(c.next(1 << 13))
			case 4:
				e.Name = entries[c.next(len(entries))].Name
			default:
				e.Uid, e.Gid, e.ModTime = -1, 1<<30, time.Unix(1<<40, 0)
			}
			if e.Typeflag != tar.TypeReg {
				e.Size, e.data = 0, nil
			}
			entries[at] = e
		}
		entries = slices.Insert(entries, c.next(len(entries)+1), e)
	}
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	w := tar.NewWriter(zw)
	for _, e := range entries {
		if err := w.WriteHeader(e.Header); err == nil {
			_, _ = w.Write(e.data) // the next header fails if bytes are missing
		}
	}
	if c.next(4) > 0 {
		_ = w.Close()
	}
	_ = zw.Close()
	if data := out.Bytes(); c.next(8) == 0 && len(data) > 0 {
		data[c.next(len(data))] ^= 1
	}
	return out.Bytes()
}

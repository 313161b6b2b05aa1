package corpus_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/rogpeppe/go-internal/txtar"
)

// program is the davit under test.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "corpus-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "davit.exe") // Windows needs the suffix
		if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "github.com/davit-oci/davit/cmd/davit").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// A place is a directory with unpacked archives of the corpus, where davit runs with its own home, caches, and state.
type place struct {
	dir string
	env []string
}

func newPlace(t *testing.T, archives ...string) *place {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range archives {
		unpack(t, filepath.Join("testdata", name+".tar.gz"), dir)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DAVIT_") })
	return &place{dir: dir, env: append(env,
		"HOME="+filepath.Join(dir, "home"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "XDG_STATE_HOME="+filepath.Join(dir, "state"),
		"DOCKER_CONFIG="+filepath.Join(dir, "docker"), "DAVIT_RETRY_FOR=5s", "SOURCE_DATE_EPOCH=1700000000",
	)}
}

// unpack writes the entries of an archive below dir, with the times and modes that records compare.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = unpackEntry(tr, h, filepath.Join(dir, filepath.FromSlash(h.Name)))
		}
		if err != nil {
			t.Fatalf("%s: %v", archive, err)
		}
	}
}

func unpackEntry(r io.Reader, h *tar.Header, path string) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, h.FileInfo().Mode().Perm())
	case tar.TypeSymlink:
		return os.Symlink(h.Linkname, path)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, data, h.FileInfo().Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(path, h.ModTime, h.ModTime)
}

// run runs davit in dir and returns its exit code and what it printed.
func (p *place) run(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, p.env, &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// davit runs a command that must succeed.
func (p *place) davit(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := p.run(t, p.dir, args...)
	if code != 0 {
		t.Fatalf("davit %s: exit status %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

// pull pulls into a directory below the place and returns its result.
func (p *place) pull(t *testing.T, args ...string) (r result) {
	t.Helper()
	decode(t, p.davit(t, append([]string{"pull", "--format", "json"}, args...)...), &r)
	return r
}

type result struct {
	Digest  string `json:"digest"`
	Skipped bool   `json:"skipped"`
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// files returns the content of the regular files below dir, and the targets of the links.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if e.Type() == fs.ModeSymlink {
			to, err := os.Readlink(path)
			found[filepath.ToSlash(rel)] = "-> " + to
			return err
		}
		data, err := os.ReadFile(path)
		found[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// checkSameFiles compares two directories.
func checkSameFiles(t *testing.T, got, want string) {
	t.Helper()
	g, w := files(t, got), files(t, want)
	for name, content := range w {
		if have, ok := g[name]; !ok || have != content {
			t.Errorf("%s: is missing or has different content", name)
		}
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			t.Errorf("%s: is unexpected", name)
		}
	}
}

// expected returns the JSON documents that the earlier version printed for each tag of ./oci.
func expected(t *testing.T, command string) map[string]map[string]any {
	t.Helper()
	suffix := "." + command + ".json"
	names, err := filepath.Glob(filepath.Join("testdata", "expected", "*"+suffix))
	if err != nil || len(names) < 20 {
		t.Fatalf("%d expectations of %s, %v", len(names), command, err)
	}
	all := map[string]map[string]any{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		decode(t, string(data), &v)
		all[strings.TrimSuffix(filepath.Base(name), suffix)] = v
	}
	return all
}

// checkContains reports the parts of want that got does not have: newer versions only add to JSON.
func checkContains(t *testing.T, at string, got, want any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for key, value := range w {
			checkContains(t, at+"/"+key, g[key], value)
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			t.Errorf("%s: got %d elements, want %d", at, len(g), len(w))
			return
		}
		for i := range w {
			checkContains(t, fmt.Sprintf("%s/%d", at, i), g[i], w[i])
		}
	default:
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", at, got, want)
		}
	}
}

// TestLayout checks that davit reads every artifact in the layout as the earlier version did.
func TestLayout(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts")
	for command, documents := range map[string]map[string]map[string]any{
		"inspect": expected(t, "inspect"),
		"ls":      expected(t, "ls"),
	} {
		for tag, want := range documents {
			args := []string{command, "./oci:" + tag, "--format", "json"}
			if command == "ls" {
				args = append(args, "--platform", "linux/amd64")
			}
			var got map[string]any
			decode(t, p.davit(t, args...), &got)
			checkContains(t, command+" "+tag, got, want)
		}
	}
	for _, target := range []string{"./oci", "./oci.tar", "./one"} {
		p.davit(t, "verify", target)
	}
	if got := p.davit(t, "cat", "./one", "one.txt"); got != "one\n" {
		t.Errorf("cat: got %q", got)
	}
}

// TestArchive checks that the archive has the artifacts of the layout, and their referrers.
func TestArchive(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts")
	for _, tag := range []string{"generic", "helm", "platforms"} {
		if got, want := p.davit(t, "resolve", "./oci.tar:"+tag, "-q"), p.davit(t, "resolve", "./oci:"+tag, "-q"); digestOf(got) != digestOf(want) {
			t.Errorf("%s: the archive has %s, the layout %s", tag, got, want)
		}
	}
	var tree struct {
		Referrers []struct{ Kind string }
	}
	decode(t, p.davit(t, "discover", "./oci.tar:platforms", "--format", "json"), &tree)
	if len(tree.Referrers) != 1 || tree.Referrers[0].Kind != "sbom" {
		t.Errorf("discover: got %+v, want one sbom", tree)
	}
}

// digestOf returns the digest at the end of a line.
func digestOf(line string) string {
	line = strings.TrimSpace(line)
	return line[strings.LastIndex(line, "@")+1:]
}

// TestPack checks that packing the sources results in the digests of the earlier version, with and without the caches that it left.
func TestPack(t *testing.T) {
	t.Parallel()
	for _, archives := range [][]string{{"sources"}, {"sources", "caches"}} {
		p := newPlace(t, archives...)
		documents := expected(t, "inspect")
		sources, err := os.ReadDir(filepath.Join(p.dir, "src"))
		if err != nil || len(sources) < 20 {
			t.Fatalf("%d sources, %v", len(sources), err)
		}
		for _, source := range sources {
			tag := source.Name()
			want := documents[tag]["digest"]
			if tag == "split" { // newer versions split the directory into smaller layers
				want = "sha256:fb072394332f8292dad8a0957a4def5f36f4fa1bb0a692d6c6441fdd7d97428d"
			}
			switch tag {
			case "hidden", "volume", "one":
				continue // hidden had a wrong annotation, volume has owners and times of another machine, and one has no declaration
			}
			for range 2 { // the second time with the caches that this version wrote
				if got := digestOf(p.davit(t, "pack", "./src/"+tag, "-o", "./packed:"+tag, "--quiet")); got != want {
					t.Errorf("%s, with %q: got %s, want %v", tag, archives, got, want)
				}
			}
		}
	}
}

// TestPull checks that pulled files equal those that the earlier version packed, also below ".hidden", which its manifest calls "hidden".
func TestPull(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts", "sources")
	for tag, names := range map[string][]string{
		"generic": {"hello.txt"}, "dirs": {"plain", "zipped", "zstd"}, "hidden": {".hidden"}, "split": {"tree"}, "big": {"small.txt", "weights.bin"},
	} {
		p.pull(t, "./oci:"+tag, "-o", "out/"+tag)
		for _, name := range names {
			checkSameFiles(t, filepath.Join(p.dir, "out", tag, name), filepath.Join(p.dir, "src", tag, name))
		}
	}
}

// TestRecords pulls again into directories that the earlier version filled. davit compares contents once, because it takes records of
// that version only as hints. No file is placed again, a newer artifact replaces the files, and a changed file is kept.
func TestRecords(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts", "sources", "pulled")
	registry := registrytest.Start(t, registrytest.Options{})
	p.davit(t, "copy", "./oci:v1", registry.Host+"/oci:v1")
	p.davit(t, "copy", "./oci:v2", registry.Host+"/oci:v2")
	p.relocate(t, filepath.Join("pulled", ".registry.davit.json"), "127.0.0.1:5791", registry.Host)

	sources := map[string]string{"archive": "./oci.tar:generic", "registry": registry.Host + "/oci:v1"}
	for _, name := range []string{"generic", "helm", "flux", "model", "docs", "v1"} {
		sources[name] = "./oci:" + name
	}
	for name, target := range sources {
		before := files(t, filepath.Join(p.dir, "pulled", name))
		p.pull(t, target, "-o", "pulled/"+name)
		if r := p.pull(t, target, "-o", "pulled/"+name); !r.Skipped {
			t.Errorf("%s: the second pull was not skipped", name)
		}
		if _, err := os.Lstat(filepath.Join(p.dir, "pulled", "."+name+".davit.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the record is still beside the directory: %v", name, err)
		}
		if after := files(t, filepath.Join(p.dir, "pulled", name)); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: the files changed", name)
		}
	}
	unpack(t, filepath.Join("testdata", "pulled.tar.gz"), filepath.Join(p.dir, "again"))
	for name, target := range map[string]string{"v1": "./oci:v2", "registry": registry.Host + "/oci:v2", "../again/pulled/v1": "./oci:v2"} {
		p.pull(t, target, "-o", "pulled/"+name, "--delete")
		p.checkVersion(t, filepath.Join("pulled", name), "v2")
	}
	if code, _, errs := p.run(t, p.dir, "pull", "./oci:v2", "-o", "pulled/changed"); code != 7 || !strings.Contains(errs, "c.txt") {
		t.Errorf("a changed file: got exit status %d, want 7 and an error that names c.txt\n%s", code, errs)
	}
	if got := files(t, filepath.Join(p.dir, "pulled", "changed"))["c.txt"]; got != "mine\n" {
		t.Errorf("a changed file: got %q, want the unchanged content", got)
	}
}

// relocate replaces an address in a file that the earlier version wrote.
func (p *place) relocate(t *testing.T, name, from, to string) {
	t.Helper()
	name = filepath.Join(p.dir, name)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), from) {
		t.Fatalf("%s does not mention %s", name, from)
	}
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(data), from, to)), info.Mode()); err != nil {
		t.Fatal(err)
	}
}

// checkVersion compares a directory below the place with the files of src/VERSION.
func (p *place) checkVersion(t *testing.T, dir, version string) {
	t.Helper()
	got, want := files(t, filepath.Join(p.dir, dir)), files(t, filepath.Join(p.dir, "src", version))
	delete(want, "davit.yaml")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %q, want %q", dir, got, want)
	}
}

// TestRecordOfWorkingDirectory pulls again where the earlier version pulled into the working directory.
func TestRecordOfWorkingDirectory(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts", "sources", "pulled")
	here := filepath.Join(p.dir, "pulled", "here")
	states := filepath.Join(p.dir, "state", "davit", "pulled")
	if err := os.Rename(filepath.Join(states, "here.json"), filepath.Join(states, url.PathEscape(here)+".json")); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := p.run(t, here, "pull", "../../oci:v1"); code != 0 { // compares contents
		t.Errorf("first pull of v1: got exit status %d, want 0\n%s", code, errs)
	}
	code, out, errs := p.run(t, here, "pull", "../../oci:v1", "--format", "json")
	var r result
	if code == 0 {
		decode(t, out, &r)
	}
	if code != 0 || !r.Skipped {
		t.Errorf("second pull of v1: got exit status %d, skipped %v, want 0 and true\n%s", code, r.Skipped, errs)
	}
	if code, _, errs := p.run(t, here, "pull", "../../oci:v2", "--delete"); code != 0 {
		t.Errorf("pull of v2: got exit status %d, want 0\n%s", code, errs)
	}
	p.checkVersion(t, filepath.Join("pulled", "here"), "v2")
}

// TestKilledDownload resumes pulls of the earlier version that were killed or interrupted.
func TestKilledDownload(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts", "sources", "killed")
	registry := registrytest.Start(t, registrytest.Options{})
	p.davit(t, "copy", "./oci:big", registry.Host+"/oci:big")
	const whole, kept = 8 << 20, 512 << 10
	for _, name := range []string{"killed/download", "killed/interrupted"} {
		registry.ResetLog()
		p.pull(t, registry.Host+"/oci:big", "-o", name)
		if _, out := registry.Bytes("GET blob"); out > whole-kept {
			t.Errorf("%s: fetched %d of %d bytes, want at least %d resumed", name, out, whole, kept)
		}
		for _, file := range []string{"small.txt", "weights.bin"} {
			if files(t, filepath.Join(p.dir, name))[file] != files(t, filepath.Join(p.dir, "src", "big"))[file] {
				t.Errorf("%s: %s differs from the packed file", name, file)
			}
		}
		if n := len(files(t, filepath.Join(p.dir, name))); n != 2 {
			t.Errorf("%s: got %d files, want 2, without those of the killed pull", name, n)
		}
	}
}

// TestKilledPlacement finishes pulls of the earlier version that were killed while they renamed files.
func TestKilledPlacement(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts", "sources", "killed")
	for _, test := range []struct{ name, version string }{{"placing", "v1"}, {"unrecorded", "v1"}, {"replacing", "v2"}} {
		dir := "killed/" + test.name
		p.pull(t, "./oci:"+test.version, "-o", dir, "--delete")
		p.checkVersion(t, dir, test.version)
		if r := p.pull(t, "./oci:"+test.version, "-o", dir, "--delete"); !r.Skipped {
			t.Errorf("%s: the second pull was not skipped", dir)
		}
	}
	p.pull(t, "./oci:dirs", "-o", "killed/unpacking", "--delete")
	for _, name := range []string{"plain", "zipped", "zstd"} {
		checkSameFiles(t, filepath.Join(p.dir, "killed", "unpacking", name), filepath.Join(p.dir, "src", "dirs", name))
	}
}

// TestLogin checks that davit uses and removes the credentials that the earlier version stored.
func TestLogin(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "layouts")
	registry := registrytest.Start(t, registrytest.Options{Auth: registrytest.Basic, Login: registrytest.Login{Username: "user", Password: "secret"}})
	if code, _, _ := p.run(t, p.dir, "copy", "./oci:v1", registry.Host+"/oci:v1"); code != 4 {
		t.Errorf("without the credentials: got exit status %d, want 4", code)
	}
	data, err := os.ReadFile("testdata/docker-config.json")
	if err == nil {
		err = os.Mkdir(filepath.Join(p.dir, "docker"), 0o700)
	}
	config := filepath.Join(p.dir, "docker", "config.json")
	if err == nil {
		err = os.WriteFile(config, []byte(strings.ReplaceAll(string(data), "HOST", registry.Host)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.davit(t, "copy", "./oci:v1", registry.Host+"/oci:v1")
	p.davit(t, "logout", registry.Host)
	if data, err := os.ReadFile(config); err != nil || strings.Contains(string(data), registry.Host) {
		t.Errorf("after logout: got %s, %v, want no entry for %s", data, err, registry.Host)
	}
}

// TestDeclarations checks that davit finds every problem that the earlier version found, at the same position.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	archive, err := txtar.ParseFile("testdata/declarations.txtar")
	if err != nil {
		t.Fatal(err)
	}
	problems := map[string][]string{}
	for _, f := range archive.Files {
		dir, name := filepath.Dir(f.Name), filepath.Base(f.Name)
		if name == "problems" {
			problems[dir] = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			continue
		}
		path := filepath.Join(p.dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range problems {
		code, _, errs := p.run(t, p.dir, "check", dir)
		if code != 2 {
			t.Errorf("%s: got exit status %d, want 2", dir, code)
		}
		for _, line := range want {
			at := strings.Join(strings.SplitN(line, ":", 4)[:3], ":") + ": "
			if !strings.Contains(errs, " "+at) {
				t.Errorf("%s: no problem at %s in\n%s", dir, at, errs)
			}
		}
	}
}

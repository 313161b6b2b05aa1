//go:build clients

package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxResident is the maximum memory of a command in bytes, for any content of a registry, a layout, or an archive.
const maxResident = 256 << 20

// measurePeak runs davit with args, and returns its exit code and its peak memory. It polls the status of the process, because after
// the process ended, the kernel reports a peak that includes the memory of its parent before exec.
func measurePeak(t *testing.T, args ...string) (code int, peak int64) {
	t.Helper()
	program, home := releasedDavit(t), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home+"/cache", "XDG_STATE_HOME="+home+"/state")
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watched := watchResident(cmd)
	_ = cmd.Wait()
	if ctx.Err() != nil {
		t.Errorf("davit %s: still running after two minutes", strings.Join(args, " "))
	}
	code, peak = cmd.ProcessState.ExitCode(), watched()
	t.Logf("%d MiB, exit %d: davit %.80s\n%.300s", peak>>20, code, strings.Join(args, " "), out.String())
	if code < 0 || bytes.Contains(out.Bytes(), []byte("goroutine ")) {
		t.Errorf("davit %s: exit %d\n%.2000s", strings.Join(args, " "), code, out.String())
	}
	return code, peak
}

// watchResident watches the memory of a process. The function that it returns stops watching, and returns the peak.
func watchResident(cmd *exec.Cmd) func() int64 {
	ended, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := int64(0)
		for tick := time.Tick(10 * time.Millisecond); ; {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if _, rest, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
				kib, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
				most = max(most, kib<<10)
			}
			select {
			case <-ended:
				peak <- most
				return
			case <-tick:
			}
		}
	}()
	return func() int64 {
		close(ended)
		return <-peak
	}
}

// checkBounded runs davit, and checks that it uses at most maxResident of memory and ends with one of the exit codes in wantCodes.
func checkBounded(t *testing.T, wantCodes string, args ...string) {
	t.Helper()
	code, peak := measurePeak(t, args...)
	if peak > maxResident {
		t.Errorf("davit %s: got a peak of %d MiB, want at most %d", strings.Join(args, " "), peak>>20, maxResident>>20)
	}
	if !strings.Contains(wantCodes, strconv.Itoa(code)) {
		t.Errorf("davit %s: got exit code %d, want one of %s", strings.Join(args, " "), code, wantCodes)
	}
}

// filled returns a document that repeats one element, up to almost the maximum size of a manifest.
func filled(before, element, after string) []byte {
	n := (manifest.MaxSize - len(before) - len(after)) / (len(element) + 1)
	return []byte(before + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + after)
}

// numbered is like filled, but replaces "%d" in each element with the number of the element.
func numbered(before, element, after string) []byte {
	var b bytes.Buffer
	b.WriteString(before)
	for i := 0; b.Len()+len(element)+len(after)+20 < manifest.MaxSize; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, element, i)
	}
	b.WriteString(after)
	return b.Bytes()
}

const (
	manifestHead = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},`
	someDigest = `"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"`
	typical    = `{"mediaType":"a/b",` + someDigest + `,"size":2}`
)

// bombs returns manifests that decode into many times their size, and valid manifests, all of the largest size.
func bombs() map[string][]byte {
	return map[string][]byte{
		"layers":           filled(manifestHead+`"layers":[`, `{}`, `]}`),
		"full layers":      filled(manifestHead+`"layers":[`, typical, `]}`),
		"annotations":      numbered(manifestHead+`"layers":[],"annotations":{`, `"%d":""`, `}}`),
		"annotated layers": filled(manifestHead+`"layers":[`, `{"annotations":{"":""},"platform":{}}`, `]}`),
		"empty lists":      filled(manifestHead+`"layers":[],"more":[`, `[]`, `]}`),
		"urls":             filled(manifestHead+`"layers":[{"urls":[`, `""`, `]}]}`),
		"one long text":    []byte(manifestHead + `"layers":[],"annotations":{"a":"` + strings.Repeat("x", manifest.MaxSize-500) + `"}}`),
	}
}

// createLayout creates a layout with an index.json and blobs.
func createLayout(t *testing.T, index []byte, blobs ...[]byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "oci")
	write := func(name string, data []byte) {
		file := filepath.Join(path, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	write("index.json", index)
	for _, b := range append(blobs, []byte("{}")) {
		write("blobs/sha256/"+digest.FromBytes(b).Encoded(), b)
	}
	return path
}

// described returns the JSON of a descriptor that begins with the fields in more.
func described(more, mediaType string, data []byte) string {
	return fmt.Sprintf(`{%s"mediaType":%q,"digest":%q,"size":%d}`, more, mediaType, digest.FromBytes(data), len(data))
}

// TestMemory checks that commands stay below maxResident while they read content that was made to exhaust memory. It and
// similar tests need the build tag clients, because together they take 90 seconds of CPU time.
func TestMemory(t *testing.T) {
	t.Parallel()
	for name, bomb := range bombs() {
		t.Run("manifest of "+name, func(t *testing.T) {
			// An index of 16 variants of the manifest, and one variant with a tag.
			var blobs [][]byte
			var entries []string
			for i := range 16 {
				data := bytes.Replace(bomb, []byte(`{"schemaVersion":2,`), fmt.Appendf(nil, `{"schemaVersion":2,"n%d":0,`, i), 1)
				blobs = append(blobs, data)
				entries = append(entries, described(fmt.Sprintf(`"platform":{"os":"linux","architecture":"a%d"},`, i), ocispec.MediaTypeImageManifest, data))
			}
			index := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + strings.Join(entries, ",") + `]}`)
			path := createLayout(t, []byte(`{"schemaVersion":2,"manifests":[`+
				described(`"annotations":{"org.opencontainers.image.ref.name":"all"},`, ocispec.MediaTypeImageIndex, index)+`,`+
				described(`"annotations":{"org.opencontainers.image.ref.name":"one"},`, ocispec.MediaTypeImageManifest, blobs[0])+`]}`), append(blobs, index)...)
			const any = "0 1 2 3 5"
			checkBounded(t, any, "pull", "--durable=false", path+":one")
			checkBounded(t, any, "inspect", path+":all")
			checkBounded(t, any, "copy", "--referrers", path+":all", filepath.Join(t.TempDir(), "copy:all"))
			if name == "full layers" || name == "one long text" { // the others are refused
				checkBounded(t, any, "verify", path+":all")
				checkBounded(t, any, "discover", path+":all")
				checkBounded(t, any, "show", path+":one")
				checkBounded(t, any, "copy", path+":all", filepath.Join(t.TempDir(), "copy.tar:all"))
			}
			server := httptest.NewServer(serveBlobs(append(blobs, index)...))
			defer server.Close()
			checkBounded(t, any, "inspect", strings.TrimPrefix(server.URL, "http://")+"/r@"+digest.FromBytes(index).String())
		})
	}
}

// TestMemoryOfIndex is like TestMemory, for an index.json of the largest size.
func TestMemoryOfIndex(t *testing.T) {
	t.Parallel()
	const size = 32<<20 - 1000
	fill := func(element string) []byte {
		return []byte(`{"schemaVersion":2,"manifests":[` + strings.TrimSuffix(strings.Repeat(element+",", size/(len(element)+1)), ",") + `]}`)
	}
	valid := func(more string) []byte {
		var b bytes.Buffer
		b.WriteString(`{"schemaVersion":2,"manifests":[`)
		data := []byte(manifestHead + `"layers":[]}`)
		for i := 0; b.Len() < size-400_000; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(described(fmt.Sprintf(`"annotations":{"org.opencontainers.image.ref.name":"v%d"`+more+`},`, i), ocispec.MediaTypeImageManifest, data))
		}
		b.WriteString("]}")
		return b.Bytes()
	}
	for name, index := range map[string][]byte{
		"empty entries":                      fill(`{}`),
		"short entries":                      fill(`{"digest":"x"}`),
		"lists as entries":                   fill(`[]`),
		"many annotations":                   fill(`{` + someDigest + `,"annotations":{"":""},"platform":{}}`),
		"nested entries":                     fill(`{"a":{"b":{"c":{}}}}`),
		"numbers as entries":                 fill(`1`),
		"one entry":                          fill(`{` + someDigest + `,"annotations":{"` + strings.Repeat("x", size/2) + `":""}}`),
		"long annotation beside no entries":  []byte(`{"schemaVersion":2,"manifests":[],"annotations":{"":"` + strings.Repeat("x", size) + `"}}`),
		"deep annotations beside no entries": []byte(`{"schemaVersion":2,"manifests":[],"annotations":` + strings.Repeat(`{"":`, 300_000) + `1` + strings.Repeat("}", 300_000) + `}`),
		"as many as allowed":                 valid(``),
		"many with line breaks":              bytes.ReplaceAll(valid(``), []byte(`,"size"`), []byte("\n,\"size\"")),
		"many with containerd names":         valid(`,"io.containerd.image.name":"docker.io/library/app:latest"`),
	} {
		t.Run(name, func(t *testing.T) {
			path := createLayout(t, index, []byte(manifestHead+`"layers":[]}`))
			codes := "5"
			isValid := strings.Contains(name, "many as") || strings.Contains(name, "many with")
			if isValid {
				codes = "0 3"
			}
			commands := [][]string{{"tags", path}, {"inspect", path + ":v7"}}
			if isValid {
				commands = append(commands, []string{"verify", path}, []string{"pull", "--durable=false", path + ":v7"}, []string{"delete", "--yes", path + ":v7"},
					[]string{"tag", path + ":v8", "v7"}, []string{"verify", "--repair", path}, []string{"resolve", path + ":mistyped"})
			}
			for _, args := range commands {
				checkBounded(t, codes, args...)
			}
			if !isValid {
				checkBounded(t, "1 2 3 5", "serve", path, "--addr", "127.0.0.1:0")
			}
		})
	}
}

// serveBlobs answers requests for manifests and blobs by their digests.
func serveBlobs(all ...[]byte) http.Handler {
	content := map[string][]byte{}
	for _, data := range all {
		content[digest.FromBytes(data).String()] = data
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		data, ok := content[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		mediaType := ocispec.MediaTypeImageManifest
		if bytes.HasPrefix(data, []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index`)) {
			mediaType = ocispec.MediaTypeImageIndex
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Docker-Content-Digest", name)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data)
	})
}

// TestMemoryOfLists is like TestMemory, for endless lists of tags and referrers, with pages that are made to exhaust memory.
func TestMemoryOfLists(t *testing.T) {
	t.Parallel()
	data := []byte(manifestHead + `"layers":[]}`)
	large := filled(``, `"0123456789"`, ``)
	tagPage := func(i int) []byte {
		return []byte(`{"name":"r","tags":[` + strings.ReplaceAll(string(large), "0123456789", fmt.Sprintf("v%09d", i)) + `]}`)
	}
	for name, page := range map[string]func(i int) []byte{
		"large pages of tags":  tagPage,
		"one tag in all pages": func(int) []byte { return []byte(`{"name":"r","tags":["v1"]}`) },
		"empty tags":           func(int) []byte { return filled(`{"tags":[`, `""`, `]}`) },
		"one long tag":         func(int) []byte { return filled(`{"tags":["`, `aaaaaaaaaaaaaaaaa`, `"]}`) },
		"objects":              func(int) []byte { return filled(`{"tags":[],"more":[`, `{}`, `]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(servePages("/tags/list", data, page))
			defer server.Close()
			host := strings.TrimPrefix(server.URL, "http://")
			checkBounded(t, "5 6", "tags", host+"/r", "--retry-for", "-1s")
			checkBounded(t, "3", "pull", host+"/r:mistyped", "--retry-for", "-1s")
		})
	}
	annotated := func(i int) string {
		return described(fmt.Sprintf(`"artifactType":"a/b%d","annotations":{"a":"%s"},`, i, strings.Repeat("x", manifest.MaxSize-2000)), ocispec.MediaTypeImageManifest, data)
	}
	for name, page := range map[string]func(i int) []byte{
		"large referrers":          func(i int) []byte { return []byte(`{"schemaVersion":2,"manifests":[` + annotated(i) + `]}`) },
		"empty referrers":          func(int) []byte { return filled(`{"schemaVersion":2,"manifests":[`, `{}`, `]}`) },
		"many referrers":           func(int) []byte { return filled(`{"schemaVersion":2,"manifests":[`, typical, `]}`) },
		"empty pages of referrers": func(int) []byte { return []byte(`{"schemaVersion":2,"manifests":[]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(servePages("/referrers/", data, page))
			defer server.Close()
			ref := strings.TrimPrefix(server.URL, "http://") + "/r:1"
			for _, command := range []string{"discover", "inspect", "copy --referrers"} {
				args := append(strings.Fields(command), ref, "--retry-for", "-1s")
				if strings.HasPrefix(command, "copy") {
					args = append(args, filepath.Join(t.TempDir(), "oci:1"))
				}
				checkBounded(t, "0 5 6", args...)
			}
		})
	}
}

// servePages serves a manifest under the tag 1 and under its digest, and, at paths that contain list, an endless list of pages.
func servePages(list string, data []byte, page func(i int) []byte) http.Handler {
	var mu sync.Mutex
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, list):
			mu.Lock()
			n++
			body := page(n)
			mu.Unlock()
			w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
			w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, r.URL.Path, n))
			_, _ = w.Write(body)
		case strings.HasSuffix(r.URL.Path, "/1") || strings.Contains(r.URL.Path, digest.FromBytes(data).Encoded()):
			w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
			w.Header().Set("Docker-Content-Digest", digest.FromBytes(data).String())
			_, _ = w.Write(data)
		case strings.Contains(r.URL.Path, digest.FromString("{}").Encoded()):
			_, _ = w.Write([]byte("{}"))
		default:
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": "MANIFEST_UNKNOWN"}}})
		}
	})
}

// TestMemoryOfServe checks that davit serve stays below maxResident while many clients send and request content that takes
// much of its memory.
func TestMemoryOfServe(t *testing.T) {
	t.Parallel()
	data := []byte(manifestHead + `"layers":[]}`)
	long := []byte(manifestHead + `"layers":[],"annotations":{"a":"` + strings.Repeat("x", manifest.MaxSize-500) + `"}}`)
	var entries []string
	for i := range 40_000 {
		entries = append(entries, described(fmt.Sprintf(`"annotations":{"org.opencontainers.image.ref.name":"version-%d"},`, i), ocispec.MediaTypeImageManifest, data))
	}
	entries = append(entries, described("", ocispec.MediaTypeImageManifest, long))
	path := createLayout(t, []byte(`{"schemaVersion":2,"manifests":[`+strings.Join(entries, ",")+`]}`), data, long)
	cmd := exec.Command(releasedDavit(t), "serve", path, "--write", "--addr", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	peak := watchResident(cmd)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	host := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	if err != nil || host == "" {
		t.Fatalf("%q, %v", line, err)
	}
	answered := make([]atomic.Int64, 600)
	ask := func(method, path string, body []byte) {
		req, err := http.NewRequest(method, "http://"+host+"/v2/"+path, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Content-Type", ocispec.MediaTypeImageManifest)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		answered[resp.StatusCode].Add(1)
	}
	var clients sync.WaitGroup
	for _, bomb := range bombs() {
		clients.Go(func() { ask("PUT", "oci/manifests/bomb", bomb) })
	}
	for range 10 {
		clients.Go(func() { ask("GET", "oci/tags/list", nil) })
		clients.Go(func() { ask("GET", "oci/manifests/"+digest.FromBytes(long).String(), nil) })
		clients.Go(func() { ask("GET", "_catalog", nil) })
	}
	var slow []net.Conn // connections that send an incomplete manifest, and stop
	for range 40 {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		slow = append(slow, c)
		clients.Go(func() {
			_, _ = fmt.Fprintf(c, "PUT /v2/oci/manifests/slow HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", host, manifest.MaxSize)
			_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Write(make([]byte, manifest.MaxSize-1))
		})
	}
	clients.Wait()
	for _, c := range slow {
		_ = c.Close()
	}
	if got := answered[200].Load(); got < 20 {
		t.Errorf("got %d responses 200, want at least 20, those to the lists", got)
	}
	if got := answered[200].Load() + answered[201].Load() + answered[400].Load() + answered[503].Load(); got != 37 {
		t.Errorf("got %d expected responses to 37 requests; all responses:", got)
		for status := range answered {
			if n := answered[status].Load(); n > 0 {
				t.Errorf("status %d: %d times", status, n)
			}
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	most := peak()
	t.Logf("%d MiB", most>>20)
	if most > maxResident {
		t.Errorf("davit serve: got a peak of %d MiB, want at most %d", most>>20, maxResident>>20)
	}
}

// Package browser tests the web pages of davit in a browser. It is a separate module, so that davit does not depend on chromedp.
package browser

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	navigation "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// windows has the sizes of a phone and of a desktop screen, the second with dark colors. A page that fits a phone also fits a desktop
// screen at 200 % zoom.
var windows = []struct {
	width  int64
	scheme string
}{{360, "light"}, {1280, "dark"}}

// pages maps the name of each screenshot to the path of its page. Each page is opened in each window.
var pages = map[string]string{
	"repositories": "/", "repository": "/r/oci", "files": "/r/oci:modelkit/files", "file": "/r/oci:modelkit/file/README.md", "sizes": "/r/oci:modelkit/map",
	"tensors": "/r/oci:model/tensors", "graph": "/r/oci:image/graph", "manifest": "/r/oci:image/manifest", "config": "/r/oci:helm/config",
	"choose": "/r/oci:helm/diff", "compare": "/r/oci:helm/diff?to=docs", "components": "/r/oci:components", "rows": "/r/oci:components/rows?sort=-version",
	"alerts": "/alerts", "alert": "/alert/GreetingDown", "no-alert": "/alert/GreetingDwn", "missing": "/r/oci:none", "empty": "/?q=none",
	"hostile": "/r/oci:hostile", "hostile-markdown": "/r/oci:hostile/file/README.md", "html": "/r/oci:hostile/file/page.html",
	"chart-files": "/r/oci:helm/files", "graph-platforms": "/r/oci:platforms/graph", "findings": "/r/oci:report/rows", "products": "/r/oci:vex/rows",
	"site": "/r/oci:docs", "lines": "/r/oci:helm/diff?to=newer",
	"names": "/r/oci:names", "names-files": "/r/oci:names/files", "names-map": "/r/oci:names/map",
}

// listKinds returns the kinds of the examples. TestPages opens the page of each in one window.
func listKinds(t *testing.T) []string {
	t.Helper()
	names, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range names {
		if name.IsDir() && name.Name() != "layered" { // layered needs a registry
			list = append(list, name.Name())
		}
	}
	return list
}

// maxOpen is the number of pages that are open at the same time.
const maxOpen = 4

// TestPages checks that each page loads without an error, obeys its content security policy, fits into the window, and is
// accessible.
func TestPages(t *testing.T) {
	site := serve(t)
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Fatalf("AXE must be the path of the axe-core script: %v", err)
	}
	slots := make(chan struct{}, maxOpen)
	check := func(name, path string, window int) {
		t.Run(fmt.Sprintf("%s-%d", name, windows[window].width), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			p := newPage(t)
			p.show(site+path, window)
			p.check(string(axe))
			p.saveScreenshot(fmt.Sprintf("%s-%d", name, windows[window].width))
			for _, c := range p.reports() {
				if name != "missing" && name != "no-alert" || !strings.Contains(c, "404") {
					t.Error(c)
				}
			}
		})
	}
	for window := range windows {
		for name, path := range pages {
			check(name, path, window)
		}
	}
	for i, kind := range listKinds(t) {
		check("kind-"+kind, "/r/oci:"+kind, i%len(windows))
	}
}

// page is a browser window that shows a page.
type page struct {
	testing.TB
	ctx     context.Context
	reports func() []string
}

func newPage(t *testing.T) *page {
	t.Helper()
	ctx, reports := open(t)
	return &page{t, ctx, reports}
}

// show opens a page in one of the windows.
func (p *page) show(address string, window int) {
	p.Helper()
	err := chromedp.Run(p.ctx,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: windows[window].scheme}}),
		chromedp.EmulateViewport(windows[window].width, 900),
		chromedp.Navigate(address),
		chromedp.WaitVisible("main", chromedp.ByQuery),
	)
	if err != nil {
		p.Fatal(err)
	}
}

// check checks that a page is not wider than the window, and that axe finds no violations.
func (p *page) check(axe string) {
	p.Helper()
	var wide bool
	var found []struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			HTML string `json:"html"`
		} `json:"nodes"`
	}
	err := chromedp.Run(p.ctx,
		chromedp.Evaluate("document.documentElement.scrollWidth > innerWidth", &wide),
		chromedp.Evaluate(axe+"; 0", nil),
		chromedp.Evaluate("axe.run({resultTypes: ['violations'], preload: false}).then(r => r.violations)", &found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	if err != nil {
		p.Fatal(err)
	}
	if wide {
		p.Error("the page is wider than the window")
	}
	for _, v := range found {
		p.Errorf("%s: %s: %v", v.ID, v.Help, v.Nodes)
	}
}

// saveScreenshot saves a screenshot of the page in the directory $SCREENSHOTS if that is set.
func (p *page) saveScreenshot(name string) {
	p.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	if err := chromedp.Run(p.ctx, chromedp.FullScreenshot(&picture, 100)); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		p.Fatal(err)
	}
}

// pictures are the screenshots in docs. They show the upper parts of pages, which look the same in each run.
var pictures = []struct {
	name, path    string
	width, height int64
	scheme        string
}{
	{"model", "/r/oci:model", 960, 620, "light"},
	{"components", "/r/oci:components", 960, 620, "light"},
}

// maxPicture is the maximum size of a picture in docs, in bytes.
const maxPicture = 48 << 10

// TestPictures takes the screenshots in docs and checks their sizes. It writes them to the directory $PICTURES if that is set.
func TestPictures(t *testing.T) {
	site := serve(t)
	for _, picture := range pictures {
		p := newPage(t)
		var shot []byte
		err := chromedp.Run(p.ctx,
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: picture.scheme}}),
			chromedp.EmulateViewport(picture.width, picture.height),
			chromedp.Navigate(site+picture.path),
			chromedp.WaitVisible("main", chromedp.ByQuery),
			chromedp.CaptureScreenshot(&shot),
		)
		if err != nil {
			t.Fatal(err)
		}
		if shot, err = compress(shot); err != nil || len(shot) > maxPicture {
			t.Errorf("%s: got %d bytes, %v, want at most %d", picture.name, len(shot), err, maxPicture)
		}
		if dir := os.Getenv("PICTURES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, "browser-"+picture.name+".png"), shot, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// compress encodes a PNG again with a palette of at most 256 colors.
func compress(shot []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	const most = 256
	bounds := full.Bounds()
	shade := func(x, y int) color.RGBA {
		r, g, b, _ := full.At(x, y).RGBA()
		return color.RGBA{uint8(r>>8) | 3, uint8(g>>8) | 3, uint8(b>>8) | 3, 255} // fewer shades, because the edges of letters have many
	}
	counts := map[color.RGBA]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[shade(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	reduced := image.NewPaletted(bounds, nil)
	for _, c := range colors[:min(len(colors), most)] {
		reduced.Palette = append(reduced.Palette, c)
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			reduced.Set(x, y, shade(x, y))
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduced)
	return out.Bytes(), err
}

// TestSlow opens a page of a registry that responds late. The known parts must be shown at once, and the rest after the response.
func TestSlow(t *testing.T) {
	site := serve(t)
	upstream, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan struct{})
	forward := httputil.NewSingleHostReverseProxy(upstream)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/referrers/") || strings.Contains(r.URL.Path, "/blobs/") {
			<-answer
		}
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	address := start(t, t.TempDir(), "browse", strings.TrimPrefix(proxy.URL, "http://")+"/oci:docs", "--plain-http")
	p := newPage(t)
	var waiting, known bool
	var order string
	err = chromedp.Run(p.ctx,
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, _, _, _, err := navigation.Navigate(address).Do(ctx)
			return err
		}),
		// The notice follows the head after half a second.
		chromedp.Poll("document.querySelector('main > div')?.shadowRoot?.textContent.includes('is being read')", &waiting),
		chromedp.Evaluate("document.body.textContent.includes('Layers')", &known),
		chromedp.ActionFunc(func(context.Context) error { close(answer); return nil }),
		chromedp.Poll("document.readyState === 'complete'", nil),
		chromedp.WaitVisible("article", chromedp.ByQuery),
		chromedp.Evaluate(`[...document.querySelectorAll('h1, article, h2')].filter(e => e.matches('h1, article') || e.textContent == 'Layers')
			.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map(e => e.tagName).join(' ')`, &order),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !waiting || !known {
		t.Errorf("before the response: got a notice %v, layers %v, want both", waiting, known)
	}
	if order != "H1 ARTICLE H2" {
		t.Errorf("got the parts in the order %q, want H1 ARTICLE H2", order)
	}
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Fatal(err)
	}
	p.check(string(axe))
	p.saveScreenshot("slow")
	for _, c := range p.reports() {
		t.Error(c)
	}
}

// TestUse searches, follows links, and copies a command, as a user does.
func TestUse(t *testing.T) {
	site := serve(t)
	ctx, reports := open(t)
	var rows int
	var address, copied, command, said string
	err := chromedp.Run(ctx,
		browser.GrantPermissions([]browser.PermissionType{browser.PermissionTypeClipboardReadWrite, browser.PermissionTypeClipboardSanitizedWrite}),
		chromedp.Navigate(site+"/r/oci:modelkit/files"),
		chromedp.SendKeys("#q", "gguf", chromedp.ByQuery),
		chromedp.Submit("#q", chromedp.ByQuery),
		chromedp.WaitVisible("input[value=gguf]", chromedp.ByQuery),
		chromedp.Evaluate("document.querySelectorAll('tbody a').length", &rows),
		chromedp.Click("tbody a", chromedp.ByQuery),
		chromedp.WaitVisible("a[download]", chromedp.ByQuery),
		chromedp.Navigate(site+"/"),
		chromedp.Click("tbody th a", chromedp.ByQuery),
		chromedp.WaitVisible("h2", chromedp.ByQuery),
		chromedp.Location(&address),
		chromedp.Navigate(site+"/r/oci:helm"),
		chromedp.Text("#command-a", &command, chromedp.ByQuery),
		chromedp.Click("button[data-copy=command-a]", chromedp.ByQuery),
		chromedp.Poll("document.getElementById('said').textContent", &said),
		chromedp.Evaluate("navigator.clipboard.readText()", &copied, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	if err != nil {
		t.Fatal(err)
	}
	if rows != 1 {
		t.Errorf("search: got %d files, want 1", rows)
	}
	if address != site+"/r/oci" {
		t.Errorf("link: got %s, want %s", address, site+"/r/oci")
	}
	if copied != command || !strings.HasPrefix(copied, "davit pull ") {
		t.Errorf("copied %q, want %q", copied, command)
	}
	for _, c := range reports() {
		t.Error(c)
	}
}

// TestSandbox checks that scripts in the HTML pages and SVG drawings of an artifact do not run.
func TestSandbox(t *testing.T) {
	site := serve(t)
	for _, path := range []string{"/sandbox/page.html", "/raw/drawing.svg"} {
		ctx, _ := open(t)
		var result string
		if err := chromedp.Run(ctx, chromedp.Navigate(site+"/r/oci:hostile"+path), chromedp.Evaluate("document.documentElement.getAttribute('data-run') ?? 'safe'", &result)); err != nil {
			t.Fatal(err)
		}
		if result != "safe" {
			t.Errorf("%s: got %q, want no script to run", path, result)
		}
	}
}

var sharedBrowser context.Context // the browser that all tests use

// TestMain starts the browser, and ends it after the tests.
func TestMain(m *testing.M) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	var cancelBrowser context.CancelFunc
	sharedBrowser, cancelBrowser = chromedp.NewContext(allocator)
	if err := chromedp.Run(sharedBrowser); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if site.process != nil {
		_ = site.process.Process.Signal(os.Interrupt)
		_ = site.process.Wait()
		_ = os.RemoveAll(site.process.Dir)
	}
	cancelBrowser()
	cancel()
	os.Exit(code)
}

// open opens a browser window. The returned function lists the log entries and exceptions of its pages.
func open(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	ctx, cancelWindow := chromedp.NewContext(sharedBrowser)
	t.Cleanup(cancelWindow)
	ctx, cancelTime := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancelTime)
	var mu sync.Mutex
	var reports []string
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			reports = append(reports, e.Entry.Text)
		case *runtime.EventExceptionThrown:
			reports = append(reports, e.ExceptionDetails.Error())
		}
	})
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), reports...)
	}
}

// artifacts is a shell script that packs the examples and more artifacts.
const artifacts = `
for kind in $KINDS; do davit -q pack "$EXAMPLES/$kind" -o "./oci:$kind"; done
davit -q attach "$EXAMPLES/sbom" ./oci:image
davit -q attach "$EXAMPLES/runbook" ./oci:image
cp -r "$EXAMPLES/helm" newer && sed -i 's/1.2.3/1.3.0/' newer/greeting/Chart.yaml && sed -i 's/: 1/: 3/' newer/greeting/values.yaml
davit -q pack newer -o ./oci:newer
mkdir hostile names
printf '# <script>document.documentElement.dataset.run=1</script>\n\n[a](javascript:alert(1)) ![drawing](drawing.svg)\n' >hostile/README.md
printf '<html><body><script>document.documentElement.dataset.run=1</script><p>a page</p></body></html>' >hostile/page.html
printf '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><script>document.documentElement.setAttribute("data-run", "1")</script><rect width="90" height="30"/></svg>' >hostile/drawing.svg
davit -q pack --kind generic hostile/README.md hostile/page.html hostile/drawing.svg -o ./oci:hostile
long=$(printf 'averylongname%.0s' 1 2 3 4 5 6 7 8)
mkdir -p "names/$long/ملفات/a/b/c/d/e/f"
printf '# שלום עולם\n\nمرحبا بالعالم\n\n| a | %s |\n|---|---|\n| %s | 1 |\n' "$long" "$long$long" >names/README.md
printf 'a\n' >"names/$long/ملفات/a/b/c/d/e/f/$long"
davit -q pack --kind generic --name "$long" names -o ./oci:names
{
	printf '{"spdxVersion":"SPDX-2.3","name":"components","packages":['
	for i in $(seq 1 120); do printf '{"name":"package-%s","versionInfo":"1.%s.0","licenseConcluded":"%s"},' "$i" "$i" "$(printf 'MIT\nApache-2.0\nGPL-2.0-only WITH Classpath-exception-2.0' | sed -n "$((i % 3 + 1))p")"; done
	printf '{"name":"last"}]}'
} >components.spdx.json
davit -q pack --kind sbom components.spdx.json -o ./oci:components
`

const examples = "../../examples"

// site is a server for all tests.
var site struct {
	once    sync.Once
	address string
	process *exec.Cmd
}

// serve starts the shared server if it does not run yet, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	site.once.Do(func() {
		dir, err := os.MkdirTemp("", "browser")
		if err != nil {
			t.Fatal(err)
		}
		source, err := filepath.Abs(examples)
		if err != nil {
			t.Fatal(err)
		}
		prepare := exec.Command("sh", "-ec", artifacts)
		prepare.Dir, prepare.Env = dir, append(os.Environ(), "EXAMPLES="+source, "KINDS="+strings.Join(listKinds(t), " "))
		if out, err := prepare.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		site.process = exec.Command("davit", "serve", "./oci", "--addr", address)
		site.process.Dir = dir
		if err := site.process.Start(); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if response, err := http.Get("http://" + address + "/style.css"); err == nil {
				_ = response.Body.Close()
				site.address = "http://" + address
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	if site.address == "" {
		t.Fatal("davit does not answer")
	}
	return site.address
}

// start starts davit with args, and returns the address that it prints.
func start(t *testing.T, dir string, args ...string) string {
	t.Helper()
	server := exec.Command("davit", append([]string{"-q"}, args...)...)
	server.Dir = dir
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	return strings.TrimSpace(line)
}

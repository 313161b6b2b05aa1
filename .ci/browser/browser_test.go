// Package browser reads the pages of davit in a browser. It is a module of its own, so that davit does not depend on what drives one.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// widths are those of a phone and of a screen.
var widths = []int64{360, 1280}

// pages are opened at each width, by the names of their pictures.
var pages = map[string]string{
	"repositories": "/", "repository": "/r/oci", "model": "/r/oci:model", "image": "/r/oci:image", "index": "/r/oci:platforms", "chart": "/r/oci:helm", "sbom": "/r/oci:sbom",
	"report": "/r/oci:report", "vex": "/r/oci:vex", "docs": "/r/oci:docs", "files": "/r/oci:modelkit/files", "sizes": "/r/oci:modelkit/map", "tensors": "/r/oci:model/tensors",
	"graph": "/r/oci:image/graph", "manifest": "/r/oci:image/manifest", "config": "/r/oci:helm/config", "compare": "/r/oci:helm/diff?to=docs", "alerts": "/alerts",
	"alert": "/alert/GreetingDown", "missing": "/r/oci:none", "hostile": "/r/oci:hostile", "hostile-markdown": "/r/oci:hostile/file/README.md",
}

// TestPages opens each page: it loads without an error, breaks no rule of its policy, is as wide as the window, and is accessible.
func TestPages(t *testing.T) {
	site := serve(t)
	axe, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		t.Fatalf("AXE names the script of axe-core: %v", err)
	}
	for _, width := range widths {
		for name, path := range pages {
			t.Run(fmt.Sprintf("%s-%d", name, width), func(t *testing.T) {
				ctx, complaints := open(t)
				var wide bool
				var found []struct {
					ID    string `json:"id"`
					Help  string `json:"help"`
					Nodes []struct {
						HTML string `json:"html"`
					} `json:"nodes"`
				}
				var result json.RawMessage
				var picture []byte
				err := chromedp.Run(ctx,
					chromedp.EmulateViewport(width, 900),
					chromedp.Navigate(site+path),
					chromedp.WaitVisible("main", chromedp.ByQuery),
					chromedp.Evaluate("document.documentElement.scrollWidth > innerWidth", &wide),
					chromedp.FullScreenshot(&picture, 100),
					chromedp.Evaluate(string(axe)+"; 0", nil),
					chromedp.Evaluate("axe.run().then(r => r.violations)", &result, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
				)
				if err != nil {
					t.Fatal(err)
				}
				if wide {
					t.Error("the page is wider than the window")
				}
				if err := json.Unmarshal(result, &found); err != nil {
					t.Fatal(err)
				}
				for _, v := range found {
					t.Errorf("%s: %s: %v", v.ID, v.Help, v.Nodes)
				}
				for _, c := range complaints() {
					if name != "missing" || !strings.Contains(c, "404") {
						t.Error(c)
					}
				}
				if dir := os.Getenv("SCREENSHOTS"); dir != "" {
					if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, width)), picture, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// TestUse does what readers do: they search, follow links, and copy a command.
func TestUse(t *testing.T) {
	site := serve(t)
	ctx, complaints := open(t)
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
		t.Errorf("the search found %d files, want 1", rows)
	}
	if address != site+"/r/oci" {
		t.Errorf("the link leads to %s", address)
	}
	if copied != command || !strings.HasPrefix(copied, "davit pull ") {
		t.Errorf("copied %q, want %q", copied, command)
	}
	for _, c := range complaints() {
		t.Error(c)
	}
}

// TestSandbox checks that scripts of strangers do not run: neither in a page in HTML, nor in a drawing.
func TestSandbox(t *testing.T) {
	site := serve(t)
	for _, path := range []string{"/sandbox/page.html", "/raw/drawing.svg"} {
		ctx, _ := open(t)
		var title string
		if err := chromedp.Run(ctx, chromedp.Navigate(site+"/r/oci:hostile"+path), chromedp.Evaluate("document.documentElement.getAttribute('data-run') ?? 'safe'", &title)); err != nil {
			t.Fatal(err)
		}
		if title != "safe" {
			t.Errorf("%s: a script ran", path)
		}
	}
}

var window context.Context // of the browser, which all tests share

// TestMain starts the browser, and ends it after the tests.
func TestMain(m *testing.M) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	var cancelBrowser context.CancelFunc
	window, cancelBrowser = chromedp.NewContext(allocator)
	if err := chromedp.Run(window); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	cancelBrowser()
	cancel()
	os.Exit(code)
}

// open opens a window. The function that it returns lists what the browser complained about.
func open(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	ctx, cancelWindow := chromedp.NewContext(window)
	t.Cleanup(cancelWindow)
	ctx, cancelTime := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancelTime)
	var mu sync.Mutex
	var complaints []string
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			complaints = append(complaints, e.Entry.Text)
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Error())
		}
	})
	return ctx, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), complaints...)
	}
}

// artifacts are packed besides the examples.
const artifacts = `
for kind in docs helm image model modelkit platforms report runbook sbom vex; do davit -q pack "$EXAMPLES/$kind" -o "./oci:$kind"; done
davit -q attach "$EXAMPLES/sbom" ./oci:image
davit -q attach "$EXAMPLES/runbook" ./oci:image
mkdir hostile
printf '# <script>document.documentElement.dataset.run=1</script>\n\n[a](javascript:alert(1)) ![drawing](drawing.svg)\n' >hostile/README.md
printf '<html><body><script>document.documentElement.dataset.run=1</script><p>a page</p></body></html>' >hostile/page.html
printf '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30"><script>document.documentElement.setAttribute("data-run", "1")</script><rect width="90" height="30"/></svg>' >hostile/drawing.svg
davit -q pack --kind generic hostile/README.md hostile/page.html hostile/drawing.svg -o ./oci:hostile
`

// serve serves artifacts, and returns the address.
func serve(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	prepare := exec.Command("sh", "-ec", artifacts)
	prepare.Dir, prepare.Env = dir, append(os.Environ(), "EXAMPLES="+examples)
	if out, err := prepare.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	server := exec.Command("davit", "serve", "./oci", "--addr", address)
	server.Dir = dir
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	for range 100 {
		if response, err := http.Get("http://" + address + "/style.css"); err == nil {
			_ = response.Body.Close()
			return "http://" + address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("davit does not answer")
	return ""
}

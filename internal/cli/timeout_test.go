package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestTimeout checks that commands end after --timeout, whatever the registry does, with an error that names the flag.
func TestTimeout(t *testing.T) {
	withHome(t)
	for name, test := range map[string]struct {
		op      string
		fault   faults.Fault
		command string
		last    string // what the error reports after the limit
	}{
		"silent when asked for a manifest": {"GET manifest", faults.Stall(0), "pull $R/app:1 -o $D/out", ""},
		"silent within a blob":             {"GET blob", faults.Stall(1000), "pull $R/app:1 -o $D/out", ""},
		"unavailable":                      {"", faults.Status(503), "pull $R/app:1 -o $D/out", ": 503 Service Unavailable"},
		"disconnected":                     {"GET blob", faults.Drop(), "pull $R/app:1 -o $D/out", ": "},
		"told to wait":                     {"", faults.Status(429, "Retry-After", "200"), "inspect $R/app:1", ": 429 Too Many Requests"},
		"silent when asked for tags":       {"GET tags", faults.Stall(0), "tags $R/app", ""},
		"unavailable during a push":        {"PUT manifest", faults.Status(503), "push --kind generic $D/app.txt $D/one.spdx.json $R/new:1", ": 503 Service Unavailable"},
		"silent during a copy":             {"GET blob", faults.Stall(0), "copy $R/app:1 $D/oci:1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, registrytest.Options{})
			writeFile(t, filepath.Join(o.dir, "app.txt"), name+strings.Repeat("a", 5000)) // unlike in other cases, whose pulls fill the cache
			o.run(exit.Done, "push -q --kind generic $D/app.txt $R/app:1")
			o.reg.Inject(test.op, faults.Always, test.fault)
			start := time.Now()
			limit := "error: timed out after 700ms\n"
			if test.last != "" {
				limit = "error: timed out after 700ms: " + o.reg.Host + test.last
			}
			o.runWith(exit.Network, test.command+" -q --timeout 700ms", "--timeout", limit)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("the command took %v, want at most 10s", took)
			}
			o.reg.Heal()
			o.run(exit.Done, test.command+" --timeout 1m")
		})
	}
	o := newOdd(t, registrytest.Options{})
	o.runWith(exit.Network, "resolve 127.0.0.1:1/app:1 --timeout 500ms", "timed out after 500ms: 127.0.0.1:1: ", "connection refused", "hint: no registry listens there")
	o.runWith(exit.BadUsage, "tags $R/app --timeout -1s", "can't be negative")
	o.runWith(exit.BadUsage, "tags $R/app --stall-timeout -1s", "can't be negative")
}

// TestUnsolicitedBytes checks that bytes that a registry sends without a request, and log lines about them, are not printed.
func TestUnsolicitedBytes(t *testing.T) {
	withHome(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(c, "unasked")
		time.Sleep(100 * time.Millisecond)
	}))
	defer server.Close()
	out, err := exec.Command("davit", "push", "-q", "timeout_test.go", strings.TrimPrefix(server.URL, "http://")+"/app:1", "--retry-for", "1s").CombinedOutput()
	if err == nil || bytes.Contains(out, []byte("nsolicited")) || !bytes.HasPrefix(out, []byte("davit: ")) {
		t.Errorf("got %v, want an error of davit without the bytes:\n%s", err, out)
	}
}

// TestDefaultsOfLimits checks that the help names the default of each limit.
func TestDefaultsOfLimits(t *testing.T) {
	var help bytes.Buffer
	Run(t.Context(), []string{"pull", "--help"}, strings.NewReader(""), &help, &help)
	text := strings.Join(strings.Fields(help.String()), " ")
	for flag, want := range map[string]string{"--stall-timeout": "(default 30s)", "--retry-for": "(default 5m;", "--timeout": "(default: no limit)"} {
		_, about, found := strings.Cut(text, flag+" ")
		if about, _, _ = strings.Cut(about, " --"); !found || !strings.Contains(about, want) {
			t.Errorf("%s: no %q in %q", flag, want, about)
		}
	}
}

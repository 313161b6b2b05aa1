package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/clients"
)

// settings holds the values of BENCH_N and BENCH_SCALE.
var settings = struct {
	n     int     // runs of each client; results are their medians
	scale float64 // of the sizes
}{n: 5, scale: 1}

// shared is the part of a fixture that is built once for all benchmarks.
var shared struct {
	results table
	davit   string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if n, err := strconv.Atoi(os.Getenv("BENCH_N")); err == nil && n > 0 {
		settings.n = n
	}
	if f, err := strconv.ParseFloat(os.Getenv("BENCH_SCALE"), 64); err == nil && f > 0 {
		settings.scale = f
	}
	place := os.Getenv("TMPDIR")
	if info, err := os.Stat("/dev/shm"); place == "" && err == nil && info.IsDir() {
		place = "/dev/shm"
	}
	dir, err := os.MkdirTemp(place, "davit-bench-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	code := m.Run()
	shared.results.write(os.Stdout)
	return code
}

// scaled returns a size at the scale of this run.
func scaled(size int64) int64 { return max(1, int64(float64(size)*settings.scale)) }

// fixture has the parts of a benchmark: davit and its peers, a registry, and files to push.
type fixture struct {
	clients []client
	server  *clients.Server
	host    string   // another registry to measure; "": server
	dir     string   // contains the input
	paths   []string // the input, relative to dir
	repos   int
}

// newFixture builds davit and starts a registry. fill creates the input in a directory, and returns its paths there.
func newFixture(b *testing.B, fill func(dir string) []string) *fixture {
	b.Helper()
	if shared.davit == "" {
		path := filepath.Join(os.TempDir(), "davit")
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/davit-oci/davit/cmd/davit")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("building davit: %v\n%s", err, out)
		}
		shared.davit = path
	}
	r := &fixture{clients: append([]client{davit(shared.davit)}, peers()...), dir: b.TempDir()}
	r.server = clients.Distribution(b, clients.Options{})
	r.paths = fill(r.dir)
	if info, err := os.Stat(filepath.Join(r.dir, r.paths[0])); err == nil && info.IsDir() {
		r.clients = slices.DeleteFunc(r.clients, func(c client) bool { return !c.folders })
	}
	time.Sleep(2100 * time.Millisecond) // davit does not trust the times of younger files
	return r
}

// workload is the work that each client does in turn.
type workload struct {
	name, note string
	pull       bool        // pull, not push
	again      bool        // repeated: the files were transferred before
	change     func(*turn) // before each run
	proxy      *tcpProxy   // to connect through; nil: a direct connection, and one more run that only counts traffic
	peerRuns   int         // runs of the other clients, if they are slow; 0: as many as davit
}

// turn is one client's part of a workload.
type turn struct {
	*fixture
	client
	b          *testing.B
	home, out  string
	host, repo string
	ready      bool // the first round of a repeated workload is done
}

// measure runs the workload with each client in turn.
func (r *fixture) measure(b *testing.B, w workload) {
	b.Helper()
	direct, proxy := w.proxy == nil, w.proxy
	if direct {
		proxy = &tcpProxy{}
	}
	proxy.open(b, r.server.Host)
	names, samples, turns := []string{}, make([][]sample, len(r.clients)), make([]*turn, len(r.clients))
	for i, c := range r.clients {
		names = append(names, c.name)
		turns[i] = &turn{fixture: r, client: c, b: b, host: r.server.Host}
		if w.again || !direct {
			turns[i].host = proxy.host
		}
	}
	for round := range settings.n {
		for i, t := range turns {
			if i > 0 && w.peerRuns > 0 && round >= w.peerRuns {
				continue
			}
			samples[i] = append(samples[i], t.run(w, proxy))
		}
	}
	for i, t := range turns {
		if direct && !w.again && samples[i][0].err == nil {
			t.host = proxy.host
			counted := t.run(w, proxy).traffic
			for j := range samples[i] {
				samples[i][j].traffic = counted
			}
		}
	}
	if err := median(samples[0]).err; err != nil {
		b.Error(err)
	}
	shared.results.add(w.name, w.note, names, samples)
	report(b, names, samples)
}

// report reports the median wall time of each client as a metric.
func report(b *testing.B, names []string, samples [][]sample) {
	for i, name := range names {
		b.ReportMetric(median(samples[i]).wall.Seconds(), name+"-s")
	}
	b.ReportMetric(0, "ns/op")
}

// clientTimeout limits the run of a client. Some retry for ten minutes after connection resets.
const clientTimeout = 2 * time.Minute

// run measures one run. Preparation and checks are not timed.
func (t *turn) run(w workload, proxy *tcpProxy) sample {
	t.prepare(w)
	if w.change != nil {
		w.change(t)
	}
	args := t.command(w.pull)
	proxy.take()
	server := cpuOf(t.server.PID)
	ctx, cancel := context.WithTimeout(t.b.Context(), max(clientTimeout, time.Duration(settings.scale*float64(clientTimeout))))
	defer cancel()
	s := execute(ctx, t.home, t.dir, args)
	s.server, s.traffic = cpuOf(t.server.PID)-server, proxy.take()
	if w.pull && s.err == nil && t.path == shared.davit {
		checkPulled(t.b, t.dir, t.out, t.paths)
	}
	if !w.again {
		_ = os.RemoveAll(t.out)
		_ = os.RemoveAll(t.home)
	}
	return s
}

// prepare sets up the client with a new home, repository, and directory for files. For a repeated workload, it also runs the first
// round.
func (t *turn) prepare(w workload) {
	if w.again && t.ready {
		return
	}
	t.ready = true
	t.home, t.out = t.newDir("home"), t.newDir("out")
	if !w.pull || t.repo == "" {
		t.repos++
		t.repo = fmt.Sprintf("bench/%s-%d", t.name, t.repos)
		switch {
		case w.pull:
			t.mustRun(t.server.Host, false)
		case w.again:
			t.mustRun(t.host, false)
		}
	}
	if w.again && w.pull {
		t.mustRun(t.host, true)
	}
}

// mustRun runs a push or pull that prepares the workload, and ends the benchmark if the command fails.
func (t *turn) mustRun(host string, pull bool) {
	t.b.Helper()
	there := *t
	there.host = host
	if s := execute(t.b.Context(), t.home, t.dir, there.command(pull)); s.err != nil {
		t.b.Fatal(s.err)
	}
}

// command returns the command line that pushes or pulls.
func (t *turn) command(pull bool) []string {
	ref := t.host + "/" + t.repo + ":v1"
	if pull {
		return append([]string{t.path}, t.pull(ref, t.out)...)
	}
	return append([]string{t.path}, t.push(ref, t.paths)...)
}

// newDir returns a new temporary directory.
func (t *turn) newDir(what string) string {
	t.b.Helper()
	dir, err := os.MkdirTemp(t.b.TempDir(), what)
	if err != nil {
		t.b.Fatal(err)
	}
	return dir
}

package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "renew the golden files in testdata")

// raceOptions keeps the race detector from sleeping for a second at the end of every davit that a test starts.
const raceOptions = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", raceOptions)
	// Most tests wait for the disk or the network, or for programs that do.
	_ = flag.Set("test.parallel", strconv.Itoa(max(6, runtime.GOMAXPROCS(0))))
	testscript.Main(cleanedUp{m}, map[string]func(){"davit": func() {
		os.Args = withoutSync(os.Args)
		Main("")
	}})
}

// cleanedUp runs tests, and then removes the directory that they share.
type cleanedUp struct{ *testing.M }

// Run runs the tests, and returns their exit code.
func (m cleanedUp) Run() int {
	defer func() {
		if dir := sharedDir.Load(); dir != nil {
			_ = os.RemoveAll(*dir)
		}
	}()
	return m.M.Run()
}

var sharedDir atomic.Pointer[string]

// releasedDavit builds davit as for a release, once, and returns its path. Scripts run this test binary as davit, which takes several
// times the memory under the race detector.
func releasedDavit(t *testing.T) string {
	t.Helper()
	program, err := buildDavit()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

var buildDavit = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "davit-")
	if err != nil {
		return "", err
	}
	sharedDir.Store(&dir)
	program := filepath.Join(dir, "davit.exe") // Windows needs the suffix
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, module+"/cmd/davit")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building davit: %w\n%s", err, out)
	}
	return program, nil
})

// withoutSync turns --durable off for a pull that does not set the flag. The tests of durability set it, and the others need not
// wait for the disk.
func withoutSync(args []string) []string {
	isDurable := func(arg string) bool { return strings.HasPrefix(arg, "--durable") }
	if len(args) < 2 || args[1] != "pull" || slices.ContainsFunc(args, isDurable) {
		return args
	}
	return slices.Insert(slices.Clone(args), 2, "--durable=false")
}

// scriptTarget is the target $T of a script. Commands must behave the same with every target.
type scriptTarget struct {
	name        string
	open        func(t *testing.T) string
	noTagDelete bool
	thorough    bool // used only with the build tag clients, because it starts a program or resembles another target
}

var scriptTargets = []scriptTarget{
	{name: "registry", open: func(t *testing.T) string {
		return registrytest.Start(t, registrytest.Options{}).Host
	}},
	{name: "registry without referrers", noTagDelete: true, thorough: true, open: func(t *testing.T) string {
		return registrytest.Start(t, registrytest.Options{NoReferrers: true, NoTagDelete: true}).Host
	}},
	{name: "served layout", thorough: true, open: serveLayout},
	{name: "distribution", thorough: true, open: func(t *testing.T) string { return clients.SharedDistribution(t).Host }},
	{name: "layout", open: func(*testing.T) string { return "./oci" }},
	{name: "archive", thorough: true, open: func(*testing.T) string { return "./oci.tar" }},
	{name: "olareg", thorough: true, open: func(t *testing.T) string { return clients.SharedOlareg(t).Host }},
}

// TestScript runs testdata/script. A script that contains $T runs once for every target, but without the build tag clients only for
// a registry and a layout. $REG is a registry.
func TestScript(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var once, anywhere []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("$T")) {
			anywhere = append(anywhere, file)
		} else {
			once = append(once, file)
		}
	}
	runScripts(t, once, scriptTarget{})
	for _, target := range scriptTargets {
		if target.thorough && !clients.Enabled {
			continue
		}
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			runScripts(t, anywhere, target)
		})
	}
}

func runScripts(t *testing.T, files []string, target scriptTarget) {
	t.Helper()
	registry := registrytest.Start(t, registrytest.Options{}).Host
	private := registrytest.Start(t, registrytest.Options{Auth: registrytest.Token}).Host
	servers := scriptServers{cmds: map[string]*exec.Cmd{}}
	where := ""
	if target.open != nil {
		where = target.open(t)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
			env.Setenv("REG", registry+"/"+name)
			env.Setenv("AUTHREG", private)
			env.Setenv("T", where)
			if where != "" && !strings.HasPrefix(where, ".") { // a path is relative to the directory of the script
				env.Setenv("T", where+"/"+name)
			}
			env.Setenv("GORACE", raceOptions)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "notagdelete":
				return target.noTagDelete, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":    runExit,
			"set":     runSet,
			"serving": servers.start,
			"stopped": servers.stop,
		},
	})
}

// runExit implements the script command "exit CODE COMMAND...": the command must end with that exit code.
func runExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND [ARG...]")
	}
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "exit status 0"
	if err != nil {
		got = err.Error()
	}
	if got != "exit status "+want {
		ts.Fatalf("got %s, want exit status %s", got, want)
	}
	if args[1] == "davit" {
		checkHints(ts, args[1:], ts.ReadFile("stderr"))
	}
}

// runSet implements the script command "set NAME": it sets an environment variable to the output of the last command.
func runSet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: set NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// checkGolden compares output with testdata/NAME.golden.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

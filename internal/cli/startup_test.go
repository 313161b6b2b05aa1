package cli

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestStartup limits the work that packages do before main, which every command waits for. The work is measured in allocated bytes,
// which do not depend on the machine. The runtime prints a line for each package.
func TestStartup(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(releasedDavit(t), "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := regexp.MustCompile(`(?m)^init (\S+) @.* (\d+) bytes, \d+ allocs$`).FindAllStringSubmatch(string(out), -1)
	if len(lines) < 20 {
		t.Fatalf("got %d lines about packages, want at least 20:\n%s", len(lines), out)
	}
	total := 0
	for _, line := range lines {
		own := strings.HasPrefix(line[1], module+"/")
		bytes, err := strconv.Atoi(line[2])
		if err != nil {
			t.Fatal(err)
		}
		total += bytes
		limit := 300 << 10 // oras-go's regular expressions
		if own {
			limit = 100 << 10
		}
		if bytes > limit {
			t.Errorf("%s allocates %d bytes before main, want at most %d", line[1], bytes, limit)
		}
	}
	if limit := 1200 << 10; total > limit {
		t.Errorf("all packages together allocate %d bytes before main, want at most %d", total, limit)
	}
	t.Logf("%d bytes", total)
}

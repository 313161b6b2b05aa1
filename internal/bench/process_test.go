package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is the cost of one run of a program.
type sample struct {
	wall   time.Duration
	cpu    time.Duration // of the program
	server time.Duration // CPU time of the registry during the run
	peak   int64         // resident bytes
	traffic
	err error
}

// environment returns the environment of a program with its own home directory.
func environment(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "DOCKER_CONFIG=" + home,
		"XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "TMPDIR=" + os.TempDir(),
		"COSIGN_PASSWORD=" + os.Getenv("COSIGN_PASSWORD"),
	}
}

// execute runs a program in dir until it ends. The program is killed when ctx is done.
func execute(ctx context.Context, home, dir string, args []string) sample {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, environment(home)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{err: err}
	}
	ended := make(chan struct{})
	peak := make(chan int64)
	go func() { peak <- watchPeak(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	s := sample{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	close(ended)
	s.peak = <-peak
	if err != nil {
		s.err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(args[0]), args[1], err, out.Bytes())
	}
	return s
}

// watchPeak polls a process until it ends, and returns its peak resident size. The peak that the kernel reports after the end includes
// memory of the process that forked it.
func watchPeak(pid int, ended <-chan struct{}) int64 {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var peak int64
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, rest, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
			kib, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			peak = max(peak, kib<<10)
		}
		select {
		case <-ended:
			return peak
		case <-tick.C:
		}
	}
}

// cpuOf returns the CPU time that a process has used, or 0 where /proc does not exist.
func cpuOf(pid int) time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(stat), ") ") // after the name
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
}

// TestExecute checks the error and the time that execute returns.
func TestExecute(t *testing.T) {
	t.Parallel()
	s := execute(t.Context(), t.TempDir(), t.TempDir(), []string{"sh", "-c", "echo wrong; exit 3"})
	if s.err == nil || !strings.Contains(s.err.Error(), "wrong") {
		t.Errorf("a program that fails: got the error %v, want one with its output", s.err)
	}
	if s := execute(t.Context(), t.TempDir(), t.TempDir(), []string{"sh", "-c", "true"}); s.err != nil || s.wall <= 0 {
		t.Errorf("a program that succeeds: got %v, %v, want some time and no error", s.wall, s.err)
	}
}

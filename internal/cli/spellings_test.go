package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/habits"
)

// TestSpellings checks the list of flags with two names: both names set one value, only one is shown, in hints as well, and both at once
// are refused.
func TestSpellings(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	elsewhere := map[string]bool{}
	for _, cmd := range allCommands(t) {
		for _, name := range []string{"verify-key", "sign-key", "keep", "keep-last", "all-platforms", "each-platform"} {
			if habits.OwnFlag(cmd, name) != nil {
				elsewhere[name] = true
			}
		}
	}
	for line := range strings.Lines(strings.TrimSpace(habits.OtherSpellings)) {
		words := strings.Fields(line)
		cmd, _, err := Command().Find(words[:1])
		if err != nil || !elsewhere[words[1]] {
			t.Errorf("%s: no such command, or no command has --%s", line, words[1])
			continue
		}
		value := map[bool]string{true: "true", false: "3"}[strings.HasSuffix(words[1], "platform") || strings.HasSuffix(words[1], "platforms")]
		if err := cmd.ParseFlags([]string{"--" + words[1] + "=" + value}); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		own := cmd.Flags().Lookup(words[2])
		if err := habits.JoinSpellings(cmd.Flags()); err != nil || !own.Changed {
			t.Errorf("%s: got changed %t, %v, want --%s set", line, own.Changed, err, words[2])
		}
		run := func(args ...string) (int, string) {
			var stdout, stderr bytes.Buffer
			code := Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
			return code, stdout.String() + stderr.String()
		}
		if _, got := run(words[0], "--help"); strings.Contains(got, "--"+words[1]+" ") || !strings.Contains(got, "--"+words[2]) {
			t.Errorf("%s: got the help %s", line, got)
		}
		if _, got := run("__complete", words[0], "--"+words[1][:3]); strings.Contains(got, "--"+words[1]+"\t") {
			t.Errorf("%s: got the completions %s", line, got)
		}
		args := map[string][]string{"attach": {"a", "./oci:1"}, "prune": {"./oci"}}[words[0]]
		if args == nil {
			args = []string{"./oci:1"}
		}
		for _, first := range []int{1, 2} {
			code, got := run(append([]string{words[0], "--" + words[first] + "=" + value, "--" + words[3-first] + "=" + value}, args...)...)
			if want := "--" + words[2] + " and --" + words[1] + " are the same flag"; code != 2 || !strings.Contains(got, want) {
				t.Errorf("%s: both: exit code %d, %s, want 2, %s", line, code, got, want)
			}
		}
		if value == "3" { // without a value, the hint describes the flag by the name in the help
			for _, name := range words[1:] {
				if code, got := run(append([]string{words[0]}, append(args, "--"+name)...)...); code != 2 || !strings.Contains(got, "\ndavit: hint: --"+words[2]+" ") {
					t.Errorf("%s: no value for --%s: exit code %d, %s", line, name, code, got)
				}
			}
		}
		if !strings.HasSuffix(words[1], "s") && value == "3" {
			if code, got := run(append([]string{words[0], "--" + words[1], ""}, args...)...); code != 2 {
				t.Errorf("%s: empty: exit code %d, %s", line, code, got)
			}
		}
	}
}

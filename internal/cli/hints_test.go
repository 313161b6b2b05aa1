package cli

import (
	"bytes"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// hintCommand finds commands in hints: in quotes, or at the beginning or after a colon and up to the end of the sentence.
var hintCommand = regexp.MustCompile(`"(davit [^"]*(?:"[^" ,;]+"[^"]*)*)"|(?:^|: )(davit [a-z][^;#]*?)(?:, (?:or|where) .*|[;#].*)?$`)

// hintMeant finds the suggestions in hints about misspellings.
var hintMeant = regexp.MustCompile(`did you mean (?:the path )?"([^"]*)"`)

// checkHints fails a script if a hint names an invalid command, or suggests an argument that was typed.
func checkHints(ts *testscript.TestScript, args []string, stderr string) {
	for line := range strings.Lines(stderr) {
		hint, ok := strings.CutPrefix(strings.TrimSpace(line), "davit: hint: ")
		if !ok {
			continue
		}
		if problem := findHintProblem(hint, args); problem != "" {
			ts.Fatalf("hint %q: %s", hint, problem)
		}
	}
}

// findHintProblem returns the fault of a hint that follows the typed arguments, or "".
func findHintProblem(hint string, typed []string) string {
	for _, found := range hintMeant.FindAllStringSubmatch(hint, -1) {
		if slices.Contains(typed, found[1]) {
			return "it suggests an argument that was typed"
		}
	}
	for _, found := range hintCommand.FindAllStringSubmatch(hint, -1) {
		words := shellWords(found[1] + found[2])[1:]
		root := Command()
		root.InitDefaultHelpCmd()
		cmd, rest, err := root.Find(words)
		switch {
		case slices.Contains(words, "COMMAND") || slices.Equal(words, []string{"--help"}) || slices.Equal(words, []string{"--version"}):
			continue
		case err != nil || cmd == root:
			return "no such command"
		}
		if err := cmd.ParseFlags(rest); err != nil && !strings.Contains(err.Error(), "help requested") {
			return err.Error()
		}
		if slices.Contains(rest, "--help") || cmd.Flags().NArg() == 0 { // a hint may name a command alone, as in: "davit init" writes one
			continue
		}
		if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			return err.Error()
		}
	}
	return ""
}

// shellWords splits a command at spaces outside of single quotes.
func shellWords(command string) []string {
	var words []string
	word, isQuoted := "", false
	for _, r := range command + " " {
		switch {
		case r == '\'':
			isQuoted = !isQuoted
		case r == ' ' && !isQuoted:
			if word != "" {
				words = append(words, word)
			}
			word = ""
		default:
			word += string(r)
		}
	}
	return words
}

// TestFindHintProblem tries findHintProblem on good and bad hints.
func TestFindHintProblem(t *testing.T) {
	t.Parallel()
	for hint, isGood := range map[string]bool{
		`"davit discover ./oci:1" lists the attachments`:          true,
		`"davit discovr ./oci:1" lists the attachments`:           false,
		`to make one there by pushing: davit serve ./oci --write`: true,
		`to make one there by pushing: davit serve ./oci --writ`:  false,
		`davit push a ./b TARGET, where TARGET is a path (./oci)`: true,
		`davit tag ./oci:1`: false,
		`davit show --kind runbook ./oci:1  # "Down"; severity high`:   true,
		`did you mean "./typed"?`:                                      false,
		`"davit --help" lists the commands`:                            true,
		`write one with "davit init", or name the files ("." for all)`: true,
	} {
		if problem := findHintProblem(hint, []string{"davit", "inspect", "./typed"}); (problem == "") != isGood {
			t.Errorf("%s: got the problem %q, want the hint to be good: %v", hint, problem, isGood)
		}
	}
}

// TestTemplateHints misspells every field in the result of many commands, and runs the templates that the hints name.
func TestTemplateHints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(args ...string) (stdout, stderr string, code int) {
		var out, errs bytes.Buffer
		code = Run(t.Context(), args, strings.NewReader(""), &out, &errs)
		return out.String(), errs.String(), code
	}
	layout := filepath.Join(dir, "oci")
	for _, args := range [][]string{
		{"push", "../../examples/model", layout + ":1"},
		{"attach", "../../examples/runbook", layout + ":1"},
	} {
		if _, errs, code := run(args...); code != 0 {
			t.Fatalf("%v: %s", args, errs)
		}
	}
	suggested := 0
	for _, args := range [][]string{
		{"discover", layout + ":1"}, {"inspect", layout + ":1"}, {"ls", layout + ":1"}, {"tags", layout}, {"resolve", layout + ":1"},
		{"push", "../../examples/model", layout + ":1", "--dry-run"}, {"pull", layout + ":1", "-o", filepath.Join(dir, "out"), "--dry-run"},
		{"copy", layout + ":1", layout + "2:1", "--dry-run"}, {"verify", layout + ":1"}, {"prune", layout, "--dry-run"},
		{"detach", layout + ":1", "--all", "--dry-run"}, {"kinds"}, {"version"}, {"repos", layout}, {"cache"},
	} {
		out, errs, code := run(append(args, "--format", "json")...)
		if code != 0 {
			t.Fatalf("%v: %s", args, errs)
		}
		isTried := map[string]bool{}
		for _, found := range regexp.MustCompile(`(?m)^ *"([A-Za-z]{4,})": `).FindAllStringSubmatch(out, -1) {
			if isTried[found[1]] {
				continue
			}
			isTried[found[1]] = true
			_, errs, _ := run(append(args, "--format", "{{."+found[1]+"x}}")...)
			hint := regexp.MustCompile(`did you mean '(.*)'\?`).FindStringSubmatch(errs)
			if hint == nil {
				continue // no template names a key of a map or a field in the second object of a list
			}
			suggested++
			if _, errs, code := run(append(args, "--format", hint[1])...); code != 0 {
				t.Errorf("%v: the template %s in the hint for %s fails: %s", args, hint[1], found[1], errs)
			}
		}
	}
	if suggested < 50 {
		t.Errorf("got %d hints, want at least 50", suggested)
	}
}

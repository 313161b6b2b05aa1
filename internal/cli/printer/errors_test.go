package printer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/term"
)

// TestJSONErrorsHaveEachHintOnce checks that a hint is in its own field of a JSON error, and not in the message, too.
func TestJSONErrorsHaveEachHintOnce(t *testing.T) {
	t.Parallel()
	typo := artifact.Problem{File: "davit.yaml", Line: 1, Column: 2, Message: "unknown key", Hint: `did you mean "kind"?`}
	plain := artifact.Problem{Message: "no files"}
	again := artifact.Problem{File: "davit.yaml", Line: 9, Message: "unknown key (a b)", Hint: typo.Hint}
	for name, tc := range map[string]struct {
		err                 error
		message, hint, last string
	}{
		"one problem":  {artifact.Problems{typo}, "davit.yaml:1:2: unknown key", typo.Hint, typo.Hint},
		"several":      {artifact.Problems{typo, again, plain}, "davit.yaml:1:2: unknown key\ndavit.yaml:9: unknown key (a b)\nno files", typo.Hint, ""},
		"without hint": {artifact.Problems{plain}, "no files", "", ""},
		"wrapped":      {fmt.Errorf("packing: %w", artifact.Problems{plain, typo}), "packing: no files\ndavit.yaml:1:2: unknown key", typo.Hint, typo.Hint},
		"no problems":  {errors.New("x (y)"), "x (y)", "", ""},
	} {
		for _, mode := range []string{"json", "lines"} {
			var out bytes.Buffer
			p := &printer.Printer{Stderr: term.NewConsole(&out)}
			if mode == "lines" {
				p.Stderr.Mode = term.ProgressJSON
			} else {
				p.Format.Name = "json"
			}
			p.PrintError(tc.err)
			var got struct {
				Error struct {
					Message, Hint string
					Problems      artifact.Problems
				}
			}
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v: %s", name, err, out.String())
			}
			if got.Error.Message != tc.message || got.Error.Hint != tc.hint {
				t.Errorf("%s, %s: got message %q, hint %q; want %q, %q", name, mode, got.Error.Message, got.Error.Hint, tc.message, tc.hint)
			}
			if all := got.Error.Problems; len(all) > 0 && all[len(all)-1].Hint != tc.last {
				t.Errorf("%s, %s: got the hint %q for the last problem, want %q", name, mode, all[len(all)-1].Hint, tc.last)
			}
		}
	}
}

// TestProblemsAreLimited checks that of many problems, the first are printed, and the others counted.
func TestProblemsAreLimited(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		count, lines, inJSON int
		last                 string
	}{
		{1, 1, 1, "Chart.yaml:1: bad"}, {50, 50, 50, "Chart.yaml:50: bad"}, {51, 51, 51, "and 1 more problem"},
		{1000, 51, 1000, "and 950 more problems"}, {20000, 51, 1000, "and 19950 more problems"},
	} {
		var problems artifact.Problems
		for i := range test.count {
			problems = append(problems, artifact.Problem{File: "Chart.yaml", Line: i + 1, Message: "bad"})
		}
		var out bytes.Buffer
		p := &printer.Printer{Stderr: term.NewConsole(&out)}
		p.PrintError(fmt.Errorf("packing: %w", problems))
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != test.lines || lines[len(lines)-1] != "davit: error: "+test.last {
			t.Errorf("%d problems: got %d lines, the last %q; want %d, %q", test.count, len(lines), lines[len(lines)-1], test.lines, test.last)
		}
		out.Reset()
		p.Format.Name = "json"
		p.PrintError(fmt.Errorf("packing: %w", problems))
		var got struct {
			Error struct {
				Message      string
				Problems     artifact.Problems
				MoreProblems int
			}
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Error.Problems) != test.inJSON || got.Error.MoreProblems != test.count-test.inJSON {
			t.Errorf("%d problems: got %d in JSON and %d more, want %d", test.count, len(got.Error.Problems), got.Error.MoreProblems, test.inJSON)
		}
		if lines := strings.Split(got.Error.Message, "\n"); len(lines) != test.lines || !strings.HasSuffix(lines[len(lines)-1], test.last) {
			t.Errorf("%d problems: got a message of %d lines, the last %q; want %d, %q", test.count, len(lines), lines[len(lines)-1], test.lines, test.last)
		}
	}
}

package printer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

package modelfile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/modelfile"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := modelfile.Parse([]byte("\ufeff# a comment\r\nfrom ./a model.gguf\r\n\n  PARAMETER stop \"<|end|>\"\nPARAMETER temperature 0.5\n" +
		"TEMPLATE \"\"\"{{ .Prompt }}\n\n# text\n\"\"\"\nSYSTEM say \"hi\" twice\nLICENSE \"\"\nMESSAGE user \"Is it \"here\"?\"\nMESSAGE assistant yes"))
	if err != nil {
		t.Fatal(err)
	}
	want := []modelfile.Command{
		{"FROM", "", "./a model.gguf", 2}, {"PARAMETER", "stop", "<|end|>", 4}, {"PARAMETER", "temperature", "0.5", 5},
		{"TEMPLATE", "", "{{ .Prompt }}\n\n# text\n", 6}, {"SYSTEM", "", `say "hi" twice`, 10}, {"LICENSE", "", "", 11},
		{"MESSAGE", "user", `Is it "here"?`, 12}, {"MESSAGE", "assistant", "yes", 13},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "no FROM command",
		"SYSTEM a\n":                    "no FROM command",
		"FROM a\n\nMODEL b\n":           `line 3: unknown command "MODEL"`,
		"FROM\n":                        "line 1: FROM needs a file",
		"FROM a\nSYSTEM \"\"\"b\n\nc\n": "line 2: unterminated quotes",
		"FROM a\nSYSTEM \"\"\"":         "line 2: unterminated quotes",
		"FROM a\nPARAMETER stop\n":      "line 2: PARAMETER needs a name and a value",
		"FROM a\nMESSAGE bot hi\n":      `line 2: invalid role "bot" of MESSAGE: want system, user, or assistant`,
	} {
		if _, err := modelfile.Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// FuzzParse checks that commands stay the same if they are written with quoted values and parsed again.
func FuzzParse(f *testing.F) {
	f.Add([]byte("FROM a\nSYSTEM \"\"\"b\nc\"\"\"\nPARAMETER stop \"x\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		commands, err := modelfile.Parse(data)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, c := range commands {
			if strings.Contains(c.Args, `"`) || strings.ContainsAny(c.Args[max(0, len(c.Args)-1):], " \t\r") {
				return
			}
			fmt.Fprintf(&b, "%s ", c.Name)
			if c.Key != "" {
				fmt.Fprintf(&b, "%s ", c.Key)
			}
			fmt.Fprintf(&b, "\"\"\"%s\"\"\"\n", c.Args)
		}
		again, err := modelfile.Parse([]byte(b.String()))
		if err != nil || len(again) != len(commands) {
			t.Fatalf("%q: got %d commands, %v, want %d", b.String(), len(again), err, len(commands))
		}
		for i := range again {
			if commands[i].Line = again[i].Line; again[i] != commands[i] {
				t.Errorf("got %+v, want %+v", again[i], commands[i])
			}
		}
	})
}

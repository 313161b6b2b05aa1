//go:build clients && !darwin && !windows

package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
)

// TestCompletionInBash completes command lines with the script that bash loads. Bash splits words at colons and equals signs;
// the functions of the package bash-completion put them together again.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	const functions = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(functions); err != nil {
		clients.Missing(t, "bash-completion is not installed")
	}
	bash := clients.Path(t, "bash")
	s := newSandbox(t)
	s.must(t, "davit push examples/model registry.example.com/models/tiny:1.0 --tag 1.1,2.0 -q && davit pack examples/docs -o ./oci --tag small -q")
	s.must(t, "davit completion bash >davit.bash")
	for line, want := range map[string][]string{
		"davit pull registry.example.com/mod":                {"registry.example.com/models/tiny"},
		"davit tag registry.example.com/models/tiny:1.0 1":   {"1.0", "1.1"},
		"davit pull --kind sbom,v":                           {"sbom,vex", "sbom,volume"},
		"davit pu":                                           {"pull", "push"},
		"davit push --kind mode":                             {"model", "modelcar", "modelkit", "modelpack"},
		"davit push --packing=tar+g":                         {"tar+gzip"},
		"davit pull registry.example.com/models/tiny:":       {"1.0", "1.1", "2.0"},
		"davit pull registry.example.com/models/tiny:1.":     {"1.0", "1.1"},
		"davit copy ./oci:sm":                                {"small"},
		"davit pull ./oci --progress p":                      {"plain"},
		"davit kinds runb":                                   {"runbook"},
		"davit cat ./oci:small manual/in":                    {"manual/index.md"},
		"davit cat registry.example.com/models/tiny:1.0 LIC": {"LICENSE"},
		"davit tags registry.example.com/none:":              nil,
	} {
		for name, load := range map[string]string{"with the package": ". " + functions + "; ", "without": ""} {
			words := regexp.MustCompile(`[:=]+|[^:=\s]+`).FindAllString(line, -1)
			script := load + `. ./davit.bash
COMP_LINE='` + line + `' COMP_POINT=${#COMP_LINE} COMP_TYPE=63 COMP_WORDS=('` + strings.Join(words, "' '") + `')
case $COMP_LINE in *[:=]) COMP_WORDS+=('') ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
__start_davit 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"`
			s.write(t, s.dir+"/complete", script)
			out, _ := s.sh(t, bash+" ./complete")
			var got []string
			for _, word := range lines(out) {
				word, _, _ = strings.Cut(word, " ") // the summary follows where there is a choice
				got = append(got, word)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %q: got %q, want %q", name, line, got, want)
			}
		}
	}
}

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

// completionCases maps command lines to the words that complete them. Words are listed from their last colon or equals sign on,
// because bash begins a new word there.
var completionCases = map[string][]string{
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
	"davit show ./oci:small --alert H":                   {"HighLatency"},
	"davit detach ./oci:small ru":                        {"runbook"},
	"davit tags registry.example.com/none:":              nil,
}

// newCompletionSandbox returns a sandbox with the artifacts of completionCases.
func newCompletionSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := newSandbox(t)
	s.must(t, "davit push examples/model registry.example.com/models/tiny:1.0 --tag 1.1,2.0 -q && davit pack examples/docs -o ./oci --tag small -q")
	s.write(t, s.dir+"/latency.md", "---\nalerts: [HighLatency]\n---\n# Latency\n")
	s.must(t, "davit attach latency.md ./oci:small --kind runbook --name runbook -q")
	return s
}

// checkCompletions compares the words that a shell offers for each line with completionCases. Descriptions may follow the words.
func checkCompletions(t *testing.T, complete func(line string) string) {
	t.Helper()
	for line, want := range completionCases {
		var got []string
		for _, word := range lines(complete(line)) {
			word, _, _ = strings.Cut(strings.ReplaceAll(word, "\t", " "), " ")
			got = append(got, word[strings.LastIndexAny(word, ":=")+1:])
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// TestCompletionInBash completes command lines with the script that bash loads. Bash splits words at colons and equals signs, and the
// package bash-completion has functions that join them again.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	const functions = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(functions); err != nil {
		clients.Missing(t, "bash-completion is not installed")
	}
	bash := clients.Path(t, "bash")
	s := newCompletionSandbox(t)
	s.must(t, "davit completion bash >davit.bash")
	for name, load := range map[string]string{"with bash-completion": ". " + functions + "; ", "without bash-completion": ""} {
		t.Run(name, func(t *testing.T) {
			checkCompletions(t, func(line string) string {
				words := regexp.MustCompile(`[:=]+|[^:=\s]+`).FindAllString(line, -1)
				s.write(t, s.dir+"/complete", load+`. ./davit.bash
COMP_LINE='`+line+`' COMP_POINT=${#COMP_LINE} COMP_TYPE=63 COMP_WORDS=('`+strings.Join(words, "' '")+`')
case $COMP_LINE in *[:=]) COMP_WORDS+=('') ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
__start_davit 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"`)
				out, _ := s.sh(t, bash+" ./complete")
				return out
			})
		})
	}
}

// TestCompletionInFish completes command lines with the script that fish loads. So that fish adds no space after a word, the script
// offers the word a second time, followed by a dot.
func TestCompletionInFish(t *testing.T) {
	t.Parallel()
	fish := clients.Path(t, "fish")
	s := newCompletionSandbox(t)
	s.must(t, "davit completion fish >davit.fish")
	checkCompletions(t, func(line string) string {
		out, _ := s.sh(t, fish+` --no-config -c '. ./davit.fish; complete -C "`+line+`"'`)
		return regexp.MustCompile(`(?m)^.*\.\n`).ReplaceAllString(out, "")
	})
}

// TestCompletionInZsh presses Tab in an interactive zsh in a terminal, and records the words that are added.
func TestCompletionInZsh(t *testing.T) {
	t.Parallel()
	zsh := clients.Path(t, "zsh")
	s := newCompletionSandbox(t)
	s.must(t, "davit completion zsh >_davit")
	s.write(t, s.dir+"/setup", `fpath=($PWD $fpath)
autoload -Uz compinit
compinit -u -D
bindkey '^I' complete-word
compadd() {
	if [[ ${@[1,(i)(-|--)]} == *-[OAD]\ * ]]; then
		builtin compadd "$@"
		return
	fi
	local -a words
	builtin compadd -A words "$@"
	print -lr -- $words >>words
	builtin compadd "$@"
}
finish() { : >finished }
comppostfuncs=(finish)
: >ready
`)
	s.write(t, s.dir+"/complete", `zmodload zsh/zpty
rm -f words ready finished
zpty shell `+zsh+` -f -i
zpty -w shell '. ./setup'
until [[ -e ready ]]; do sleep 0.02; done
zpty -w -n shell "$1"$'\t'
until [[ -e finished ]]; do sleep 0.02; done
zpty -d shell
[[ ! -e words ]] || cat words
`)
	checkCompletions(t, func(line string) string {
		out, _ := s.sh(t, "timeout 60 "+zsh+" -f ./complete '"+line+"'")
		return out
	})
}

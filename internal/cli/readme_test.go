//go:build !darwin && !windows

package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/kinds"
)

const readme = "../../README.md"

// block is a fenced code block of a Markdown file.
type block struct {
	section    string // the heading above it
	lang       string
	text       string
	start, end int // of the text in the file
}

// readBlocks finds the blocks of a Markdown file.
func readBlocks(text string) []block {
	var list []block
	var current *block
	section, offset := "", 0
	for line := range strings.Lines(text) {
		switch fence, isFence := strings.CutPrefix(line, "```"); {
		case isFence && current == nil:
			current = &block{section: section, lang: strings.TrimSpace(fence), start: offset + len(line)}
		case isFence:
			current.end, current.text = offset, text[current.start:offset]
			list = append(list, *current)
			current = nil
		case current == nil && strings.HasPrefix(line, "#"):
			section = strings.Trim(line, "# \n")
		}
		offset += len(line)
	}
	return list
}

// TestReadme runs the blocks of README.md, each section in its own sandbox. A sh block is a script that must succeed. A console block
// has commands and their output, which -update renews. A yaml block must be a valid davit.yaml. A Go program must compile and run, and
// part of a Go program must be in a test.
func TestReadme(t *testing.T) {
	t.Parallel()
	text := readFile(t, readme)
	blocks := readBlocks(text)
	if !slices.ContainsFunc(blocks, func(b block) bool { return b.text == "make demo\nmake test\n" }) {
		t.Error("no block of README.md has make demo and make test")
	}
	if n := strings.Count(text, "\n"); n > 200 {
		t.Errorf("README.md has %d lines, want at most 200", n)
	}
	runBlocks(t, readme, text, blocks)
}

// TestReadmeInOrder runs the blocks of README.md one after the other in one sandbox, as a user pastes them, and repeats them all.
func TestReadmeInOrder(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	blocks := readBlocks(readFile(t, readme))
	for range 2 {
		for _, b := range blocks {
			s.runBlock(t, b)
		}
		if err := os.Remove(filepath.Join(s.dir, "release.key")); err != nil { // keygen overwrites nothing
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(s.dir, "release.pub")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExamplesReadme runs the blocks of examples/README.md.
func TestExamplesReadme(t *testing.T) {
	t.Parallel()
	const file = "../../examples/README.md"
	text := readFile(t, file)
	runBlocks(t, file, text, readBlocks(text))
}

// TestDocuments runs the blocks of the other documents.
func TestDocuments(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range append(documents, "../../CONTRIBUTING.md") {
		text := readFile(t, file)
		if blocks := readBlocks(text); len(blocks) > 0 {
			runBlocks(t, file, text, blocks)
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// runBlocks runs the blocks of a file, and compares them with the results or, with -update, renews them.
func runBlocks(t *testing.T, file, text string, blocks []block) {
	t.Helper()
	if len(blocks) == 0 {
		t.Fatalf("%s has no blocks", file)
	}
	want := make([]string, len(blocks)) // the expected text of each block; sections that -run leaves out keep theirs
	for i, b := range blocks {
		want[i] = b.text
	}
	t.Run("sections", func(t *testing.T) {
		for i := 0; i < len(blocks); {
			section := blocks[i].section
			first, last := i, i
			for last < len(blocks) && blocks[last].section == section {
				last++
			}
			i = last
			t.Run(section, func(t *testing.T) {
				t.Parallel()
				s := newSandbox(t)
				for j := first; j < last; j++ {
					want[j] = s.runBlock(t, blocks[j])
				}
			})
		}
	})
	renewBlocks(t, file, text, blocks, want)
}

// replaceAges replaces ages in the output of commands, which grow with time.
func replaceAges(text string) string {
	return regexp.MustCompile(`\d+ (minute|hour|day|month|year)s? ago *`).ReplaceAllString(text, "AGE ")
}

// runBlock runs a block, and returns its expected text.
func (s *sandbox) runBlock(t *testing.T, b block) string {
	t.Helper()
	if strings.TrimSpace(b.text) == "" {
		t.Error("empty block")
	}
	switch b.lang {
	case "sh":
		s.runScript(t, b.text)
	case "console":
		return s.runConsole(t, b.text)
	case "yaml":
		if _, err := artifact.Parse("davit.yaml", []byte(b.text)); err != nil {
			t.Error(err)
		}
	case "go":
		if strings.HasPrefix(b.text, "package ") {
			s.runGo(t, b.text)
		} else {
			checkTested(t, b.text)
		}
	case "sh foreign", "yaml foreign":
		checkNames(t, b.text)
	case "", "text":
		if strings.HasPrefix(b.text, "davit ") || strings.Contains(b.text, "\ndavit ") {
			t.Errorf("davit commands in a %q block, which is not run; use sh or console:\n%s", b.lang, b.text)
		}
	default:
		t.Errorf("unknown language of a block: %q", b.lang)
	}
	return b.text
}

// checkNames checks the names in a block that needs programs or services that tests do not have: names of packages of this module,
// of commands and flags, and of files in this repository.
func checkNames(t *testing.T, text string) {
	t.Helper()
	module, _, _ := strings.Cut(strings.TrimPrefix(readFile(t, "../../go.mod"), "module "), "\n")
	for _, m := range regexp.MustCompile(`go install (\S+)@`).FindAllStringSubmatch(text, -1) {
		rest, ok := strings.CutPrefix(m[1], module+"/")
		if info, err := os.Stat(filepath.Join("../..", rest, "main.go")); !ok || err != nil || info.IsDir() {
			t.Errorf("go install %s: no such program in %s", m[1], module)
		}
	}
	for _, m := range regexp.MustCompile(`uses: davit-oci/davit/(\S+)@`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", m[1], "action.yml")); err != nil {
			t.Error(err)
		}
	}
	root := Command()
	for _, m := range regexp.MustCompile(`(?:^|[ |])davit ([a-z]+)((?: [^|\n]*)?)`).FindAllStringSubmatch(text, -1) {
		command, _, err := root.Find([]string{m[1]})
		if err != nil || command == root {
			t.Errorf("davit has no command %s", m[1])
			continue
		}
		for _, f := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(m[2], -1) {
			if command.Flag(f[1]) == nil {
				t.Errorf("davit %s has no flag --%s", m[1], f[1])
			}
		}
	}
}

// runScript runs a script. Lines with make and go test are checked, not run; davit serve and davit browse run in the background.
func (s *sandbox) runScript(t *testing.T, text string) {
	t.Helper()
	script, address := "set -eu\n", "127.0.0.1:5000"
	for _, line := range lines(text) {
		switch target, isMake := strings.CutPrefix(line, "make "); {
		case isMake:
			checkTarget(t, target)
		case strings.HasPrefix(line, "go test "):
			checkPackages(t, strings.Fields(line)[2:])
		case strings.HasPrefix(line, "davit browse"):
			s.must(t, script)
			script = "set -eu\n"
			s.serve(t, line)
		case strings.HasPrefix(line, "davit serve "):
			s.must(t, script)
			script, address = "set -eu\n", s.serve(t, line)
		default:
			script += strings.ReplaceAll(line, "127.0.0.1:5000", address) + "\n"
		}
	}
	s.must(t, script)
}

// checkTarget checks that the Makefile has a target.
func checkTarget(t *testing.T, name string) {
	t.Helper()
	if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `:`).MatchString(readFile(t, "../../Makefile")) {
		t.Errorf("the Makefile has no %s", name)
	}
}

// checkPackages checks the arguments of go test before the first flag: packages of this module.
func checkPackages(t *testing.T, args []string) {
	t.Helper()
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			return
		}
		if arg != "./..." {
			if info, err := os.Stat(filepath.Join("../..", arg)); err != nil || !info.IsDir() {
				t.Errorf("go test %s: no such directory", arg)
			}
		}
	}
}

// runConsole runs the lines that begin with "$ ", and returns them with their output.
func (s *sandbox) runConsole(t *testing.T, text string) string {
	t.Helper()
	var script strings.Builder
	for _, line := range lines(text) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			fmt.Fprintf(&script, "cat <<'COMMAND'\n%s\nCOMMAND\n%s\n", line, command)
		}
	}
	out, _ := s.sh(t, script.String()) // the output shows errors
	if strings.Contains(out, "davit: error:") {
		t.Errorf("a command fails:\n%s", out)
	}
	if ages.ReplaceAllString(out, " ") == ages.ReplaceAllString(text, " ") {
		return text
	}
	return out
}

// ages matches the ages in the output of commands, which grow with time, and the spaces that align columns.
var ages = regexp.MustCompile(`( +[0-9]+ (?:day|month|year)s? ago)? +`)

// runGo builds a program against this module and runs it.
func (s *sandbox) runGo(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	s.write(t, source, text)
	if out, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.must(t, program+" && cmp tiny-llama.gguf examples/model/tiny-llama.gguf")
}

// checkTested checks that a part of a program is in internal/kinds/adding_test.go, so that it compiles and runs.
func checkTested(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(readFile(t, "../kinds/adding_test.go"), text) {
		t.Errorf("internal/kinds/adding_test.go does not contain this code:\n%s", text)
	}
}

// renewBlocks compares the blocks with their expected texts, or rewrites them.
func renewBlocks(t *testing.T, file, text string, blocks []block, want []string) {
	t.Helper()
	var renewed strings.Builder
	at := 0
	for i, b := range blocks {
		renewed.WriteString(text[at:b.start])
		renewed.WriteString(want[i])
		at = b.end
		if replaceAges(want[i]) != replaceAges(b.text) && !*update {
			t.Errorf("%s, %s: got\n%s\nwant\n%s", file, b.section, b.text, want[i])
		}
	}
	renewed.WriteString(text[at:])
	if *update && !t.Failed() {
		if err := os.WriteFile(file, []byte(renewed.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocumentNames checks that the files and directories that documents name or link to exist.
func TestDocumentNames(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	code := regexp.MustCompile("`((?:\\.ci|artifact|cmd|docs|examples|internal|mediatypes|pack|pull)/[a-zA-Z/_.]+)`")
	link := regexp.MustCompile(`\]\(([A-Za-z][A-Za-z/._-]*)\)`)
	named := 0
	for _, file := range append(documents, readme, "../../CONTRIBUTING.md", "../../SECURITY.md", "../../CHANGELOG.md") {
		text := readFile(t, file)
		for _, match := range code.FindAllStringSubmatch(text, -1) {
			named++
			if _, err := os.Stat(filepath.Join("../..", match[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			named++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), match[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if named < 30 {
		t.Errorf("the documents name %d files, want at least 30", named)
	}
}

// TestExitCodes checks that the table in docs/scripts.md has every exit code.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	text := readFile(t, "../../docs/scripts.md")
	for _, e := range exit.Codes {
		if row := fmt.Sprintf("| %d | %s |\n", e.Code, e.Text); !strings.Contains(text, row) {
			t.Errorf("docs/scripts.md lacks the row %s", row)
		}
	}
}

// TestReadmeNamesKinds checks that the table of kinds in README.md has every kind.
func TestReadmeNamesKinds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Kinds\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, k := range kinds.Data() {
		if !strings.Contains(table, "`"+k.Name+"`") {
			t.Errorf("the table lacks the kind %s", k.Name)
		}
	}
}

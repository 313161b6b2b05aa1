package internal_test

import (
	"flag"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	update = flag.Bool("update", false, "renew testdata/language.txt; the sum must not grow")
	list   = flag.String("list", "", "print every finding below this directory of the module")
)

const (
	module   = ".."
	findings = "testdata/language.txt"
)

// A rule matches wording that this project doesn't use, and suggests a replacement.
type rule struct {
	pattern *regexp.Regexp
	instead string
}

var rules = []rule{
	{regexp.MustCompile(`\b[Tt]ells? whether\b`), "reports whether"},
	{regexp.MustCompile(`\bgives\b|\bgive (the|a|an|what|its|it)\b`), "returns, or the verb that is meant"},
	{regexp.MustCompile(`\b(is|are) none\b`), "is not an X, has no X"},
	{regexp.MustCompile(`\b(is|are) no [a-z]+`), "is not an X"},
	{regexp.MustCompile(`(?i)\b(some|no|any|every)body\b|\b(any|some)one\b`), "another process, the user, no caller"},
	{regexp.MustCompile(`\b[Ww]hoever\b`), "the caller, the process that"},
	{regexp.MustCompile(`\bstands\b`), "exists, is in, is stored"},
	{regexp.MustCompile(`\blies\b`), "is in, is stored"},
	{regexp.MustCompile(`\bwhat (is|are)\b`), "the noun that is meant"},
	{regexp.MustCompile(`\b(is|are|was|were) what\b`), "returns, is the"},
	{regexp.MustCompile(`\b(that which|all that (is|was|has|it|they))\b`), "the noun that is meant"},
	{regexp.MustCompile(`\bas (it|they) should be\b`), "OK, unchanged, intact"},
	{regexp.MustCompile(`\bworks out\b`), "computes"},
	{regexp.MustCompile(`(?i)\b(workshop|litter|strays?|holdings)\b`), "compressor pool, unreferenced blobs, known blobs"},
	{regexp.MustCompile(`Short:\s+"[A-Z][a-z]*[a-rt-z]s `), "the imperative: Pack files"},
	{regexp.MustCompile(`(?i)\b(recognis|authoris|normalis|initialis|serialis|summaris|organis|analys(e|ed|es|ing)\b|colour|behaviour|favour|honour|neighbour|catalogue|grey\b)`), "American spelling"},
	{regexp.MustCompile(`\b[Ll]icen[c]e`), "license"},
	{regexp.MustCompile(`\b(is|are) to be (read|shown|removed|sent|used|written|kept)\b`), "must be, or the verb that is meant"},
	{regexp.MustCompile(`\b(once more|in vain|by half|be it|as far as is \w+|from where on|at whatever|unless with|of who|would else)\b`), "again, for nothing, even, the size above which, whenever, without"},
	{regexp.MustCompile(`\bis the room of\b|\b(signed|comes?|brings?) along\b|\bwill do\b`), "implements, is part of, is accepted"},
	{regexp.MustCompile(`\b[Aa]nother [a-z]+ than\b`), "an X other than"},
	{regexp.MustCompile(`\b(anew|nothing but|as far as|in one go|knows? no)\b`), "again, only, the part that, at once, has no"},
	{regexp.MustCompile(`(?i)\b((cancell|marshall|labell|travell|signall)(ed|er|ing)|parenthesise[ds]?)\b`), "American spelling"},
	{regexp.MustCompile(`\bstrangers?\b|\bgoes on\b|\bmend(s|ed|ing)?\b|\bis sound\b`), "untrusted, continues, repair or fix, intact or valid"},
	{regexp.MustCompile(`\b(is|are) how (many|much|long|often|far|deeply)\b`), "the number, limit, or time"},
	{regexp.MustCompile(`// \w+ (says? (what|which|whether|where|how|why|by which)|tells (what|which|where|how|why|apart))\b`), "describes, determines, adds a note about"},
	{regexp.MustCompile(`\bfor ever\b|\b[Ff]orEver\b`), "forever"},
	{regexp.MustCompile(`\b(go|going) on\b|\b(ends|begins|begin) so\b|\bchokes? on\b`), "continue, begins with it, refuses"},
	{regexp.MustCompile(`// (Test|Fuzz|Benchmark)\w+: `), "a sentence: TestX checks that"},
	{regexp.MustCompile(`// (Test|Fuzz|Benchmark)\w+ (holds|has|lets|names|wants) `), "checks that, runs"},
	{regexp.MustCompile(`\b(that|what|which|as) (was|were|is|are) asked for\b|\bso called\b|\bcalled so\b`), "requested, has that name"},
	{regexp.MustCompile(`\b(\w+ )?(machine|directories|files|tag|config|digest|key|header|name) alone\b`), "only"},
	{regexp.MustCompile(`(^|[^A-Za-z0-9_.$}-])/(work|farm|root|tmp/(wt|base|bin|bash_jobs))/`), "no path of one machine"},
	{regexp.MustCompile(`\b([Ii]ssue #?\d+|subagent|worktree|coordinator|(house|style|design|decisions)\.md)\b`), "the project speaks of itself alone"},
	{regexp.MustCompile(`\b([Tt]his|our|my|next|earlier) session\b`), "the project speaks of itself alone"},
	{regexp.MustCompile(`\b(an|the|this) agent\b`), "the project speaks of itself alone"},
}

// allowed matches idioms and technical terms that the rules would otherwise find.
var allowed = regexp.MustCompile(strings.Join([]string{
	`\b[Tt]here (is|are|was) no [a-z]+`,
	`\b(is|are) no (longer|more|larger|smaller|older|newer)\b`,
	`\bgives (up|way)\b`,
	`\bstands (in )?for\b`,
	`\b(user|User:|uid) "?nobody"?`, // the Unix user
	`nobody:nobody`,
	`Nobody (has been|is) greeted|Greet somebody`, // printed from an example
	`"\*?licence[*."]`,                            // names of files that hold a license
	`LICENCE`,
}, "|"))

// isSkipped reports whether the rules don't apply to a file: this one, files that earlier versions wrote, and the content of
// examples, whose digests must stay the same.
func isSkipped(name string) bool {
	return name == "internal/language_test.go" || strings.HasPrefix(name, "internal/corpus/testdata/") ||
		strings.HasPrefix(name, "examples/") && strings.Count(name, "/") > 1
}

// TestLanguage applies the rules to Go comments and strings, to Markdown, and to scripts. testdata/language.txt lists the
// number of findings that remain in each directory. These numbers may only decrease:
//
//	go test ./internal -run TestLanguage -v -args -list DIR    prints what is found below DIR
//	go test ./internal -run TestLanguage -args -update         renews the numbers
func TestLanguage(t *testing.T) {
	t.Parallel()
	found := map[string][]string{}
	lines := 0
	err := filepath.WalkDir(module, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(module, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if e.IsDir() {
			if strings.HasPrefix(e.Name(), ".") && !slices.Contains([]string{"..", ".ci", ".github"}, e.Name()) || name == "dist" {
				return fs.SkipDir
			}
			return nil
		}
		if isSkipped(name) {
			return nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for line, text := range prose(name, data) {
			lines++
			for _, said := range check(text) {
				found[path.Dir(name)] = append(found[path.Dir(name)], fmt.Sprintf("%s:%d: %s", name, line, said))
			}
		}
		return nil
	})
	if err != nil || lines < 1000 {
		t.Fatalf("got %d lines of prose, %v, want at least 1000", lines, err)
	}
	if *list != "" {
		for _, dir := range slices.Sorted(maps.Keys(found)) {
			if *list == "." || dir == *list || strings.HasPrefix(dir, *list+"/") {
				fmt.Println(strings.Join(found[dir], "\n"))
			}
		}
	}
	compare(t, found)
}

// prose yields the lines of a file that people read, with their numbers.
func prose(name string, data []byte) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		switch ext := path.Ext(name); {
		case ext == ".go":
			goProse(data, yield)
		case slices.Contains([]string{".md", ".sh", ".txtar", ".yml", ".yaml", ".s"}, ext), path.Base(name) == "Makefile", strings.HasPrefix(name, ".ci/"):
			for i, line := range strings.Split(string(data), "\n") {
				if !yield(i+1, line) {
					return
				}
			}
		}
	}
}

// words splits a camelCase name into lower-case words.
func words(name string) string {
	return strings.ToLower(strings.TrimSpace(capital.ReplaceAllString(name, " $0")))
}

var capital = regexp.MustCompile(`[A-Z]+`)

// goProse yields the comments and strings of a Go file, command summaries with their key Short, and the words
// in function names.
func goProse(data []byte, yield func(int, string) bool) {
	set := token.NewFileSet()
	file := set.AddFile("", set.Base(), len(data))
	var s scanner.Scanner
	s.Init(file, data, nil, scanner.ScanComments)
	last, inFunc := "", false
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return
		}
		switch {
		case tok == token.FUNC:
			inFunc = true
		case tok == token.LBRACE:
			inFunc = false
		case tok == token.IDENT && inFunc && !yield(file.Line(pos), words(literal)):
			return
		}
		if tok == token.COMMENT || tok == token.STRING {
			if last == "Short" && tok == token.STRING {
				literal = "Short: " + literal
			}
			for i, line := range strings.Split(literal, "\n") {
				if !yield(file.Line(pos)+i, line) {
					return
				}
			}
		}
		if tok != token.COLON {
			last = literal
		}
	}
}

// check returns the findings of the rules in a line.
func check(line string) (said []string) {
	line = allowed.ReplaceAllString(line, "")
	for _, r := range rules {
		if match := r.pattern.FindString(line); match != "" {
			said = append(said, fmt.Sprintf("%q, not %q: %s", match, r.instead, strings.TrimSpace(line)))
		}
	}
	return said
}

// compare compares the numbers of findings with those in the file. With -update it writes the file again, unless their sum grew.
func compare(t *testing.T, found map[string][]string) {
	t.Helper()
	data, err := os.ReadFile(findings)
	if err != nil {
		t.Fatal(err)
	}
	listed, before, after := map[string]int{}, 0, 0
	for line := range strings.Lines(string(data)) {
		count, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(count)
		if err != nil {
			t.Fatalf("%s: %v", findings, err)
		}
		listed[dir] = n
		before += n
	}
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		after += len(found[dir])
	}
	if *update && after <= before {
		var b strings.Builder
		for _, dir := range slices.Sorted(maps.Keys(found)) {
			fmt.Fprintln(&b, len(found[dir]), dir)
		}
		if err := os.WriteFile(findings, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for dir, said := range found {
		if n := len(said); n > listed[dir] {
			t.Errorf("%s: got %d findings, want at most %d (after a move: go test ./internal -run TestLanguage -args -update)\n%s",
				dir, n, listed[dir], strings.Join(said[:min(n, 10)], "\n"))
		}
	}
	for dir, n := range listed {
		if n > 0 && len(found[dir]) == 0 {
			t.Errorf("%s: no findings left, update the file: go test ./internal -run TestLanguage -args -update", dir)
		}
	}
}

// TestRules checks the number of findings in sample lines.
func TestRules(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"// isOld tells whether it is old":              1,
		"// name gives the name; nobody else does":      2,
		`Short: "Packs files",`:                         1,
		`Short: "Pack files",`:                          0,
		"a file that is none, and is no directory":      2,
		"there is no directory, and it is no longer":    0,
		"User: \"nobody\", or user nobody":              0,
		"it gives up after five minutes":                0,
		"recognised by colour":                          2,
		"in " + "/" + "work/main, and /workspace/main":  1,
		"digest mismatch: want sha256:0, got sha256:1":  0,
		"isOld reports whether the file is old":         0,
		"what is left stands in the file, as it should": 2,
	} {
		got := 0
		text := allowed.ReplaceAllString(line, "")
		for _, r := range rules {
			got += len(r.pattern.FindAllString(text, -1))
		}
		if got != want {
			t.Errorf("%q: got %d findings, want %d", line, got, want)
		}
	}
}

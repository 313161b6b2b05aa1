package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/cli"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/spf13/cobra"
)

func TestSourceDate(t *testing.T) {
	t.Parallel()
	if got, err := parseDate("86400"); err != nil || !got.Equal(time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("86400: got %v, %v, want January 2, 1970", got, err)
	}
	if _, err := parseDate("yesterday"); err == nil {
		t.Error("yesterday: got no error, want one")
	}
	if got, err := parseDate(""); err != nil || time.Since(got) > time.Hour {
		t.Errorf("no date: got %v, %v, want the current time", got, err)
	}
}

// TestPages writes the pages twice and compares them, and checks the manual pages with groff.
func TestPages(t *testing.T) {
	t.Parallel()
	p := pages{version: "v1.2.3", date: time.Unix(1e9, 0).UTC(), manual: t.TempDir(), markdown: t.TempDir(), declaration: "../../docs/davit-yaml.md"}
	again := p
	again.manual, again.markdown = t.TempDir(), t.TempDir()
	for _, one := range []pages{p, again} {
		if err := one.write(); err != nil {
			t.Fatal(err)
		}
	}
	wantSame(t, p.manual, again.manual)
	wantSame(t, p.markdown, again.markdown)
	wantText(t, filepath.Join(p.manual, "davit.1"),
		"davit v1.2.3", "\\fBdavit-push(1)\\fP", ".SH EXIT STATUS", ".SH ENVIRONMENT", "130: interrupted")
	wantText(t, filepath.Join(p.manual, "davit-push.1"), ".SH EXAMPLE", "\\fB--tag\\fP", "\\fBdavit(1)\\fP")
	wantText(t, filepath.Join(p.markdown, "davit.md"), "### Exit codes", "* 130: interrupted", "[davit push](davit_push.md)")
	wantText(t, filepath.Join(p.markdown, "davit_push.md"), "### Examples", "--tag TAG", "[davit](davit.md)")
	all, err := filepath.Glob(filepath.Join(p.manual, "*.1"))
	if err != nil || len(all) != countCommands(cli.Command()) {
		t.Fatalf("got %d pages, %v, want %d", len(all), err, countCommands(cli.Command()))
	}
	declaration := filepath.Join(p.manual, declarationPage)
	wantText(t, declaration, `.TH "DAVIT.YAML" "5" "Sep 2001" "davit v1.2.3"`, ".SH NAME", `davit.yaml \- declare`, ".SH FIELDS", "kind: model",
		"OS/ARCH[/VARIANT]", ".SH SEE ALSO", "\\fBdavit-check(1)\\fP")
	all = append(all, declaration)
	groff := clients.Path(t, "groff")
	out, err := exec.Command(groff, append([]string{"-man", "-Kutf8", "-Tutf8", "-ww", "-z"}, all...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

// TestReference checks that the command reference in docs/commands is up to date.
func TestReference(t *testing.T) {
	t.Parallel()
	const committed = "../../docs/commands"
	fresh := t.TempDir()
	if err := (pages{markdown: fresh}).write(); err != nil {
		t.Fatal(err)
	}
	want, got := readFiles(t, fresh), readFiles(t, committed)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s is stale: run make docs", filepath.Join(committed, name))
		}
	}
	for name := range got {
		if want[name] == "" {
			t.Errorf("%s is for a command that does not exist: remove it", filepath.Join(committed, name))
		}
	}
}

// wantText checks that a file contains the texts.
func wantText(t *testing.T, file string, texts ...string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(string(got), text) {
			t.Errorf("%s: got\n%s\nwant it to contain %q", file, got, text)
		}
	}
}

// wantSame checks that two directories have the same files.
func wantSame(t *testing.T, dir, other string) {
	t.Helper()
	first, second := readFiles(t, dir), readFiles(t, other)
	if len(first) == 0 || len(first) != len(second) {
		t.Errorf("got %d files in %s and %d in %s, want the same number, at least one", len(first), dir, len(second), other)
	}
	for name, text := range first {
		if second[name] != text {
			t.Errorf("%s differs from the file in %s", filepath.Join(dir, name), other)
		}
	}
}

// readFiles returns the contents of the files in a directory, by name.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

// countCommands counts a command and its subcommands at all levels.
func countCommands(cmd *cobra.Command) int {
	n := 1
	for _, sub := range cmd.Commands() {
		n += countCommands(sub)
	}
	return n
}

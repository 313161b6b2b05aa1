package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
)

const helpText = `Fetches what TARGET leads to:
all of it.

.hidden files too, and "quotes".

Usage: davit pull TARGET [flags]

Examples:
  davit pull ./oci -o out --include '*.md' \
    --force

Flags:
      --delete                       remove files
  -o, --output DIR                   place the files in DIR; made if
                                     it is missing (default ".")
      --format text|json|go-template=TEMPLATE
                                     how it is printed

"davit --help" lists the others.
`

const helpPage = `.TH DAVIT\-PULL 1 "" "davit v1"
.SH NAME
davit\-pull \- Fetches
.SH SYNOPSIS
.B davit pull
TARGET [flags]
.SH DESCRIPTION
Fetches what TARGET leads to:
all of it.
.PP
\&.hidden files too, and \(dqquotes\(dq.
.SH EXAMPLES
.nf
davit pull ./oci \-o out \-\-include \(aq*.md\(aq \e
  \-\-force
.fi
.SH FLAGS
.TP
.B \-\-delete
remove files
.TP
.B \-o, \-\-output DIR
place the files in DIR; made if it is missing (default \(dq.\(dq)
.TP
.B \-\-format text|json|go\-template=TEMPLATE
how it is printed
.SH SEE ALSO
.BR davit (1)
`

func TestPage(t *testing.T) {
	t.Parallel()
	h := parse(helpText)
	h.name, h.summary, h.version = "davit-pull", "Fetches", "v1"
	if got := h.page(); got != helpPage {
		t.Errorf("got\n%s\nwant\n%s", got, helpPage)
	}
}

// TestPages makes the pages of davit as it is, and has groff check them where it is installed.
func TestPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	davit := filepath.Join(dir, "davit")
	if out, err := exec.Command("go", "build", "-o", davit, "../../cmd/davit").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pages := filepath.Join(dir, "man")
	if err := write(pages, davit); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"davit.1":      {".BR davit\\-push (1)", ".SH EXIT CODES", ".SH ENVIRONMENT", ".B 130\ninterrupted"},
		"davit-push.1": {".SH EXAMPLES", ".B \\-\\-tag", ".BR davit (1)"},
		"davit-show.1": {"davit\\-show \\- Shows"},
	} {
		text, err := os.ReadFile(filepath.Join(pages, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s: no %q", name, w)
			}
		}
	}
	groff := clients.Path(t, "groff")
	all, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil || len(all) < 20 {
		t.Fatalf("%d pages, %v", len(all), err)
	}
	out, err := exec.Command(groff, append([]string{"-man", "-Kutf8", "-Tutf8", "-ww", "-z"}, all...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

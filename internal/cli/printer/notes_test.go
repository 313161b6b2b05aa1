package printer_test

import (
	"bytes"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/printer"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/mediatypes"
)

// TestPrintNotes checks that a note or warning that several plans share is printed once.
func TestPrintNotes(t *testing.T) {
	t.Parallel()
	plan := func(notes ...string) *artifact.Plan {
		p := &artifact.Plan{Kind: mediatypes.Kind{Name: "k"}}
		p.Notes, p.LeftOut, p.Warnings = notes, []string{"a", "b/"}, []string{"w"}
		return p
	}
	for _, tc := range []struct {
		list bool
		want string
	}{
		{false, "davit: k: 1\ndavit: k: 1 file and 1 directory left out; davit check lists them\ndavit: warning: w\ndavit: k: 2\n"},
		{true, "davit: k: 1\ndavit: k: left out a\ndavit: k: left out b/\ndavit: warning: w\ndavit: k: 2\ndavit: k: left out a\ndavit: k: left out b/\n"},
	} {
		var out bytes.Buffer
		p := &printer.Printer{Stderr: term.NewConsole(&out), ListLeftOut: tc.list}
		p.PrintNotes(plan("k: 1"), plan("k: 1", "k: 2"))
		if out.String() != tc.want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), tc.want)
		}
	}
}

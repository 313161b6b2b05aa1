package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// declarationPage is the manual page of davit.yaml.
const declarationPage = "davit.yaml.5"

// markdownLink matches Markdown links, which become plain text in a manual page.
var markdownLink = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)

// writeDeclaration converts the Markdown page about davit.yaml to its manual page.
func (p pages) writeDeclaration() error {
	text, err := os.ReadFile(p.declaration)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%% \"DAVIT.YAML\" \"5\" \"%s\" \"%s\" \"davit manual\"\n\n", p.date.Format("Jan 2006"), strings.TrimSpace("davit "+p.version))
	inCode := false
	for line := range strings.Lines(string(text)) {
		heading, isHeading := strings.CutPrefix(line, "## ")
		switch {
		case strings.HasPrefix(line, "```"):
			inCode = !inCode
			b.WriteString(line)
		case inCode:
			b.WriteString(line)
		case strings.HasPrefix(line, "# "):
			b.WriteString("# NAME\n\ndavit.yaml - declare the kind and the files of an artifact\n")
		case strings.HasPrefix(line, "| field ") || strings.HasPrefix(line, "| --- "):
		case strings.HasPrefix(line, "| "):
			b.WriteString(convertRow(line))
		case isHeading:
			b.WriteString("# " + strings.ToUpper(heading))
		default:
			b.WriteString(markdownLink.ReplaceAllString(line, "$1"))
		}
	}
	b.WriteString("\n# SEE ALSO\n\n**davit(1)**, **davit-check(1)**, **davit-init(1)**, **davit-kinds(1)**, **davit-schema(1)**\n")
	return os.WriteFile(filepath.Join(p.manual, declarationPage), md2man.Render(b.Bytes()), 0o666)
}

// convertRow converts a table row about a field to an entry in a definition list. In a manual page, a table would leave little
// room for its second column.
func convertRow(row string) string {
	name, meaning, _ := strings.Cut(strings.Trim(strings.TrimSpace(row), "| "), " | ")
	return fmt.Sprintf("%s\n:   %s\n\n", name, markdownLink.ReplaceAllString(meaning, "$1"))
}

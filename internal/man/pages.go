package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/cli"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// pages describes the documents to write. If a directory is "", its documents are not written.
type pages struct {
	version     string
	date        time.Time
	manual      string // directory of the manual pages
	markdown    string // directory of the command reference
	declaration string // Markdown page from which the manual page of davit.yaml is made
}

// write writes a page for davit and for each command, in both formats, and a manual page for davit.yaml.
func (p pages) write() error {
	if p.manual != "" {
		if err := os.MkdirAll(p.manual, 0o777); err != nil {
			return err
		}
		header := &doc.GenManHeader{Section: "1", Source: strings.TrimSpace("davit " + p.version), Manual: "davit manual", Date: &p.date}
		root := commandTree("# ENVIRONMENT", "# EXIT STATUS")
		for _, cmd := range append(root.Commands(), root) {
			cmd.Flags().VisitAll(unquoteUsage)
			cmd.PersistentFlags().VisitAll(unquoteUsage)
		}
		if err := doc.GenManTree(root, header, p.manual); err != nil {
			return err
		}
		if err := p.writeDeclaration(); err != nil {
			return err
		}
	}
	if p.markdown == "" {
		return nil
	}
	if err := os.MkdirAll(p.markdown, 0o777); err != nil {
		return err
	}
	return doc.GenMarkdownTree(commandTree("### Environment", "### Exit codes"), p.markdown)
}

// commandTree returns the root command of davit with its subcommands. Its help includes the environment variables and the exit
// codes, under these two headings.
func commandTree(environment, exitCodes string) *cobra.Command {
	root := cli.Command()
	root.DisableAutoGenTag = true
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n%s\n\n%s\n\n", root.Long, environment, cli.Environment, exitCodes)
	for _, e := range exit.Codes {
		fmt.Fprintf(&b, "* %d: %s\n", e.Code, e.Text)
	}
	root.Long = strings.TrimSpace(b.String())
	for _, cmd := range append(root.Commands(), root) {
		cmd.Example = strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n")
	}
	return root
}

// unquoteUsage removes the backquotes around the name of a flag's value, which a manual page would show as code.
func unquoteUsage(f *pflag.Flag) { _, f.Usage = pflag.UnquoteUsage(f) }

package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/cli/declare"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/hostconfig"
)

// topic is a help text that belongs to no command.
type topic struct {
	name    string
	aliases []string
	short   string
	write   func(b *strings.Builder, width int)
}

// topics returns the help topics.
func topics() []topic {
	return []topic{
		{"config.yaml", []string{"config", "settings"}, "Settings of registries: mirrors, certificates, and plain HTTP", writeSettingsHelp},
		{"davit.yaml", []string{"yaml", "davit-yaml"}, "How a file declares the kind and the layers of an artifact, with an example", writeDeclarationHelp},
		{"environment", []string{"env", "variables"}, "Variables that set flags, and those of other programs", func(b *strings.Builder, width int) {
			b.WriteString(refill(Environment, width) + "\n")
		}},
		{"exit-codes", []string{"exit-code", "exitcodes", "exit"}, "What the exit code of a command means", writeExitCodes},
		{"references", []string{"reference", "targets", "target"}, "How to write a target: a registry reference, or a path", writeReferenceHelp},
	}
}

// findTopic returns the topic with a name.
func findTopic(name string) (topic, bool) {
	all := topics()
	i := slices.IndexFunc(all, func(t topic) bool { return t.name == name || slices.Contains(t.aliases, name) })
	if i < 0 {
		return topic{}, false
	}
	return all[i], true
}

func writeTopics(b *strings.Builder, width int) {
	b.WriteString("\nHelp topics, for \"davit help TOPIC\":\n")
	for _, t := range topics() {
		writeEntry(b, fmt.Sprintf("  %-13s", t.name), t.short, width)
	}
}

func writeExitCodes(b *strings.Builder, width int) {
	b.WriteString("Exit codes:\n")
	for _, e := range exit.Codes {
		writeEntry(b, fmt.Sprintf("  %-5d", e.Code), e.Text, width)
	}
}

// writeSettingsHelp writes the help about davit's own settings.
func writeSettingsHelp(b *strings.Builder, width int) {
	b.WriteString(refill("Settings of registries are in $XDG_CONFIG_HOME/davit/config.yaml, or else ~/.config/davit/config.yaml. All keys:", width))
	b.WriteString("\n\n" + foldComments(hostconfig.Example, width) + "\n")
	b.WriteString(refill("Unknown keys are refused. Flags override the file: --plain-http, --insecure, --ca-file, and --concurrency. More about mirrors and certificates:", width))
	b.WriteString("\nhttps://github.com/davit-oci/davit/blob/main/docs/registries.md\n")
}

func writeDeclarationHelp(b *strings.Builder, width int) {
	b.WriteString(refill("A davit.yaml declares an artifact: its kind, its files, and its attachments. push, pack, attach, and check read it "+
		"from the directory SOURCE, or from the file of -f. Without one, the kind is detected.", width))
	b.WriteString("\n\n" + foldComments(declare.Example, width) + "\n")
	b.WriteString(refill("Unknown keys are refused, and paths stay below the directory of the file. \"davit init\" writes one, \"davit check\" reports "+
		"every problem in it, \"davit kinds KIND\" shows the roles and config fields of a kind, and \"davit schema\" prints the JSON Schema for "+
		"editors. All fields, and artifacts for several platforms:", width))
	b.WriteString("\nhttps://github.com/davit-oci/davit/blob/main/docs/davit-yaml.md\n")
}

// foldComments indents a file with comments behind its lines. If that is wider than the screen, the comments are above the lines.
func foldComments(text string, width int) string {
	const indent = "  "
	var aside, above strings.Builder
	fits := true
	for line := range strings.Lines(text) {
		aside.WriteString(indent + line)
		fits = fits && len(indent)+len(strings.TrimRight(line, "\n")) <= width
	}
	if fits {
		return aside.String()
	}
	for line := range strings.Lines(regexp.MustCompile(`\n *# `).ReplaceAllString(text, " ")) { // comments in one line
		code, comment, hasComment := strings.Cut(strings.TrimRight(line, "\n"), "# ")
		code = strings.TrimRight(code, " ")
		if hasComment {
			begin := indent + code[:len(code)-len(strings.TrimLeft(code, " "))] + "# "
			above.WriteString(begin + strings.ReplaceAll(refill(comment, width-len(begin)), "\n", "\n"+begin) + "\n")
		}
		if code != "" {
			above.WriteString(indent + code + "\n")
		}
	}
	return above.String()
}

// targetForms are the forms of a target, with their meaning.
var targetForms = [][2]string{
	{"HOST/REPO:TAG", "a tag in a repository; HOST may have a port, and oci:// or docker:// before it"},
	{"HOST/REPO@DIGEST", "a manifest by its digest, which never changes; HOST/REPO:TAG@DIGEST is the same manifest"},
	{"NAME@DIGEST", "a Docker Hub image, as docker prints it; only to read"},
	{"./DIR:TAG", "an artifact in an image layout, a directory on disk; DIR@DIGEST by its digest"},
	{"./FILE.tar:TAG", "an artifact in the archive of an image layout"},
}

func writeReferenceHelp(b *strings.Builder, width int) {
	b.WriteString(refill("A target is a registry reference or a path. Every command takes either. A path begins with ./, ../, /, or ~. "+
		"\"davit verify\" and \"davit diff\" also take the name of a directory alone, if it is not a layout.", width) + "\n\n")
	for _, form := range targetForms {
		writeEntry(b, fmt.Sprintf("  %-18s", form[0]), form[1], width)
	}
	b.WriteString("\n" + refill("Without a tag, commands that read take \"latest\", or the only artifact of a path. localhost and loopback addresses are reached over plain HTTP; --plain-http "+
		"allows it for others. Settings of a host, mirrors, and certificates:", width))
	b.WriteString("\nhttps://github.com/davit-oci/davit/blob/main/docs/registries.md\n")
}

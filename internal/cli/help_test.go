package cli

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/declare"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func allCommands(t *testing.T) []*cobra.Command {
	t.Helper()
	root := Command()
	root.InitDefaultHelpCmd()
	return everyCommand(root)
}

// TestCommandsAreExplained checks that every command is listed once, and has a summary, an example, and a group.
func TestCommandsAreExplained(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, cmd := range allCommands(t) {
		if known[cmd.CommandPath()] {
			t.Errorf("%s is listed twice", cmd.CommandPath())
		}
		known[cmd.CommandPath()] = true
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || cmd.Example == "" || cmd.Parent() == cmd.Root() && cmd.GroupID == "" {
			t.Errorf("%s: got the summary %q, the example %q, and the group %q, want all three, and no period", cmd.Name(), cmd.Short, cmd.Example, cmd.GroupID)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s is not explained", cmd.Name(), f.Name)
			}
		})
	}
}

// TestVariables sets every flag that has an environment variable through the variable. Only flags about registries and output, and
// a few others, have a variable.
func TestVariables(t *testing.T) {
	others := []string{"format", "quiet", "progress", "debug", "verify-key", "key", "addr"}
	values := map[string]string{
		"bool": "true", "boolfunc": "true", "func": "3", "int": "3", "duration": "3s", "string": "x", "stringArray": "x\ny z", "text|json|TEMPLATE": "json", "auto|bar|plain|json|none": "plain",
	}
	for _, cmd := range allCommands(t) {
		cmd.InheritedFlags() // merges the flags of the root command
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			name := app.Variable(f)
			if name == "" {
				return
			}
			if f.Annotations[app.FlagGroup] == nil && !slices.Contains(others, f.Name) {
				t.Errorf("%s --%s can be set with %s", cmd.Name(), f.Name, name)
			}
			value, known := values[f.Value.Type()]
			if !known {
				t.Errorf("%s --%s is of the type %q, which is not tested", cmd.Name(), f.Name, f.Value.Type())
				return
			}
			t.Setenv(name, value)
			if err := app.SetFromEnv(cmd.Flags()); err != nil || !f.Changed {
				t.Errorf("%s --%s: %s=%s: got changed %v, %v, want true", cmd.Name(), f.Name, name, value, f.Changed, err)
			}
			os.Unsetenv(name)
		})
	}
}

// TestDryRuns checks that each command has a dry run, except those that change nothing, or only credentials and keys.
func TestDryRuns(t *testing.T) {
	t.Parallel()
	without := strings.Fields(
		"davit browse cat check completion diff discover help inspect keygen kinds lock login logout ls repos resolve schema serve show tags verify version")
	for _, cmd := range allCommands(t) {
		if has := cmd.Flags().Lookup("dry-run") != nil; has == slices.Contains(without, cmd.Name()) {
			t.Errorf("%s: has --dry-run: got %v, want %v", cmd.Name(), has, !has)
		}
	}
}

func TestCutTag(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, name, tag string }{
		{"localhost:5000/app:1.", "localhost:5000/app", "1."},
		{"localhost:5000/app", "", ""},
		{"localhost:50", "", ""},
		{"./oci:", "./oci", ""},
	} {
		if name, tag, _ := cutTag(test.in); name != test.name || tag != test.tag {
			t.Errorf("%q: got %q and %q, want %q and %q", test.in, name, tag, test.name, test.tag)
		}
	}
}

// TestTopics checks that help lists every topic, that each name of a topic works, and that the text of a topic fits the screen.
func TestTopics(t *testing.T) {
	t.Parallel()
	var list strings.Builder
	writeTopics(&list, 80)
	for _, topic := range topics() {
		if !strings.Contains(list.String(), "  "+topic.name) {
			t.Errorf("%s is not listed", topic.name)
		}
		for _, name := range append(topic.aliases, topic.name) {
			if found, ok := findTopic(name); !ok || found.name != topic.name {
				t.Errorf("%s: got the topic %q, want %q", name, found.name, topic.name)
			}
			if cmd, _, err := Command().Find([]string{name}); err == nil && cmd.HasParent() {
				t.Errorf("%s is a command, too", name)
			}
		}
		for _, width := range []int{40, 80, 120} {
			var b strings.Builder
			topic.write(&b, width)
			for line := range strings.Lines(b.String()) {
				if line = strings.TrimRight(line, "\n"); len(line) > width && strings.Contains(strings.TrimSpace(line), " ") && !strings.Contains(line, "licenses:") {
					t.Errorf("%s: got a line of more than %d columns: %q", topic.name, width, line)
				}
			}
		}
	}
}

// TestDeclarationExample parses the davit.yaml in the help, with comments beside the lines and above them, and compares it with
// docs/davit-yaml.md.
func TestDeclarationExample(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 80} {
		text := foldComments(declare.Example, width)
		for line := range strings.Lines(text) {
			if len(line) > width+1 && !strings.Contains(line, "licenses:") {
				t.Errorf("got a line of more than %d columns: %q", width, line)
			}
		}
		spec, err := artifact.Parse("davit.yaml", []byte(text))
		if err != nil || len(spec.Layers) != 3 || len(spec.Referrers) != 1 {
			t.Errorf("width %d: got %+v, %v, want 3 layers and 1 referrer", width, spec, err)
		}
	}
	page, err := os.ReadFile("../../docs/davit-yaml.md")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(string(page), "\r\n", "\n"); !strings.Contains(text, "```yaml\n"+declare.Example+"```\n") {
		t.Error("docs/davit-yaml.md lacks the example")
	}
}

// TestFoldComments checks that on a narrow screen, a comment of several lines moves above the line that it describes.
func TestFoldComments(t *testing.T) {
	t.Parallel()
	const text = "# a file\n# of davit\nlayers:\n  - one          # the first\n                 # of them\n                 # all\n  - two\n  - three        # last\n                 # of all\n"
	for width, want := range map[int]string{
		40: "  # a file\n  # of davit\n  layers:\n    - one          # the first\n                   # of them\n                   # all\n    - two\n    - three        # last\n                   # of all\n",
		22: "  # a file of davit\n  layers:\n    # the first of\n    # them all\n    - one\n    - two\n    # last of all\n    - three\n",
	} {
		if got := foldComments(text, width); got != want {
			t.Errorf("width %d: got\n%s\nwant\n%s", width, got, want)
		}
	}
}

// TestFoldCommands checks that a command that is too long for the screen is still one command for a shell.
func TestFoldCommands(t *testing.T) {
	t.Parallel()
	const text = "  davit pull registry.example.com/models/tiny:1.0 -o tiny\n  davit version --format '{{.version}} and {{.commit}}'"
	for width, want := range map[int]string{
		100: text,
		51:  "  davit pull registry.example.com/models/tiny:1.0 \\\n    -o tiny\n  davit version --format \\\n    '{{.version}} and {{.commit}}'",
		40:  "  davit pull \\\n  registry.example.com/models/tiny:1.0 \\\n    -o tiny\n  davit version --format \\\n    '{{.version}} and {{.commit}}'",
	} {
		if got := foldCommands(text, width); got != want {
			t.Errorf("width %d: got\n%s\nwant\n%s", width, got, want)
		}
	}
}

package repeat_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/optional"
	"github.com/davit-oci/davit/internal/cli/repeat"
	"github.com/spf13/cobra"
)

// TestFlags checks which commands in a text get which flags.
func TestFlags(t *testing.T) {
	t.Parallel()
	var opts registry.Options
	run := func(*cobra.Command, []string) {}
	root, parent := &cobra.Command{Use: "davit"}, &cobra.Command{Use: "lock"}
	pull, update := &cobra.Command{Use: "pull", Run: run}, &cobra.Command{Use: "update", Run: run}
	for _, cmd := range []*cobra.Command{pull, update} {
		cmd.Flags().BoolVar(&opts.Security.PlainHTTP, "plain-http", false, "")
		cmd.Flags().StringVar(&opts.Security.CAFile, "ca-file", "", "")
		cmd.Flags().StringP("file", "f", "", "")
		cmd.Flags().StringArray("verify-key", nil, "")
		cmd.Flags().Bool("quiet", false, "")
	}
	parent.AddCommand(update)
	root.AddCommand(pull, parent, &cobra.Command{Use: "keygen", Run: run})
	err := pull.ParseFlags([]string{"--quiet"})
	if got := repeat.Flags(pull, opts)("davit pull r.io/a:1"); err != nil || got != "davit pull r.io/a:1" {
		t.Errorf("got %s, %v; want no flag that is not about connections", got, err)
	}
	if err := pull.ParseFlags([]string{"--plain-http=false", "--ca-file", "my ca.pem"}); err != nil {
		t.Fatal(err)
	}
	add := repeat.Flags(pull, opts)
	const flags = "--plain-http=false '--ca-file=my ca.pem'"
	for text, want := range map[string]string{
		"davit pull r.io/a:1":                       "davit pull " + flags + " r.io/a:1",
		`"davit pull REF" or davit pull 'a b' -o x`: `"davit pull ` + flags + ` REF" or davit pull ` + flags + ` 'a b' -o x`,
		"davit lock update --lock x ./a:1":          "davit lock update " + flags + " --lock x ./a:1",
		"what: davit pull --kind sbom a":            "what: davit pull " + flags + " --kind sbom a",
		"davit pull finds the newest: -a":           "davit pull finds the newest: -a",
		`as "davit pull" packs it, /b`:              `as "davit pull" packs it, /b`,
		"davit pull; davit pull.":                   "davit pull; davit pull.",
		"davit keygen ./NAME":                       "davit keygen ./NAME",
		"davit nosuch ./a":                          "davit nosuch ./a",
		`"davit pull --help" lists the flags`:       `"davit pull --help" lists the flags`,
		"davit pull --plain-http r.io/a":            "davit pull '--ca-file=my ca.pem' --plain-http r.io/a",
		"no command":                                "no command",
	} {
		if got := add(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	opts = registry.Options{}
	for _, arg := range []string{"--plain-http", "--file=a b", "--verify-key=one.pub", "--verify-key=two.pub"} {
		if err := update.ParseFlags([]string{arg}); err != nil {
			t.Fatal(err)
		}
	}
	add = repeat.Flags(update, opts)
	for text, want := range map[string]string{
		"davit lock update ./a:1":                   "davit lock update --plain-http --verify-key=one.pub --verify-key=two.pub '--file=a b' ./a:1",
		"davit lock update ./a:1 -f x":              "davit lock update --plain-http --verify-key=one.pub --verify-key=two.pub ./a:1 -f x",
		"davit lock update ./a:1 --verify-key x":    "davit lock update --plain-http '--file=a b' ./a:1 --verify-key x",
		"davit pull ./a:1; the key is in ./one.pub": "davit pull --plain-http ./a:1; the key is in ./one.pub",
		"davit keygen ./NAME":                       "davit keygen ./NAME",
	} {
		if got := add(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestPlatform checks that only commands that read the same manifest get --platform.
func TestPlatform(t *testing.T) {
	t.Parallel()
	root, run := &cobra.Command{Use: "davit"}, func(*cobra.Command, []string) {}
	for name, usage := range map[string]string{
		"show": "choose the manifest of an index for `OS/ARCH`", "ls": "choose the manifest of an index for `OS/ARCH`", "copy": "copy only it", "tags": "",
		"verify": "with --dir, choose the manifest of an index for `OS/ARCH`",
	} {
		cmd := &cobra.Command{Use: name, Run: run}
		if usage != "" {
			cmd.Flags().String("platform", "", usage)
		}
		root.AddCommand(cmd)
	}
	show, _, err := root.Find([]string{"show"})
	if err != nil || show.ParseFlags([]string{"r.io/index@sha256:12", "--platform", "linux/arm64"}) != nil {
		t.Fatal(err)
	}
	add := repeat.Flags(show, registry.Options{})
	for text, want := range map[string]string{
		"davit show r.io/a:1 x":                    "davit show --platform=linux/arm64 r.io/a:1 x",
		`"davit ls r.io/a:1" lists them`:           `"davit ls --platform=linux/arm64 r.io/a:1" lists them`,
		"davit copy r.io/a ./b":                    "davit copy r.io/a ./b",
		"davit show r.io/index@sha256:12 x":        "davit show --platform=linux/arm64 r.io/index@sha256:12 x",
		"davit show r.io/index@sha256:34 x":        "davit show r.io/index@sha256:34 x",
		"davit show r.io/index@":                   "davit show --platform=linux/arm64 r.io/index@",
		"davit tags r.io/a":                        "davit tags r.io/a",
		"davit verify ./a":                         "davit verify ./a",
		"leave out --platform: davit ls r.io/a:1":  "leave out --platform: davit ls r.io/a:1",
		"davit show --platform linux/s390x r.io/a": "davit show --platform linux/s390x r.io/a",
	} {
		if got := add(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestExcluded checks that a command does not get a flag that its other flags exclude.
func TestExcluded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, usage, text, want string }{
		{"copy", "copy only it", "davit copy ./b r.io/a", "davit copy --platform=linux/arm64 ./b r.io/a"},
		{"copy", "copy only it", "davit copy --all-tags ./b r.io/a", "davit copy --all-tags ./b r.io/a"},
		{"copy", "copy only it", "davit copy ./b r.io/a --all-repos", "davit copy ./b r.io/a --all-repos"},
		{"verify", "with --dir, choose it", "davit verify ./a", "davit verify ./a"},
	} {
		root, cmd := &cobra.Command{Use: "davit"}, &cobra.Command{Use: test.name, Run: func(*cobra.Command, []string) {}}
		root.AddCommand(cmd)
		cmd.Flags().String("platform", "", test.usage)
		if err := cmd.ParseFlags([]string{"--platform=linux/arm64"}); err != nil {
			t.Fatal(err)
		}
		if got := repeat.Flags(cmd, registry.Options{})(test.text); got != test.want {
			t.Errorf("%s: got %s, want %s", test.text, got, test.want)
		}
	}
}

// TestSides checks which commands get the flags for one of two registries.
func TestSides(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, args string
		want       map[string]string
	}{
		{"copy", "--from-plain-http --to-insecure=false a.io/x:1 b.io/y", map[string]string{
			"davit copy a.io/x:2 b.io/y":                 "davit copy --from-plain-http --to-insecure=false a.io/x:2 b.io/y",
			`"davit tags a.io/x" or "davit tags b.io/y"`: `"davit tags --plain-http a.io/x" or "davit tags --insecure=false b.io/y"`,
			"davit tags c.io/x":                          "davit tags c.io/x",
			"davit tags ./a":                             "davit tags ./a",
		}},
		{"copy", "--from-plain-http --plain-http a.io/x:1 ./lay", map[string]string{
			"davit tags a.io/x":       "davit tags --plain-http a.io/x",
			"davit copy a.io/x ./lay": "davit copy --plain-http --from-plain-http a.io/x ./lay",
		}},
		{"copy", "--from-plain-http ./list", map[string]string{"davit tags a.io/x": "davit tags a.io/x"}},
		{"copy", "--to-plain-http", map[string]string{"davit tags a.io/x": "davit tags a.io/x"}},
		{"index", "--from-plain-http --to-insecure a.io/x:1 linux/amd64=b.io/y 2", map[string]string{
			"davit tags a.io/x": "davit tags --insecure a.io/x",
			"davit tags b.io/y": "davit tags --plain-http b.io/y",
		}},
	} {
		var opts registry.Options
		root, run := &cobra.Command{Use: "davit"}, func(*cobra.Command, []string) {}
		cmd, tags := &cobra.Command{Use: test.name, Run: run}, &cobra.Command{Use: "tags", Run: run}
		root.AddCommand(cmd, tags)
		for _, c := range []*cobra.Command{cmd, tags} {
			c.Flags().BoolVar(&opts.Security.PlainHTTP, "plain-http", false, "")
			c.Flags().String("ca-file", "", "")
		}
		pointers := make([]*bool, 4)
		for i, name := range []string{"from-plain-http", "from-insecure", "to-plain-http", "to-insecure"} {
			optional.Bool(cmd.Flags(), &pointers[i], name, "")
		}
		if err := cmd.ParseFlags(strings.Fields(test.args)); err != nil {
			t.Fatal(err)
		}
		add := repeat.Flags(cmd, opts)
		for text, want := range test.want {
			if got := add(text); got != want {
				t.Errorf("%s %s: %s: got %s, want %s", test.name, test.args, text, got, want)
			}
		}
	}
}

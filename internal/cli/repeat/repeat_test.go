package repeat_test

import (
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
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
	if err := pull.ParseFlags([]string{"--quiet"}); err != nil || repeat.Flags(pull, opts) != nil {
		t.Errorf("got a function for flags that are not about connections, or %v", err)
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

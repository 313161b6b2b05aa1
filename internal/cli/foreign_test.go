package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/habits"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHabits checks the hints for commands and flags of other tools: each hint names davit commands and flags that exist, and no
// name with a hint is a command or a flag of davit.
func TestHabits(t *testing.T) {
	t.Parallel()
	commands := map[string]*cobra.Command{}
	everywhere := pflag.NewFlagSet("all", pflag.ContinueOnError)
	for _, cmd := range allCommands(t) {
		commands[cmd.Name()] = cmd
		cmd.InheritedFlags() // merges the flags of the root command
		everywhere.AddFlagSet(cmd.Flags())
	}
	for line := range strings.Lines(strings.TrimSpace(habits.Commands)) {
		known, names, ok := strings.Cut(strings.TrimSpace(line), ": ")
		words := strings.Fields(known)
		cmd := commands[words[0]]
		if !ok || cmd == nil {
			t.Errorf("%q: no such command", line)
			continue
		}
		for _, name := range strings.Fields(names) {
			if hint := habits.HintForCommand(strings.ToUpper(name)); commands[name] != nil || hint != `did you mean "davit `+known+`"?` {
				t.Errorf("%q: is a command, or has the hint %q", name, hint)
			}
		}
		for _, word := range words[1:] {
			long, isLong := strings.CutPrefix(word, "--")
			short, isShort := strings.CutPrefix(word, "-")
			if isLong && cmd.Flags().Lookup(long) == nil || !isLong && isShort && cmd.Flags().ShorthandLookup(short) == nil {
				t.Errorf("%q has no %s", words[0], word)
			}
		}
	}
	flags := regexp.MustCompile(`--[a-z][a-z-]*`)
	for line := range strings.Lines(strings.TrimSpace(habits.Flags)) {
		names, hint, ok := strings.Cut(strings.TrimSpace(line), " | ")
		if !ok {
			t.Errorf("%q: no hint", line)
		}
		for _, key := range strings.Fields(names) {
			of := everywhere
			if command, name, ok := strings.Cut(key, "."); ok {
				cmd := commands[command]
				if cmd == nil {
					t.Errorf("%q: no such command", key)
					continue
				}
				if cmd.Flags().Lookup(name) != nil || len(name) == 1 && cmd.Flags().ShorthandLookup(name) != nil {
					t.Errorf("%q is a flag", key)
				}
				if got := habits.HintForFlag(command, name, func(flag string) bool { return cmd.Flags().Lookup(flag) != nil }); got != hint {
					t.Errorf("%q: got the hint %q, want %q", key, got, hint)
				}
				if !strings.Contains(hint, `"davit `) {
					of = cmd.Flags()
				}
			}
			for _, name := range flags.FindAllString(hint, -1) {
				if of.Lookup(strings.TrimPrefix(name, "--")) == nil {
					t.Errorf("%q: the hint %q names %s, which does not exist", key, hint, name)
				}
			}
		}
	}
}

// TestKeyHints checks that a flag for a key that a command does not have leads to one with the same meaning: to verify, to sign, or, if
// the command has neither, to connect.
func TestKeyHints(t *testing.T) {
	t.Parallel()
	for _, cmd := range allCommands(t) {
		has := func(flag string) bool { return cmd.Flags().Lookup(flag) != nil }
		for _, name := range []string{"key", "public-key", "private-key", "pubkey"} {
			if has(name) || has("key") || cmd.DisableFlagParsing {
				continue
			}
			want := ""
			switch isPrivate := name == "private-key"; {
			case has("verify-key") && !isPrivate:
				want = "--verify-key FILE checks "
			case has("sign-key") && (isPrivate || name == "key"):
				want = "--sign-key FILE signs "
			case has("key-file") && name == "key":
				want = `did you mean "--key-file"?`
			}
			err := flagError(cmd, cmd.ParseFlags([]string{"--" + name + "=x"}))
			got := strings.Join(exit.Hints(err), "\n")
			if !strings.HasPrefix(got, want) || want == "" && strings.Contains(got, "key-file") {
				t.Errorf("%s --%s: got the hint %q, want %q", cmd.CommandPath(), name, got, want)
			}
		}
	}
}

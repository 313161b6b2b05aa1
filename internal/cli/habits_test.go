package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHabits checks that hints about other tools name commands and flags that exist, and that no entry hides one of davit's.
func TestHabits(t *testing.T) {
	t.Parallel()
	commands := map[string]*cobra.Command{}
	everywhere := pflag.NewFlagSet("all", pflag.ContinueOnError)
	for _, cmd := range allCommands(t) {
		commands[cmd.Name()] = cmd
		cmd.InheritedFlags() // merges those of the root
		everywhere.AddFlagSet(cmd.Flags())
	}
	for name, known := range foreignCommands {
		words := strings.Fields(known)
		cmd := commands[words[0]]
		if commands[name] != nil || cmd == nil {
			t.Errorf("%q: %q", name, known)
			continue
		}
		for _, word := range words[1:] {
			long, isLong := strings.CutPrefix(word, "--")
			short, isShort := strings.CutPrefix(word, "-")
			if isLong && cmd.Flags().Lookup(long) == nil || !isLong && isShort && cmd.Flags().ShorthandLookup(short) == nil {
				t.Errorf("%q: %q has no %s", name, words[0], word)
			}
		}
	}
	flags := regexp.MustCompile(`--[a-z][a-z-]*`)
	for key, hint := range foreignFlags {
		of := everywhere
		if command, flag, ok := strings.Cut(key, " "); ok {
			cmd := commands[command]
			if cmd == nil {
				t.Errorf("%q: no such command", key)
				continue
			}
			if name := strings.TrimLeft(flag, "-"); cmd.Flags().Lookup(name) != nil || len(name) == 1 && cmd.Flags().ShorthandLookup(name) != nil {
				t.Errorf("%q is a flag", key)
			}
			if !strings.Contains(hint, `"davit `) {
				of = cmd.Flags()
			}
		}
		for _, name := range flags.FindAllString(hint, -1) {
			if of.Lookup(strings.TrimPrefix(name, "--")) == nil {
				t.Errorf("%q: the hint %q names %s", key, hint, name)
			}
		}
	}
}

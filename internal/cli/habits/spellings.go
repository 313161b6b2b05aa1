package habits

import (
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// OtherSpellings lists flags that mean the same as one of another command with another name: the command, the name from the other command,
// and its own name. Both work, but help, completion, and hints show only its own.
const OtherSpellings = `
verify verify-key key
sign sign-key key
prune keep keep-last
detach keep-last keep
pull each-platform all-platforms
attach all-platforms each-platform
detach all-platforms each-platform
sign all-platforms each-platform
`

// mainSpelling is the annotation of a hidden flag with the name of the flag whose value it sets.
const mainSpelling = "spelling"

// AddSpellings adds the hidden flags of OtherSpellings.
func AddSpellings(root *cobra.Command) {
	for line := range strings.Lines(strings.TrimSpace(OtherSpellings)) {
		words := strings.Fields(line)
		cmd, _, err := root.Find(words[:1])
		if err != nil {
			continue // a test checks the list
		}
		other := *cmd.Flags().Lookup(words[2])
		other.Name, other.Shorthand, other.Hidden = words[1], "", true
		other.Annotations = map[string][]string{mainSpelling: {words[2]}} // and no environment variable
		cmd.Flags().AddFlag(&other)
	}
}

// JoinSpellings marks the flags that were given by another name as given. It refuses a flag that was given by both names: the values may
// differ.
func JoinSpellings(fs *pflag.FlagSet) error {
	var both error
	fs.Visit(func(f *pflag.Flag) {
		if name := f.Annotations[mainSpelling]; len(name) > 0 {
			given := fs.Lookup(name[0])
			if given.Changed {
				both = &exit.UsageError{Err: fmt.Errorf("--%s and --%s are the same flag", given.Name, f.Name), Hint: "leave one of them out"}
			}
			given.Changed = true
		}
	})
	return both
}

// OwnFlag returns a flag of a command, or nil. It does not return the flags of OtherSpellings.
func OwnFlag(cmd *cobra.Command, name string) *pflag.Flag {
	if f := cmd.Flags().Lookup(name); f != nil && f.Annotations[mainSpelling] == nil {
		return f
	}
	return nil
}

// Describe returns a flag of a command with its value and meaning, under the name that the help shows.
func Describe(cmd *cobra.Command, f *pflag.Flag) string {
	if name := f.Annotations[mainSpelling]; len(name) > 0 {
		f = cmd.Flags().Lookup(name[0])
	}
	value, usage := pflag.UnquoteUsage(f)
	return fmt.Sprintf("--%s %s: %s", f.Name, value, usage)
}

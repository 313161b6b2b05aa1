// Package repeat adds flags of the command line to the commands in hints and notes, so that these reach the same registry and are as strict.
package repeat

import (
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// command matches a command with an argument, and not the name of a command in a sentence.
var command = lazy.Regexp(`\bdavit ((?:lock )?[a-z]+)( (?:[-A-Z'"$.~/]|[^\s"]*[/:@.]\S))`)

// Flags returns a function that adds flags on the command line of cmd to the commands in a text: those for the connection and, to the
// same command, those in own that the text does not have. It returns nil if no such flag was given. opts has the values of the flags for the
// connection. Flags that the environment sets must not be set yet: they also apply to the next command.
func Flags(cmd *cobra.Command, opts registry.Options) func(text string) string {
	var flags, ours []string
	s := opts.Security
	for _, flag := range [][2]string{
		{"plain-http", strconv.FormatBool(s.PlainHTTP)}, {"insecure", strconv.FormatBool(s.Insecure)}, {"ca-file", s.CAFile},
		{"cert-file", s.CertFile}, {"key-file", s.KeyFile}, {"registry-config", opts.Credentials.File},
	} {
		if cmd.Flags().Changed(flag[0]) {
			flags = append(flags, strings.TrimSuffix("--"+flag[0]+"="+flag[1], "=true"))
		}
	}
	for _, name := range own {
		f := cmd.Flags().Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			ours = append(ours, "--"+name+"="+value)
		}
	}
	if len(flags)+len(ours) == 0 {
		return nil
	}
	return func(text string) string {
		return command().ReplaceAllStringFunc(text, func(found string) string {
			parts := command().FindStringSubmatch(found)
			named, _, err := cmd.Root().Find(strings.Fields(parts[1]))
			if err != nil {
				return found
			}
			words := []string{"davit " + parts[1]}
			if named.Flags().Lookup("ca-file") != nil {
				words = append(words, flags...)
			}
			for _, flag := range ours {
				name, _, _ := strings.Cut(flag, "=")
				short := cmd.Flags().Lookup(name[2:]).Shorthand
				isThere := strings.Contains(text, name) || short != "" && strings.Contains(text, " -"+short+" ")
				if named == cmd && !isThere {
					words = append(words, flag)
				}
			}
			return strings.TrimSuffix(words[0]+" "+shell.Command(words[1:]...), " ") + parts[2]
		})
	}
}

// own are the flags that the same command needs again: without them, it would accept or place something else.
var own = []string{"verify-key", "lock", "platform", "file"}

// Package repeat adds flags for registries to the commands in hints and notes, so that these reach the registry that the command reached.
package repeat

import (
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/spf13/cobra"
)

// command matches a command with an argument, and not the name of a command in a sentence.
var command = lazy.Regexp(`\bdavit ((?:lock )?[a-z]+)( (?:[-A-Z'"$.~/]|[^\s"]*[/:@.]\S))`)

// Flags returns a function that adds the connection flags on the command line of cmd to the commands in a text. It returns nil if no such flag
// was given. opts has their values. Flags that the environment sets must not be set yet: they also apply to the next command.
func Flags(cmd *cobra.Command, opts registry.Options) func(text string) string {
	var flags []string
	s := opts.Security
	for _, flag := range [][2]string{
		{"plain-http", strconv.FormatBool(s.PlainHTTP)}, {"insecure", strconv.FormatBool(s.Insecure)}, {"ca-file", s.CAFile},
		{"cert-file", s.CertFile}, {"key-file", s.KeyFile}, {"registry-config", opts.Credentials.File},
	} {
		if cmd.Flags().Changed(flag[0]) {
			flags = append(flags, strings.TrimSuffix("--"+flag[0]+"="+flag[1], "=true"))
		}
	}
	if len(flags) == 0 {
		return nil
	}
	return func(text string) string {
		return command().ReplaceAllStringFunc(text, func(found string) string {
			parts := command().FindStringSubmatch(found)
			named, _, err := cmd.Root().Find(strings.Fields(parts[1]))
			if err != nil || named.Flags().Lookup("ca-file") == nil {
				return found
			}
			return "davit " + parts[1] + " " + shell.Command(flags...) + parts[2]
		})
	}
}

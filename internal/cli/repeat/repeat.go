// Package repeat adds flags of the command line to the commands in hints and notes, so that these reach the same registry and are as strict.
package repeat

import (
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// command matches a command with an argument, and not the name of a command in a sentence. Its arguments end before a quotation mark.
var command = lazy.Regexp(`\bdavit ((?:lock )?[a-z]+)( (?:[-A-Z'"$.~/]|[^\s"]*[/:@.]\S)[^"\n]*)`)

// Flags returns a function that adds flags on the command line of cmd to the commands in a text: those for connections to the same
// registries, and those in own that the text does not have. opts has the values of the flags for the connection. Flags that the
// environment sets must not be set yet: they also apply to the next command.
func Flags(cmd *cobra.Command, opts registry.Options) func(text string) string {
	connection := connectionFlags(cmd, opts)
	ours := ownFlags(cmd)
	return func(text string) string {
		if len(connection)+len(ours) == 0 {
			return text
		}
		return command().ReplaceAllStringFunc(text, func(found string) string {
			parts := command().FindStringSubmatch(found)
			named, _, err := cmd.Root().Find(strings.Fields(parts[1]))
			if err != nil {
				return found
			}
			words := []string{"davit " + parts[1]}
			for _, f := range connection {
				if word := f.to(named, parts[2]); word != "" && !slices.Contains(words, word) {
					words = append(words, word)
				}
			}
			for _, f := range ours {
				short := cmd.Flags().Lookup(f.name).Shorthand
				isThere := strings.Contains(text, "--"+f.name) || short != "" && strings.Contains(text, " -"+short+" ")
				if !isThere && f.isOwn(cmd, named, parts[2]) {
					words = append(words, f.text)
				}
			}
			return strings.TrimSuffix(words[0]+" "+shell.Command(words[1:]...), " ") + parts[2]
		})
	}
}

// flag is a flag of the command line.
type flag struct {
	name, text string
	prefix     string   // of a flag for one of two registries, such as "from-"
	hosts      []string // the registries that such a flag is for
}

// connectionFlags returns the flags for connections on the command line, without those for logins.
func connectionFlags(cmd *cobra.Command, opts registry.Options) (flags []flag) {
	s := opts.Security
	for _, f := range [][2]string{
		{"plain-http", strconv.FormatBool(s.PlainHTTP)}, {"insecure", strconv.FormatBool(s.Insecure)}, {"ca-file", s.CAFile},
		{"cert-file", s.CertFile}, {"key-file", s.KeyFile}, {"registry-config", opts.Credentials.File},
	} {
		if cmd.Flags().Changed(f[0]) {
			flags = append(flags, flag{name: f[0], text: assign(f[0], f[1])})
		}
	}
	args := cmd.Flags().Args()
	last := max(len(args)-1, 0)
	from, to := args[:last], args[last:]
	if cmd.Name() == "index" {
		first := min(len(args), 1)
		from, to = args[first:], args[:first]
	}
	for _, f := range []flag{
		{"plain-http", "", "from-", from}, {"insecure", "", "from-", from}, {"plain-http", "", "to-", to}, {"insecure", "", "to-", to},
	} {
		if given := cmd.Flags().Lookup(f.prefix + f.name); given != nil && given.Changed {
			flags = append(flags, flag{f.name, assign(f.name, given.Value.String()), f.prefix, hostsOf(f.hosts)})
		}
	}
	return flags
}

// hostsOf returns the registries in arguments.
func hostsOf(args []string) (hosts []string) {
	for _, arg := range args {
		_, member, isMember := strings.Cut(arg, "=") // PLATFORM=MANIFEST
		if !isMember {
			member = arg
		}
		if ref, err := registry.ParseSource(member); err == nil && !ref.IsPath() {
			hosts = append(hosts, ref.Registry)
		}
	}
	return hosts
}

// assign returns a flag with a value.
func assign(name, value string) string { return strings.TrimSuffix("--"+name+"="+value, "=true") }

// to returns the flag for a command with arguments, or "". A flag for one of two registries becomes one for a command with that registry.
func (f flag) to(named *cobra.Command, arguments string) string {
	switch isThere := func(host string) bool { return strings.Contains(arguments, host) }; {
	case f.prefix != "" && named.Flags().Lookup(f.prefix+f.name) != nil:
		return "--" + f.prefix + f.text[len("--"):]
	case named.Flags().Lookup("ca-file") == nil, f.prefix != "" && !slices.ContainsFunc(f.hosts, isThere),
		strings.Contains(arguments, "--"+f.name), strings.HasPrefix(arguments, " --help"):
		return ""
	}
	return f.text
}

// own are the flags that the same command needs again: without them, it would accept or place something else.
var own = []string{"verify-key", "lock", "platform", "file"}

// ownFlags returns those of the flags in own that are on the command line.
func ownFlags(cmd *cobra.Command) (flags []flag) {
	for _, name := range own {
		f := cmd.Flags().Lookup(name)
		if f == nil || !f.Changed || f.Hidden {
			continue
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			flags = append(flags, flag{name: name, text: "--" + name + "=" + value})
		}
	}
	return flags
}

// isOwn reports whether a command with arguments needs a flag of cmd that is in own. Other commands than cmd need only --platform, and only if it
// chooses the manifest that they read, as that of ls and cat does.
func (f flag) isOwn(cmd, named *cobra.Command, arguments string) bool {
	theirs := named.Flags().Lookup(f.name)
	switch {
	case theirs == nil || f.name != "platform":
		return named == cmd
	case strings.Contains(arguments, " --all-"), strings.HasPrefix(theirs.Usage, "with --dir"):
		return false // they exclude it
	}
	if _, digest, ok := strings.Cut(arguments, "@"); ok && !strings.Contains(strings.Join(cmd.Flags().Args(), " "), strings.Fields(digest + " .")[0]) {
		return false // the manifest that was chosen
	}
	return named == cmd || strings.HasPrefix(theirs.Usage, "choose the manifest of an index ")
}

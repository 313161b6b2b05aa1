package app

import (
	"os"
	"strings"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/spf13/pflag"
)

// AddGlobalFlags adds the flags of every command.
func (a *App) AddGlobalFlags(fs *pflag.FlagSet) {
	fs.Var(&a.Format, "format", "print the result in this format")
	fs.BoolVarP(&a.Quiet, "quiet", "q", false, "no progress or notes; pack, push, pull, attach, index, copy, and sign print only references")
	fs.Var(&a.Stderr.Mode, "progress", "show progress; auto: bars on a terminal, elsewhere a line every 15 s; json: events as JSON Lines")
	fs.BoolVar(&a.Debug, "debug", false, "show each HTTP request, secrets masked")
	fs.VisitAll(ReadFromEnv)
}

// EnvPrefix begins the names of davit's own environment variables.
const EnvPrefix = "DAVIT_"

// EnvName returns the name of the environment variable for a flag, such as DAVIT_PLAIN_HTTP for plain-http.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// MayBeEmpty is the annotation of a flag whose value may be empty.
const MayBeEmpty = "empty"

// SetFromEnv sets the flags that are not on the command line from their environment variables. It fails if a value is invalid.
func SetFromEnv(fs *pflag.FlagSet) error {
	var failed error
	fs.VisitAll(func(f *pflag.Flag) {
		name := Variable(f)
		value := os.Getenv(name) // empty for a flag without a variable
		if value == "" || f.Changed || failed != nil {
			return
		}
		if err := setFlag(fs, f, value); err != nil {
			failed = exit.Usagef("%s=%s: %w", name, value, exit.FlagError(err))
		}
	})
	return failed
}

// ReadFromEnv lets an environment variable set a flag. Only flags for connections, output, and safeguards have a variable: one that
// is set for one job must not rename or retag the artifacts of another.
func ReadFromEnv(f *pflag.Flag) { NameVariable(f, EnvName(f.Name)) }

// NameVariable lets the environment variable with this name set a flag.
func NameVariable(f *pflag.Flag, name string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[flagVariable] = []string{name}
}

// Variable returns the environment variable of a flag. It is empty if the flag has none.
func Variable(f *pflag.Flag) string {
	if named := f.Annotations[flagVariable]; len(named) > 0 {
		return named[0]
	}
	return ""
}

// setFlag sets a flag from one string. A repeatable flag takes one value per line.
func setFlag(fs *pflag.FlagSet, f *pflag.Flag, value string) error {
	if f.Value.Type() != "stringArray" {
		return fs.Set(f.Name, value)
	}
	for line := range strings.Lines(value) {
		if err := fs.Set(f.Name, strings.TrimRight(line, "\r\n")); err != nil {
			return err
		}
	}
	return nil
}

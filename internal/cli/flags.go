package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

func addGlobalFlags(fs *pflag.FlagSet, a *app) {
	fs.Var(&a.format, "format", "how the result is printed")
	fs.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and notes; where a reference results, that line alone")
	fs.Var(&a.progress, "progress", "how progress is shown; auto: bars on a terminal, nothing elsewhere")
	fs.BoolVar(&a.debug, "debug", false, "show each HTTP request, secrets masked")
}

// envName is the environment variable of a flag: --plain-http has DAVIT_PLAIN_HTTP.
func envName(flag string) string {
	return "DAVIT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// setFromEnv gives every flag that was not on the command line the value of its environment variable, if that has one.
func setFromEnv(fs *pflag.FlagSet) error {
	var failed error
	fs.VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(envName(f.Name))
		if value == "" || f.Changed || failed != nil || !hasEnv(f) {
			return
		}
		if err := setFlag(fs, f, value); err != nil {
			failed = &usageError{err: fmt.Errorf("%s=%s: %w", envName(f.Name), value, err)}
		}
	})
	return failed
}

// hasEnv tells whether a flag makes sense as a variable: asking for help or for davit's
// version does not; the version of an artifact does.
func hasEnv(f *pflag.Flag) bool {
	return f.Name != "help" && (f.Name != "version" || f.Value.Type() == "string")
}

// setFlag sets a flag from one string; several values of a flag that can be repeated stand on lines of their own.
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

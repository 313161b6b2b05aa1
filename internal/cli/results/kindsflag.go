package results

import (
	"strings"

	"github.com/spf13/pflag"
)

// AddKinds adds the flag --kind of commands that choose attachments. The flag can be repeated, and takes several kinds separated by commas.
// It stores all of them in *to, separated by commas.
func AddKinds(fs *pflag.FlagSet, to *string, usage string) { fs.Var(&kindList{to}, "kind", usage) }

type kindList struct{ to *string }

// String returns the kinds, separated by commas.
func (l *kindList) String() string { return *l.to }

// Type returns the type of the value for the help text.
func (l *kindList) Type() string { return "string" }

// Set adds one or several kinds. It leaves out empty names, which would choose any kind.
func (l *kindList) Set(s string) error {
	names := strings.FieldsFunc(*l.to+","+s, func(r rune) bool { return r == ',' || r == ' ' })
	*l.to = strings.Join(names, ",")
	return nil
}

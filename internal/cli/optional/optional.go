// Package optional adds flags that distinguish false from a missing flag.
package optional

import (
	"strconv"

	"github.com/spf13/pflag"
)

// Bool adds a flag that sets the pointer, which is nil without the flag.
func Bool(fs *pflag.FlagSet, into **bool, name, usage string) {
	fs.VarPF(value{into}, name, "", usage).NoOptDefVal = "true"
}

type value struct{ into **bool }

func (v value) Set(s string) error {
	b, err := strconv.ParseBool(s)
	*v.into = &b
	return err
}

func (v value) String() string {
	if v.into == nil || *v.into == nil {
		return ""
	}
	return strconv.FormatBool(**v.into)
}

// Type returns the type of a flag that needs no value.
func (v value) Type() string { return "boolfunc" }

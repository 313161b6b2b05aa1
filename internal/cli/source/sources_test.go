package source

import (
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/spf13/pflag"
)

// TestOptionalFlags checks that true and false both override the kind, and that without the flag the kind decides.
func TestOptionalFlags(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, test := range []struct {
		args  []string
		split *bool
	}{{nil, nil}, {[]string{"--split"}, &yes}, {[]string{"--split=true"}, &yes}, {[]string{"--split=false"}, &no}} {
		var o Options
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.AddFlags(flags)
		if err := flags.Parse(test.args); err != nil {
			t.Fatal(err)
		}
		layers := []artifact.LayerSpec{{Path: "data"}, {Path: "data/a"}}
		o.applyLayers(fstest.MapFS{"data/a": &fstest.MapFile{}}, layers)
		if got := layers[0].Split; (got == nil) != (test.split == nil) || got != nil && *got != *test.split {
			t.Errorf("%q: split of a directory is %v", test.args, got)
		}
		if layers[1].Split != nil {
			t.Errorf("%q: a file beside it is split", test.args)
		}
	}
}

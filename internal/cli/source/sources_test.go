package source

import (
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/davit-oci/davit/artifact"
	"github.com/spf13/pflag"
)

// TestSplitFlag checks that --split sets the field of a directory to true or false, and that without the flag it stays unset, so that
// the kind decides.
func TestSplitFlag(t *testing.T) {
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
		if got, want := formatFlag(layers[0].Split), formatFlag(test.split); got != want {
			t.Errorf("%q: got split %s for a directory, want %s", test.args, got, want)
		}
		if layers[1].Split != nil {
			t.Errorf("%q: split is set for a file", test.args)
		}
	}
}

// formatFlag returns "true", "false", or, for nil, "unset".
func formatFlag(b *bool) string {
	if b == nil {
		return "unset"
	}
	return strconv.FormatBool(*b)
}

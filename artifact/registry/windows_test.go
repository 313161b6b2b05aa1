package registry_test

import (
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
)

// TestWindowsPaths checks that Windows paths are parsed as paths on every system.
func TestWindowsPaths(t *testing.T) {
	t.Parallel()
	const digest = "@sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	for s, want := range map[string][2]string{
		`.\oci`:                   {`.\oci`, ""},
		`.\oci:1.0`:               {`.\oci`, "1.0"},
		`..\x`:                    {`..\x`, ""},
		`..\x\y.tar:latest`:       {`..\x\y.tar`, "latest"},
		`C:\data\oci`:             {`C:\data\oci`, ""},
		`C:\data\oci:tag`:         {`C:\data\oci`, "tag"},
		`c:/data/oci:1`:           {`c:/data/oci`, "1"},
		`C:\`:                     {`C:\`, ""},
		`\\server\share\oci:1`:    {`\\server\share\oci`, "1"},
		`\data\oci`:               {`\data\oci`, ""},
		`.\a@b\oci:1`:             {`.\a@b\oci`, "1"},
		`C:\data\oci:1` + digest:  {`C:\data\oci`, "1"},
		`D:\with space\oci.tar:1`: {`D:\with space\oci.tar`, "1"},
	} {
		ref, err := registry.Parse(s)
		if err != nil || !ref.IsPath() || ref.Path != want[0] || ref.Tag != want[1] {
			t.Errorf("%s: got %+v, %v, want path %s and tag %q", s, ref, err, want[0], want[1])
		}
	}
	for _, s := range []string{`C:oci`, `registry\app`, `1:\x`, `CC:\x`, `host/a\b`} {
		if ref, err := registry.Parse(s); err == nil {
			t.Errorf("%s: got %+v, want an error", s, ref)
		}
	}
}

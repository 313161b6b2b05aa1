package mediatypes_test

import (
	"testing"

	"github.com/davit-oci/davit/mediatypes"
)

func TestLayerTypeFor(t *testing.T) {
	t.Parallel()
	l := mediatypes.LayerType{MediaType: "text/plain", MediaTypes: map[mediatypes.Packing]string{mediatypes.TarGzip: mediatypes.LayerTarGzip}}
	for _, tc := range []struct {
		packing mediatypes.Packing
		want    string
		ok      bool
	}{{mediatypes.Raw, "text/plain", true}, {mediatypes.TarGzip, mediatypes.LayerTarGzip, true}, {mediatypes.TarZstd, "", false}} {
		if got, ok := l.For(tc.packing); got != tc.want || ok != tc.ok {
			t.Errorf("%s: got %q, %t, want %q, %t", tc.packing, got, ok, tc.want, tc.ok)
		}
	}
}

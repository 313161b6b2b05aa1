package index_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/layout/index"
	"oras.land/oras-go/v2/errdef"
)

// TestAmbiguousTags checks that the error lists the full names with the tag, or the digests if the names are the same. The message
// has at most two of them.
func TestAmbiguousTags(t *testing.T) {
	t.Parallel()
	for tag, test := range map[string]struct {
		names []string
		want  string // AmbiguousError.Names, separated by spaces
		shown string // the end of the message
	}{
		"1":        {[]string{"h.io/a:1", "h.io/b:1"}, "h.io/a:1 h.io/b:1", "h.io/a:1 and h.io/b:1 have it"},
		"2":        {[]string{"h.io/a:2", "h.io/b:2", "h.io/c:2"}, "h.io/a:2 h.io/b:2 h.io/c:2", "h.io/a:2, h.io/b:2 and 1 more have it"},
		"3":        {[]string{"h/a:3", "h/b:3", "h/c:3", "h/d:3", "h/e:3"}, "h/a:3 h/b:3 h/c:3 h/d:3 h/e:3", "h/a:3, h/b:3 and 3 more have it"},
		"h.io/x:4": {[]string{"h.io/x:4", "h.io/x:4"}, fmt.Sprint(desc(0).Digest, " ", desc(1).Digest), " have it"},
	} {
		var entries []string
		for i, name := range test.names {
			entries = append(entries, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":%q,"size":1,"annotations":{"io.containerd.image.name":%q,"org.opencontainers.image.ref.name":%q}}`,
				desc(i).Digest, name, name[strings.LastIndexByte(name, ':')+1:]))
		}
		_, err := read(t, `{"schemaVersion":2,"manifests":[`+strings.Join(entries, ",")+`]}`).Find(tag)
		var several *index.AmbiguousError
		if !errors.As(err, &several) || !errors.Is(err, artifact.ErrInvalid) || !errors.Is(err, errdef.ErrInvalidReference) {
			t.Errorf("%s: got %v, want an AmbiguousError", tag, err)
			continue
		}
		slices.Sort(several.Names)
		want := strings.Fields(test.want)
		slices.Sort(want)
		if !slices.Equal(several.Names, want) || !strings.HasSuffix(err.Error(), test.shown) {
			t.Errorf("%s: got the names %q and the message %q, want %q and %q", tag, several.Names, err, want, test.shown)
		}
	}
}

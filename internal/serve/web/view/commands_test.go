package view_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/opencontainers/go-digest"
)

// TestCommands checks that a name can't add words to a command of any program.
func TestCommands(t *testing.T) {
	t.Parallel()
	const name = "registry.example.com/a;b $(c)"
	info := &inspect.Info{Described: spec.Described{Digest: digest.FromString("a")}}
	for _, k := range kinds.All() {
		info.Kind = k.Name
		for _, c := range view.Commands(name, info) {
			_, rest, quoted := strings.Cut(c.Text, " '")
			if ref, _, _ := strings.Cut(rest, "'"); !quoted || strings.TrimPrefix(ref, "oci://") != name+"@"+info.Digest.String() {
				t.Errorf("%s is not quoted", c.Text)
			}
		}
	}
	if got := len(view.Commands("./oci", info)); got != 2 {
		t.Errorf("%d commands for a path, want 2", got)
	}
}

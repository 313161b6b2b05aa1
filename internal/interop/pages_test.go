//go:build clients

package interop

import (
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
)

// TestCommandsOfPages runs the commands that pages show for a registry without TLS, at 127.0.0.1 and at localhost.
func TestCommandsOfPages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, repository string }{
		{"helm", "greeting"}, {"modelpack", "model"}, {"compose", "app"}, {"flux", "manifests"}, {"wasm", "wasm"},
	} {
		ref := repo(t, test.repository)
		push(t, example(test.kind), "", ref+":1.2.3")
		target, _ := open(t, ref, registry.Read)
		info, err := inspect.Inspect(t.Context(), target, "1.2.3", inspect.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := strings.Cut(ref, ":")
		for _, host := range []string{"127.0.0.1:", "localhost:"} {
			for _, c := range view.Commands(view.Address{Name: host + port, Tag: "1.2.3", PlainHTTP: true}, info) {
				words := strings.Fields(c.Text)
				if words[0] == "docker" && words[1] == "compose" {
					words = slices.Concat([]string{"docker-compose"}, words[2:])
				}
				if words[0] == "davit" || words[0] == "wkg" { // other tests run davit, and wkg is not installed
					continue
				}
				t.Run(c.Text, func(t *testing.T) { clients.Run(t, words[0], words[1:]...) })
			}
		}
	}
}

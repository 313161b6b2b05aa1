package view_test

import (
	"slices"
	"testing"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestGraph checks which nodes are connected, and which are shared.
func TestGraph(t *testing.T) {
	t.Parallel()
	d := func(name string) digest.Digest { return digest.FromString(name) }
	layer := func(name string) inspect.Layer {
		return inspect.Layer{Name: name, Descriptor: ocispec.Descriptor{Digest: d(name)}}
	}
	one := &inspect.Info{Described: spec.Described{Digest: d("one")}, Kind: "one", Layers: []inspect.Layer{layer("base"), layer("app")}}
	two := &inspect.Info{Described: spec.Described{Digest: d("two")}, Kind: "two", Layers: []inspect.Layer{layer("base")}}
	index := &inspect.Info{Described: spec.Described{Digest: d("index")}, Kind: "index", Manifests: []*inspect.Info{one, two, two}} // for two platforms
	g := view.NewGraph("a", index, map[digest.Digest][]*referrers.Referrer{
		index.Digest: {{Digest: d("bill"), Kind: "bill", Referrers: []*referrers.Referrer{{Digest: d("proof"), Kind: "proof"}}}},
		two.Digest:   {{Digest: d("note"), Kind: "note"}},
	})
	labels := map[[2]int]string{} // by the middle of the left side of the node
	for _, n := range g.Nodes {
		labels[[2]int{n.X, n.Y + n.H/2}] = n.Label
		if n.Shared != (n.Label == "base") {
			t.Errorf("%s: got shared %v, want %v", n.Label, n.Shared, !n.Shared)
		}
		if n.Path == "" {
			t.Errorf("%s: got no page, want one", n.Label)
		}
	}
	var got []string
	for _, e := range g.Edges {
		got = append(got, labels[[2]int{e.X1 - g.Nodes[0].W, e.Y1}]+" "+labels[[2]int{e.X2, e.Y2}])
		if e.X1 >= e.X2 {
			t.Errorf("got the edge %v to the left, want only edges to the right", e)
		}
	}
	slices.Sort(got)
	want := []string{"bill index", "index one", "index two", "note two", "one app", "one base", "proof bill", "two base"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

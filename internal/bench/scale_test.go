package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// BenchmarkScale measures davit with a large number of manifests, tags, or files, and with a quarter of that number. If the cost
// grows linearly, the ratio of the two is at most 4.
func BenchmarkScale(b *testing.B) {
	r := newFixture(b, func(string) []string { return []string{"."} })
	b.Run("W19index", func(b *testing.B) {
		r.measureGrowth(b, int(scaled(1000)), func(n int, proxy *tcpProxy) []job {
			oci, ref := writeLayout(b, n, "index"), fmt.Sprintf("%s/index/of%d:v1", proxy.host, n)
			return []job{
				{"copy an index of n manifests to a registry", []string{"copy", "--quiet", oci + ":v1", ref}},
				{"inspect an index of n manifests", []string{"inspect", ref}},
				{"pull one of n platforms", []string{"pull", "--quiet", ref, "--platform", "linux/a1", "-o", filepath.Join(b.TempDir(), "out")}},
				{"copy an index of n manifests to a layout", []string{"copy", "--quiet", ref, filepath.Join(b.TempDir(), "oci") + ":v1"}},
			}
		})
	})
	b.Run("W19referrers", func(b *testing.B) {
		r.measureGrowth(b, int(scaled(10_000)), func(n int, proxy *tcpProxy) []job {
			oci, ref := writeLayout(b, n, "referrers"), fmt.Sprintf("%s/referrers/of%d:v1", proxy.host, n)
			return []job{
				{"copy an artifact with n referrers to a registry", []string{"copy", "--quiet", "--referrers", oci + ":v1", ref}},
				{"discover n referrers", []string{"discover", "--quiet", ref}},
				{"copy an artifact with n referrers to a layout", []string{"copy", "--quiet", "--referrers", ref, filepath.Join(b.TempDir(), "oci") + ":v1"}},
			}
		})
	})
	b.Run("W19tags", func(b *testing.B) {
		server := registrytest.Start(b, registrytest.Options{Limits: registrytest.Limits{PageSize: 1000}})
		tagged := *r
		tagged.host = server.Host
		tagged.measureGrowth(b, int(scaled(100_000)), func(n int, proxy *tcpProxy) []job {
			oci, repo := writeLayout(b, n, "tags"), fmt.Sprintf("%s/tags%d", proxy.host, n)
			note := filepath.Join(oci, "oci-layout")
			other := filepath.Join(b.TempDir(), "oci")
			return []job{
				{"copy n tags from a layout to a registry", []string{"copy", "--quiet", "--all-tags", oci, repo}},
				{"copy n tags from a registry to a layout", []string{"copy", "--quiet", "--all-tags", repo, other}},
				{"list n tags", []string{"tags", "--quiet", repo}},
				{"resolve one of n tags", []string{"resolve", repo + ":v77"}},
				{"push to a registry with n tags", []string{"push", "--quiet", "--kind", "generic", note, repo + ":new"}},
				{"delete one of n tags in a registry", []string{"delete", "--quiet", "--yes", repo + ":v7"}},
				{"tag in a layout with n tags", []string{"tag", "--quiet", oci + ":v1", "new"}},
				{"delete one of n tags in a layout", []string{"delete", "--quiet", "--yes", oci + ":v8"}},
			}
		})
	})
	b.Run("W19files", func(b *testing.B) {
		r.measureGrowth(b, int(scaled(1_000_000)), func(n int, _ *tcpProxy) []job {
			dir := b.TempDir()
			for i := range n {
				below := filepath.Join(dir, "tree", fmt.Sprintf("d%02d", i/100_000), fmt.Sprintf("e%03d", i/1000%100))
				if err := os.MkdirAll(below, 0o755); i%1000 == 0 && err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(below, fmt.Sprintf("f%07d", i)), fmt.Appendf(nil, "%d\n", i), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			oci := filepath.Join(b.TempDir(), "oci") + ":v1"
			out := filepath.Join(b.TempDir(), "out")
			return []job{
				{"pack a directory of n files", []string{"pack", "--quiet", "--kind", "generic", filepath.Join(dir, "tree"), "-o", oci}},
				{"pack a directory of n files again", []string{"pack", "--quiet", "--kind", "generic", filepath.Join(dir, "tree"), "-o", oci}},
				{"pull a directory of n files", []string{"pull", "--quiet", "--durable=false", oci, "-o", out}},
				{"pull a directory of n files again", []string{"pull", "--quiet", "--durable=false", oci, "-o", out}},
			}
		})
	})
}

// job is a command whose cost is measured at two sizes.
type job struct {
	name string
	args []string
}

// measureGrowth runs jobs with a quarter of n and with n.
func (r *fixture) measureGrowth(b *testing.B, n int, jobs func(n int, proxy *tcpProxy) []job) {
	host := r.host
	if host == "" {
		host = r.server.Host
	}
	proxy := (&tcpProxy{}).open(b, host)
	sizes := []int{max(1, n/4), n}
	home := b.TempDir()
	var names []string
	samples := map[string][]sample{}
	for _, size := range sizes {
		for _, j := range jobs(size, proxy) {
			if size == sizes[0] {
				names = append(names, j.name)
			}
			proxy.take()
			s := execute(b.Context(), home, r.dir, append([]string{r.clients[0].path}, j.args...))
			if s.err != nil {
				b.Fatal(s.err)
			}
			s.traffic = proxy.take()
			samples[j.name] = append(samples[j.name], s)
		}
	}
	for _, name := range names {
		both := samples[name]
		shared.results.add("W19 "+name, "≤ 5 × for 4 × as many", []string{fmt.Sprint(sizes[1]), fmt.Sprint(sizes[0])}, [][]sample{{both[1]}, {both[0]}})
	}
	b.ReportMetric(0, "ns/op")
}

// writeLayout writes a layout with n manifests in an index, with n referrers of one artifact, or with n tags of 100 artifacts, and
// returns its directory.
func writeLayout(tb testing.TB, n int, how string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "oci")
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	blob := func(mediaType string, data []byte) ocispec.Descriptor {
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		write("blobs/sha256/"+desc.Digest.Encoded(), data)
		return desc
	}
	document := func(mediaType string, v any) ocispec.Descriptor {
		data, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		return blob(mediaType, data)
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755); err != nil {
		tb.Fatal(err)
	}
	artifact := func(i int, subject *ocispec.Descriptor) ocispec.Descriptor {
		layer := blob("text/plain", fmt.Appendf(nil, "%s %d\n", how, i))
		layer.Annotations = map[string]string{ocispec.AnnotationTitle: "note.txt"}
		return document(ocispec.MediaTypeImageManifest, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.bench",
			Config: blob(ocispec.MediaTypeEmptyJSON, []byte("{}")), Layers: []ocispec.Descriptor{layer}, Subject: subject,
		})
	}
	named := func(desc ocispec.Descriptor, tag string) ocispec.Descriptor {
		desc.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
		return desc
	}
	list := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	switch how {
	case "index":
		platforms := list
		for i := range n {
			desc := artifact(i, nil)
			desc.Platform = &ocispec.Platform{OS: "linux", Architecture: fmt.Sprintf("a%d", i)}
			platforms.Manifests = append(platforms.Manifests, desc)
		}
		list.Manifests = append(list.Manifests, named(document(ocispec.MediaTypeImageIndex, platforms), "v1"))
	case "referrers":
		subject := artifact(-1, nil)
		list.Manifests = append(list.Manifests, named(subject, "v1"))
		for i := range n {
			list.Manifests = append(list.Manifests, artifact(i, &subject))
		}
	default:
		var few []ocispec.Descriptor
		for i := range min(n, 100) {
			few = append(few, artifact(i, nil))
		}
		for i := range n {
			list.Manifests = append(list.Manifests, named(few[i%len(few)], fmt.Sprintf("v%d", i)))
		}
	}
	index, err := json.Marshal(list)
	if err != nil {
		tb.Fatal(err)
	}
	write("index.json", index)
	write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return dir
}

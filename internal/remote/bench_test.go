package remote

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/reference"

	"github.com/davit-oci/davit/internal/clients"
	rt "github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// benchSize is the size of a blob in the benchmarks, large enough that the time to connect is negligible.
const benchSize = 512 << 20

// benchFile writes a blob to a file, and returns its path and descriptor.
func benchFile(b *testing.B) (string, ocispec.Descriptor) {
	b.Helper()
	path := b.TempDir() + "/blob"
	data := Random(benchSize)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	return path, ocispec.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromBytes(data), Size: benchSize}
}

func benchRepository(b *testing.B, host string, mode reference.Mode) *Repository {
	b.Helper()
	repo, err := New(Options{}).OpenRepository(host, "bench/blob", mode)
	if err != nil {
		b.Fatal(err)
	}
	return repo
}

func benchFetch(b *testing.B, repo *Repository, desc ocispec.Descriptor) {
	b.Helper()
	b.SetBytes(desc.Size)
	root, err := os.OpenRoot(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprint("blob", i)
		if err := repo.FetchFile(b.Context(), desc, root, name, nil); err != nil {
			b.Fatal(err)
		}
		_ = root.Remove(name)
	}
}

// BenchmarkFetchFile fetches from a real registry on loopback.
func BenchmarkFetchFile(b *testing.B) {
	server := clients.Distribution(b, clients.Options{})
	path, desc := benchFile(b)
	repo := benchRepository(b, server.Host, reference.Write)
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := repo.Push(b.Context(), desc, f); err != nil {
		b.Fatal(err)
	}
	benchFetch(b, benchRepository(b, server.Host, reference.Read), desc)
}

// BenchmarkFetchFileSlowConnections fetches with a latency of 40 ms over connections that are limited to 15 MiB per second each.
func BenchmarkFetchFileSlowConnections(b *testing.B) {
	g := rt.Start(b, rt.Options{Line: rt.Line{Latency: 40 * time.Millisecond, Rate: 15 << 20}})
	path, desc := benchFile(b)
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	g.AddBlob("bench/blob", data)
	benchFetch(b, benchRepository(b, g.Host, reference.Read), desc)
}

// BenchmarkPushBlob pushes a file without a known digest to a real registry on loopback.
func BenchmarkPushBlob(b *testing.B) {
	server := clients.Distribution(b, clients.Options{})
	path, desc := benchFile(b)
	b.SetBytes(desc.Size)
	for i := 0; b.Loop(); i++ {
		repo, err := New(Options{}).OpenRepository(server.Host, fmt.Sprint("bench/", i), reference.Write)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := repo.PushBlob(b.Context(), fileBlob(b, path, ""), nil); err != nil {
			b.Fatal(err)
		}
	}
}

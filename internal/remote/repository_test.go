package remote

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/clients"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// open opens a repository with a new client, with short delays between retries.
func open(t *testing.T, opts Options, host, name string, mode reference.Mode) *Repository {
	t.Helper()
	opts.Credentials.Registry = host
	opts.delay = cmp.Or(opts.delay, 20*time.Millisecond)
	client := New(opts)
	client.blobs.OnePass = huge
	repo, err := client.OpenRepository(host, name, mode)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// pushArtifact pushes a manifest with one layer, and with a subject unless it is nil.
func pushArtifact(ctx context.Context, repo *Repository, text string, subject *ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	layer := content.NewDescriptorFromBytes("text/plain", []byte(text))
	for desc, data := range map[*ocispec.Descriptor]string{&layer: text, &ocispec.DescriptorEmptyJSON: "{}"} {
		if err := repo.Push(ctx, *desc, bytes.NewReader([]byte(data))); err != nil {
			return ocispec.Descriptor{}, nil, err
		}
	}
	data, err := json.Marshal(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/x-test", Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{layer}, Subject: subject})
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	desc := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, data)
	return desc, data, repo.Push(ctx, desc, bytes.NewReader(data))
}

// servers returns functions that start real registries, with the options that davit needs for each.
func servers(t *testing.T) map[string]func(t *testing.T) (*clients.Server, Options) {
	t.Helper()
	with := func(start func(testing.TB, clients.Options) *clients.Server, opts clients.Options) func(*testing.T) (*clients.Server, Options) {
		return func(t *testing.T) (*clients.Server, Options) {
			s := start(t, opts)
			return s, Options{Security: transport.Security{CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile}, Credentials: credentials.Options{Username: s.Username, Password: s.Password}}
		}
	}
	return map[string]func(t *testing.T) (*clients.Server, Options){
		"distribution":              with(clients.Distribution, clients.Options{}),
		"distribution basic":        with(clients.Distribution, clients.Options{Auth: clients.Basic}),
		"distribution token":        with(clients.Distribution, clients.Options{Auth: clients.Token}),
		"distribution tls token":    with(clients.Distribution, clients.Options{Auth: clients.Token, TLS: true}),
		"distribution client certs": with(clients.Distribution, clients.Options{ClientCerts: true}),
		"olareg":                    with(clients.Olareg, clients.Options{}),
		"olareg tls":                with(clients.Olareg, clients.Options{TLS: true}),
	}
}

func TestRepositoryOnRealRegistries(t *testing.T) {
	t.Parallel()
	for name, start := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, opts := start(t)
			testRepository(t, open(t, opts, server.Host, "test/repo", reference.Write), open(t, opts, server.Host, "test/repo", reference.Read))
		})
	}
}

// testRepository tests the methods of a target. It reads with a second client, whose cache is empty.
func testRepository(t *testing.T, repo, reader *Repository) {
	ctx := t.Context()
	if _, err := reader.Resolve(ctx, "none"); !errors.Is(err, errdef.ErrNotFound) {
		t.Fatalf("a tag that does not exist: got %v, want ErrNotFound", err)
	}
	desc, data, err := pushArtifact(ctx, repo, "hello", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"v1", "latest"} {
		if err := repo.Tag(ctx, desc, tag); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := reader.Resolve(ctx, "v1"); err != nil || !content.Equal(got, desc) {
		t.Errorf("Resolve(v1): got %v, %v, want %v", got, err, desc)
	}
	got, rc, err := reader.FetchReference(ctx, "latest")
	if err != nil || !content.Equal(got, desc) {
		t.Fatalf("FetchReference(latest): got %v, %v, want %v", got, err, desc)
	}
	if body, err := io.ReadAll(rc); err != nil || !bytes.Equal(body, data) {
		t.Errorf("got the manifest %q, %v, want %q", body, err, data)
	}
	layer := content.NewDescriptorFromBytes("text/plain", []byte("hello"))
	if body, err := content.FetchAll(ctx, reader, layer); err != nil || string(body) != "hello" {
		t.Errorf("got the layer %q, %v, want hello", body, err)
	}
	if ok, err := reader.Exists(ctx, layer); err != nil || !ok {
		t.Errorf("Exists(layer): got %v, %v, want true", ok, err)
	}
	var tags []string
	if err := reader.Tags(ctx, "", func(page []string) error { tags = append(tags, page...); return nil }); err != nil {
		t.Fatal(err)
	}
	if slices.Sort(tags); !slices.Equal(tags, []string{"latest", "v1"}) {
		t.Errorf("got the tags %q, want latest and v1", tags)
	}
	testReferrers(t, repo, reader, desc)
}

func testReferrers(t *testing.T, repo, reader *Repository, subject ocispec.Descriptor) {
	ctx := t.Context()
	referrer, _, err := pushArtifact(ctx, repo, "a referrer", &subject)
	if err != nil {
		t.Fatal(err)
	}
	listed := func(artifactType string) (digests []string) {
		if err := reader.Referrers(ctx, subject, artifactType, func(page []ocispec.Descriptor) error {
			for _, d := range page {
				digests = append(digests, d.Digest.String())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return digests
	}
	for _, artifactType := range []string{"", "application/x-test"} {
		if got := listed(artifactType); !slices.Equal(got, []string{referrer.Digest.String()}) {
			t.Errorf("referrers of type %q: got %v, want %v", artifactType, got, referrer.Digest)
		}
	}
	if got := listed("application/x-other"); len(got) != 0 {
		t.Errorf("referrers of another type: got %v, want none", got)
	}
	if err := repo.Delete(ctx, referrer); err != nil {
		t.Fatal(err)
	}
	if got := listed(""); len(got) != 0 {
		t.Errorf("referrers after deleting: got %v, want none", got)
	}
	if _, err := reader.Resolve(ctx, referrer.Digest.String()); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("a deleted manifest: got %v, want ErrNotFound", err)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]clients.Auth{"basic": clients.Basic, "token": clients.Token} {
		for user, password := range map[string]string{"": "", clients.Username: "wrong"} {
			t.Run(name+" "+user, func(t *testing.T) {
				t.Parallel()
				server := clients.Distribution(t, clients.Options{Auth: kind})
				repo := open(t, Options{Credentials: credentials.Options{Username: user, Password: password}}, server.Host, "a/b", reference.Write)
				_, _, err := pushArtifact(t.Context(), repo, "x", nil)
				var denied *transport.Denied
				if !errors.As(err, &denied) {
					t.Errorf("got %v, want *Denied", err)
				}
			})
		}
	}
}

func TestConcurrentAttach(t *testing.T) {
	t.Parallel()
	const writers = 12
	server := clients.SharedDistribution(t)
	repo := open(t, Options{}, server.Host, "many/attach", reference.Write)
	subject, _, err := pushArtifact(t.Context(), repo, "subject", nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { // with its own client and without a cache, like a process on another machine
			repo := open(t, Options{}, server.Host, "many/attach", reference.Write)
			if _, _, err := pushArtifact(t.Context(), repo, fmt.Sprint("referrer ", i), &subject); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := repo.Predecessors(t.Context(), subject)
	if err != nil || len(list) != writers {
		t.Errorf("got %d referrers, %v, want %d", len(list), err, writers)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	repo := open(t, Options{}, "127.0.0.1:1", "a/b", reference.Read)
	_, err := repo.Resolve(t.Context(), "x")
	var unavailable *transport.Unavailable
	if !errors.As(err, &unavailable) || unavailable.Host != "127.0.0.1:1" {
		t.Errorf("got %v, want *Unavailable", err)
	}
	if errors.Is(err, artifact.ErrInvalid) || errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("got %v, want neither ErrInvalid nor ErrNotFound", err)
	}
}

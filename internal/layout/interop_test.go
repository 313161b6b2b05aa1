package layout

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote"

	"github.com/davit-oci/davit/internal/clients"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// storeImage stores an image of one layer that container tools accept, and a referrer of the image.
func storeImage(ctx context.Context, target oras.Target, tags ...string) (desc, referrer ocispec.Descriptor, err error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err = w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: 6}); err == nil {
		_, err = w.Write([]byte("hello\n"))
	}
	if err != nil || w.Close() != nil {
		return
	}
	var compressed bytes.Buffer // skopeo would compress the layer otherwise
	zip := gzip.NewWriter(&compressed)
	if _, err = zip.Write(layer.Bytes()); err != nil || zip.Close() != nil {
		return
	}
	blob, err := oras.PushBytes(ctx, target, ocispec.MediaTypeImageLayerGzip, compressed.Bytes())
	if err != nil {
		return
	}
	config, err := oras.PushBytes(ctx, target, ocispec.MediaTypeImageConfig, jsonOf(ocispec.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer.Bytes())}}}))
	if err != nil {
		return
	}
	desc, err = oras.PushBytes(ctx, target, ocispec.MediaTypeImageManifest, jsonOf(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{blob}}))
	for _, tag := range tags {
		if err == nil {
			err = target.Tag(ctx, desc, tag)
		}
	}
	if err == nil {
		referrer, err = store(ctx, target, []byte("about the image"), &desc)
	}
	return
}

// TestOtherToolsReadLayouts checks that other tools can read davit's layouts and archives.
func TestOtherToolsReadLayouts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var desc, referrer ocispec.Descriptor
	for _, name := range []string{"oci", "oci.tar"} {
		editPlace(t, filepath.Join(dir, name), func(ctx context.Context, target testTarget) (err error) {
			desc, referrer, err = storeImage(ctx, target, "v1", "v2")
			return err
		})
	}
	layout, archive := filepath.Join(dir, "oci"), filepath.Join(dir, "oci.tar")
	out := t.TempDir()
	for name, test := range map[string]struct {
		want string
		args []string
	}{
		"skopeo inspects":          {string(desc.Digest), []string{"skopeo", "inspect", "oci:" + layout + ":v1"}},
		"skopeo inspects archives": {string(desc.Digest), []string{"skopeo", "inspect", "oci-archive:" + archive + ":v2"}},
		"skopeo copies": {"", []string{"skopeo", "copy", "--insecure-policy", "oci-archive:" + archive + ":v1",
			"oci:" + out + "/skopeo:v1"}},
		"regctl lists tags":     {"v1\nv2\n", []string{"regctl", "tag", "ls", "ocidir://" + layout}},
		"regctl reads blobs":    {"about the image", []string{"regctl", "artifact", "get", "ocidir://" + layout + "@" + string(referrer.Digest)}},
		"oras lists tags":       {"v1\nv2\n", []string{"oras", "repo", "tags", "--oci-layout", layout}},
		"oras discovers":        {string(referrer.Digest), []string{"oras", "discover", "--oci-layout", layout + ":v1"}},
		"oras reads archives":   {`"mediaType":"application/vnd.oci.image.manifest.v1+json"`, []string{"oras", "manifest", "fetch", "--oci-layout", archive + ":v1"}},
		"oras copies referrers": {"", []string{"oras", "cp", "-r", "--from-oci-layout", "--to-oci-layout", layout + ":v1", out + "/oras:v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := clients.Run(t, test.args[0], test.args[1:]...); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want it to contain %q", got, test.want)
			}
		})
	}
}

// TestLayoutsFromOtherTools checks that davit can read and edit layouts and archives that other tools copied from a registry.
func TestLayoutsFromOtherTools(t *testing.T) {
	t.Parallel()
	g := registrytest.Start(t, registrytest.Options{})
	ref := g.Host + "/some/image:v1"
	target, err := remote.New(remote.Options{}).OpenRepository(g.Host, "some/image", reference.Write)
	if err != nil {
		t.Fatal(err)
	}
	desc, referrer, err := storeImage(t.Context(), target, "v1")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path     string
		tag      string
		referrer bool
		args     []string
	}{
		"skopeo": {"oci", "v1", false, []string{"skopeo", "copy", "--insecure-policy", "--src-tls-verify=false",
			"docker://" + ref, "oci:PATH:v1"}},
		"skopeo, full name": {"oci", "v1", false, []string{"skopeo", "copy", "--insecure-policy", "--src-tls-verify=false",
			"docker://" + ref, "oci:PATH:example.com/some/image:v1"}},
		"skopeo, archive": {"oci.tar", "v1", false, []string{"skopeo", "copy", "--insecure-policy", "--src-tls-verify=false",
			"docker://" + ref, "oci-archive:PATH:v1"}},
		"regctl":          {"oci", "v1", true, []string{"regctl", "image", "copy", "--referrers", ref, "ocidir://PATH:v1"}},
		"regctl, archive": {"oci.tar", "v1", false, []string{"regctl", "image", "export", "--name", "example.com/some/image:v1", ref, "PATH"}},
		"oras":            {"oci", "v1", true, []string{"oras", "cp", "-r", "--from-plain-http", "--to-oci-layout", ref, "PATH:v1"}},
		"crane":           {"oci", "", false, []string{"crane", "pull", "--insecure", "--format=oci", ref, "PATH"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), test.path)
			for i, arg := range test.args {
				test.args[i] = strings.Replace(arg, "PATH", path, 1)
			}
			client := clients.New(t, test.args[0])
			if test.args[0] == "regctl" {
				client.Run("registry", "set", "--tls", "disabled", g.Host)
			}
			client.Run(test.args[1:]...)
			checkReadable(t, path, test.tag, desc, referrer, test.referrer)
			storeTagged(t, path, "ours", []byte("another layer"))
			checkReadable(t, path, test.tag, desc, referrer, test.referrer)
		})
	}
}

// TestConcurrentTools adds and deletes artifacts in a layout, and repairs it, while tools that take no locks write to it. Those
// tools may fail, because they read half-written or deleted files; davit must not fail. In the end, all listed content must be
// complete, and the artifacts of all writers must be listed.
func TestConcurrentTools(t *testing.T) {
	t.Parallel()
	g := registrytest.Start(t, registrytest.Options{})
	origin, err := remote.New(remote.Options{}).OpenRepository(g.Host, "some/image", reference.Write)
	if err != nil {
		t.Fatal(err)
	}
	desc, _, err := storeImage(t.Context(), origin, "v1")
	if err != nil {
		t.Fatal(err)
	}
	var theirs ocispec.Manifest
	if err := manifest.FetchJSON(t.Context(), origin, desc, &theirs); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "oci")
	storeTagged(t, path, "ours", []byte("stays"))
	const rounds = 8
	ended := make(chan struct{})
	tools := map[string][]string{
		"skopeo": {"copy", "--insecure-policy", "--src-tls-verify=false", "docker://" + g.Host + "/some/image:v1", "oci:" + path + ":skopeo"},
		"oras":   {"cp", "-r", "--from-plain-http", "--to-oci-layout", g.Host + "/some/image:v1", path + ":oras"},
	}
	for name, args := range tools {
		clients.Run(t, name, args...)
	}
	for name, args := range tools {
		client := clients.New(t, name)
		go func() {
			defer func() { ended <- struct{}{} }()
			for range rounds {
				if _, stderr, err := client.Try(args...); err != nil {
					t.Logf("%s: %v\n%s", name, err, stderr)
				}
			}
		}()
	}
	for running := len(tools); running > 0; {
		select {
		case <-ended:
			running--
		default:
		}
		editPlace(t, path, func(ctx context.Context, target testTarget) error {
			ours := theirs
			for _, blob := range append(ours.Layers, ours.Config) {
				if err := oras.CopyGraph(ctx, origin, target, blob, oras.DefaultCopyGraphOptions); err != nil {
					return err
				}
			}
			ours.Annotations = map[string]string{"ours": "yes"}
			desc, err := oras.PushBytes(ctx, target, ocispec.MediaTypeImageManifest, jsonOf(ours))
			if err == nil {
				err = target.Delete(ctx, desc)
			}
			if err == nil {
				_, err = target.(*Layout).Repair(ctx)
			}
			if errors.Is(err, errdef.ErrNotFound) {
				return nil // another tool wrote an older index
			}
			return err
		})
	}
	tags, _ := checkIntact(t, path)
	if want := []string{"oras", "ours", "skopeo"}; !slices.Equal(tags, want) {
		t.Errorf("got the tags %q, want %q", tags, want)
	}
}

// checkReadable checks that an image can be resolved by tag and digest and is complete, and that its referrer is found.
func checkReadable(t *testing.T, path, tag string, desc, referrer ocispec.Descriptor, wantReferrer bool) {
	t.Helper()
	place := openFor(t, path, reference.Read)
	for _, reference := range []string{tag, desc.Digest.String()} {
		if reference == "" {
			continue
		}
		got, err := place.Resolve(t.Context(), reference)
		if err != nil || got.Digest != desc.Digest || got.MediaType != desc.MediaType {
			t.Errorf("%s: got %v, %v, want %v", reference, got, err, desc)
		}
	}
	if err := readAll(t.Context(), place, desc); err != nil {
		t.Error(err)
	}
	if !wantReferrer {
		return
	}
	found, err := place.Predecessors(t.Context(), desc)
	if err != nil || !slices.ContainsFunc(found, func(d ocispec.Descriptor) bool { return d.Digest == referrer.Digest }) {
		t.Errorf("got the referrers %v, %v, want %s", found, err, referrer.Digest)
	}
}

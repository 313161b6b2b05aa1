package pull

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/pulltest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// growing is a source that downloads blobs in small pieces. Each download begins with other bytes, and then starts again.
type growing struct {
	*pulltest.Source
	first map[digest.Digest][]byte
	calls int
}

func (g *growing) FetchFile(ctx context.Context, desc ocispec.Descriptor, dst *os.Root, name string, report func(done, ready int64)) error {
	g.calls++
	rc, err := g.Store.Fetch(ctx, desc)
	if err != nil {
		return err
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if err != nil {
		return err
	}
	f, err := dst.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, try := range [][]byte{g.first[desc.Digest], data} {
		report(0, 0)
		if err := f.Truncate(0); err != nil {
			return err
		}
		for at := 0; at < len(try); {
			n, err := f.WriteAt(try[at:min(at+100, len(try))], int64(at))
			if err != nil {
				return err
			}
			at += n
			report(int64(at), int64(at))
		}
	}
	return nil
}

// TestUnpackingWhileFetching checks that only verified bytes are placed if the download delivers other bytes first.
func TestUnpackingWhileFetching(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"no bytes first":                 func([]byte) []byte { return nil },
		"another tar first":              func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("content"), []byte("CONTENT")) },
		"the beginning first":            func(b []byte) []byte { return b[:700] },
		"not a tar first":                func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) },
		"the same with more bytes first": func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, 4096)...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var packed bytes.Buffer
			w := tar.NewWriter(&packed)
			files := map[string]string{"dir/": ""}
			for _, name := range []string{"dir/a", "dir/b", "dir/c"} {
				files[name] = "content of " + name
				if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(w, files[name]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			g := &growing{Source: pulltest.NewSource()}
			layer := g.Layer(t, "dir", packed.String())
			layer.Annotations[oci.AnnotationUnpack] = "true"
			g.first = map[digest.Digest][]byte{layer.Digest: change(packed.Bytes())}
			g.Manifest(t, "v1", layer)
			dst := pulltest.NewDir(t)
			if _, err := Artifact(t.Context(), g, "v1", dst, Options{NoSync: true}); err != nil {
				t.Fatal(err)
			}
			pulltest.WantFiles(t, dst, files)
			if g.calls != 1 {
				t.Errorf("got %d downloads, want 1", g.calls)
			}
		})
	}
}

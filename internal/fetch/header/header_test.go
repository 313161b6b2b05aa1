package header_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/fetch/header"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// source serves parts of a blob and counts their bytes.
type source struct {
	data    []byte
	fetched int64
}

func (s *source) FetchRange(_ context.Context, _ ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	s.fetched += length
	return io.NopCloser(bytes.NewReader(s.data[offset : offset+length])), nil
}

// pack returns a tar of a directory and of files, given in pairs of name and content.
func pack(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEach(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 8<<20)
	for name, tt := range map[string]struct {
		mediaType string
		data      []byte
		want      string
		wantErr   bool
	}{
		"a file":           {mediaType: "application/vnd.example.v1.raw", data: []byte("abcdef"), want: "name 6 abc,"},
		"a tar":            {mediaType: "application/vnd.example.v1.tar", data: pack(t, "d/m.gguf", "GGUF"+large, "d/n", "nnn"), want: fmt.Sprintf("d/m.gguf %d GGU,d/n 3 nnn,", 4+len(large))},
		"a compressed tar": {mediaType: "application/vnd.example.v1.tar+gzip", data: []byte("\x1f\x8b...")},
		"not a tar":        {mediaType: "application/vnd.example.v1.tar", data: bytes.Repeat([]byte("not a tar "), 100), wantErr: true},
		"a truncated tar":  {mediaType: "application/vnd.example.v1.tar", data: pack(t, "d/m", large)[:2000], want: fmt.Sprintf("d/m %d xxx,", len(large)), wantErr: true},
	} {
		src := &source{data: tt.data}
		var got strings.Builder
		blob := header.NewBlob(t.Context(), src, ocispec.Descriptor{MediaType: tt.mediaType, Size: int64(len(tt.data))})
		err := header.Each(blob, "name", func(file string, r io.ReaderAt, size int64) error {
			head := make([]byte, 3)
			if _, err := r.ReadAt(head, 0); err != nil {
				return err
			}
			fmt.Fprintf(&got, "%s %d %s,", file, size, head)
			return nil
		})
		if got.String() != tt.want || (err != nil) != tt.wantErr {
			t.Errorf("%s: got %q, %v, want %q, error %v", name, got.String(), err, tt.want, tt.wantErr)
		}
		if src.fetched > 1<<20 {
			t.Errorf("%s: fetched %d bytes, want at most 1 MiB", name, src.fetched)
		}
	}
}

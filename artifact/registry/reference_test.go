package registry

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/reference"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

const someDigest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want Reference
	}{
		{"localhost:5000/models/smol:v1", Reference{Registry: "localhost:5000", Repository: "models/smol", Tag: "v1"}},
		{"oci://ghcr.io/a/b:1.0.0", Reference{Registry: "ghcr.io", Repository: "a/b", Tag: "1.0.0"}},
		{"ghcr.io/a/b", Reference{Registry: "ghcr.io", Repository: "a/b"}},
		{"GHCR.io/a/b", Reference{Registry: "ghcr.io", Repository: "a/b"}},
		{"localhost/x", Reference{Registry: "localhost", Repository: "x"}},
		{"[::1]:5000/x:t", Reference{Registry: "[::1]:5000", Repository: "x", Tag: "t"}},
		{"a.b/c@" + someDigest, Reference{Registry: "a.b", Repository: "c", Digest: someDigest}},
		{"a.b/c:t@" + someDigest, Reference{Registry: "a.b", Repository: "c", Tag: "t", Digest: someDigest}},
		{"docker.io/busybox", Reference{Registry: "docker.io", Repository: "library/busybox"}},
		{"index.docker.io/a/b", Reference{Registry: "docker.io", Repository: "a/b"}},
		{"docker-pullable://quay.io/a/b@" + someDigest, Reference{Registry: "quay.io", Repository: "a/b", Digest: someDigest}},
		{"docker://localhost:5000/a:t", Reference{Registry: "localhost:5000", Repository: "a", Tag: "t"}},
		{"https://ghcr.io/a/b/", Reference{Registry: "ghcr.io", Repository: "a/b"}},
		{"http://docker.io/a", Reference{Registry: "docker.io", Repository: "library/a"}},
		{"./oci", Reference{Path: "./oci"}},
		{".", Reference{Path: "."}},
		{".:v1", Reference{Path: ".", Tag: "v1"}},
		{"../x/oci:v1", Reference{Path: "../x/oci", Tag: "v1"}},
		{"/data/a:b/c", Reference{Path: "/data/a:b/c"}},
		{"~/oci:v1@" + someDigest, Reference{Path: "~/oci", Tag: "v1", Digest: someDigest}},
		{"./model.tar:latest", Reference{Path: "./model.tar", Tag: "latest"}},
		{"./me@home/oci", Reference{Path: "./me@home/oci"}},
		{"./dir@v1", Reference{Path: "./dir@v1"}},
		{"./carry:127.0.0.1:5000/team/app:1.0", Reference{Path: "./carry", Registry: "127.0.0.1:5000", Repository: "team/app", Tag: "1.0"}},
		{"./carry.tar:ghcr.io/app", Reference{Path: "./carry.tar", Registry: "ghcr.io", Repository: "app"}},
		{"./carry:team/app:1.0", Reference{Path: "./carry", Repository: "team/app", Tag: "1.0"}},
		{"./carry:app:1.0", Reference{Path: "./carry", Repository: "app", Tag: "1.0"}},
		{"./carry:app:2", Reference{Path: "./carry", Repository: "app", Tag: "2"}},
		{"/backups/2026-11-30T10:24:05:1.0", Reference{Path: "/backups/2026-11-30T10:24:05", Tag: "1.0"}},
		{"./2026-11-30T10:24:latest", Reference{Path: "./2026-11-30T10:24", Tag: "latest"}},
		{"/backups/2026-11-30T10:24:05/oci", Reference{Path: "/backups/2026-11-30T10:24:05/oci"}},
		{"./carry.tar:app:1.0", Reference{Path: "./carry.tar", Repository: "app", Tag: "1.0"}},
		{`C:\carry:app:1.0`, Reference{Path: `C:\carry`, Repository: "app", Tag: "1.0"}},
		{"./at:10:24:app:1.0", Reference{Path: "./at:10:24", Repository: "app", Tag: "1.0"}},
		{"./carry:docker.io/app:1", Reference{Path: "./carry", Registry: "docker.io", Repository: "library/app", Tag: "1"}},
		{"./carry:ghcr.io/app@" + someDigest, Reference{Path: "./carry", Registry: "ghcr.io", Repository: "app", Digest: someDigest}},
		{"C:/carry:ghcr.io/app:1", Reference{Path: "C:/carry", Registry: "ghcr.io", Repository: "app", Tag: "1"}},
		{"./a:B/c:1", Reference{Path: "./a:B/c", Tag: "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("Parse(%q) = %+v, %v, want %+v", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want, hint string }{
		{"empty", "", "the registry is missing", ""},
		{"no registry", "busybox", "the registry is missing", "docker.io/library/busybox"},
		{"no registry, two parts", "library/busybox:1", "the registry is missing", "docker.io/library/busybox:1"},
		{"no repository", "localhost:5000", "the repository is missing", "localhost:5000/NAME"},
		{"no registry, with a tag", "busybox:latest", "the registry is missing", `"docker.io/library/busybox:latest", or the path "./busybox:latest"`},
		{"no registry, not on Docker Hub", "BAD//REF", "the registry is missing", `did you mean the path "./BAD//REF"?`},
		{"empty repository", "localhost:5000/", "the repository is missing", ""},
		{"unsupported scheme", "ftp://ghcr.io/a/b", `unsupported scheme "ftp"`, "leave the scheme out"},
		{"unsupported scheme before a path", "https:///etc/passwd", `unsupported scheme "https"`, "leave the scheme out"},
		{"only a scheme", "docker://", "the registry is missing", ""},
		{"no registry, with a digest", "busybox@" + someDigest, "the registry is missing", `"docker.io/library/busybox@` + someDigest + `"`},
		{"image ID", someDigest, "an image ID", "write REPOSITORY@" + someDigest + "; for the ID of an image in Docker: docker inspect --format '{{index .RepoDigests 0}}' " + someDigest},
		{"image ID in hexadecimal", someDigest[7:], "an image ID", someDigest[7:]},
		{"short image ID", someDigest[7:19], "an image ID", someDigest[7:19]},
		{"image ID after a scheme", "docker://" + someDigest[7:], "an image ID", "docker inspect"},
		{"skopeo layout", "oci:lay9:1", "the registry is missing", `the path "./lay9:1"?`},
		{"skopeo layout with an absolute path", "oci:/srv/lay9:1", "the registry is missing", `the path "/srv/lay9:1"?`},
		{"skopeo directory", "dir:x9", "the registry is missing", `the path "./x9"?`},
		{"skopeo archive", "oci-archive:lay9.tar:1", "the registry is missing", `the path "./lay9.tar:1"?`},
		{"skopeo archive without an extension", "oci-archive:../lay9", "the registry is missing", `the path "../lay9.tar"?`},
		{"docker archive", "docker-archive:a.tar:example.com/a:1", "the registry is missing", `the path "./a.tar:example.com/a:1"?`},
		{"image in docker", "docker-daemon:busybox:1", "in the store of a container engine", "docker save -o image.tar busybox:1; "},
		{"image in podman", "containers-storage:a b", "in the store of a container engine", "podman save -o image.tar 'a b'; "},
		{"uppercase repository", "ghcr.io/Me/App", "it has uppercase letters", "ghcr.io/me/app"},
		{"uppercase repository and tag", "ghcr.io/Me/App:X", "it has uppercase letters", `"ghcr.io/me/app:X"`},
		{"double dot in the repository", "ghcr.io/a..b", `invalid repository "a..b"`, "lower-case"},
		{"parent directory as repository", "ghcr.io/../x", `invalid repository "../x"`, ""},
		{"empty tag", "ghcr.io/a:", "the tag is empty", ""},
		{"plus in tag", "ghcr.io/a:1.0+x", `invalid tag "1.0+x"`, "1.0_x"},
		{"slash in tag", "ghcr.io/a:b/c", `invalid tag "b/c"`, ""},
		{"long tag", "ghcr.io/a:" + strings.Repeat("x", 129), "longer than 128", ""},
		{"short digest", "ghcr.io/a@sha256:abc", `invalid digest "sha256:abc"`, "64 hexadecimal"},
		{"uppercase digest", "ghcr.io/a@" + strings.ToUpper(someDigest), "invalid digest", ""},
		{"unknown algorithm", "ghcr.io/a@md5:d41d8cd98f00b204e9800998ecf8427e", `unknown algorithm "md5"`, ""},
		{"port out of range", "localhost:99999/a", "the port is not a number", ""},
		{"empty port", "localhost:/a", "the port is not a number", ""},
		{"invalid host", "a..b/c", `invalid registry "a..b"`, ""},
		{"user name", "me:pw@ghcr.io/a", "has no user name", `"ghcr.io/a"?`},
		{"user name after a scheme", "https://me:pw@localhost:5000/a:1", "has no user name", `"localhost:5000/a:1"?`},
		{"user name without a repository", "http://me:p@w@localhost:5000", "has no user name", `"localhost:5000"?`},
		{"truncated digest", "alpine:3@" + someDigest[:20], "invalid digest", ""},
		{"invalid IPv6 address", "[::1/a", "']' is missing", ""},
		{"long repository", "ghcr.io/" + strings.Repeat("a", 256), "longer than 255", ""},
		{"path with an invalid tag", "./oci:a b", `invalid tag "a b"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(tt.in)
			var e *artifact.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(e.Hint, tt.hint) || strings.Contains(err.Error()+e.Hint, "me:p") {
				t.Fatalf("Parse(%q): got %v, hint %q, want %q, hint %q", tt.in, err, e.Hint, tt.want, tt.hint)
			}
			if !errors.Is(err, artifact.ErrInvalid) || !errors.Is(err, errdef.ErrInvalidReference) {
				t.Errorf("Parse(%q): got %v, want ErrInvalid and ErrInvalidReference", tt.in, err)
			}
		})
	}
}

func TestParseSource(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"nginx@" + someDigest:                            "docker.io/library/nginx@" + someDigest,
		"grafana/grafana@" + someDigest:                  "docker.io/grafana/grafana@" + someDigest,
		"docker-pullable://nginx@" + someDigest:          "docker.io/library/nginx@" + someDigest,
		"nginx:1.27@" + someDigest:                       "docker.io/library/nginx:1.27@" + someDigest,
		"ghcr.io/a/b@" + someDigest:                      "ghcr.io/a/b@" + someDigest,
		"./dir@" + someDigest:                            "./dir@" + someDigest,
		"nginx":                                          "",
		"nginx:1.27":                                     "",
		"Nginx@" + someDigest:                            "",
		"nginx@sha256:9f86":                              "",
		"oci:///etc@" + someDigest:                       "",
		someDigest:                                       "",
		"nginx@sha512:" + strings.Repeat("0", 128):       "",
		"k8s.gcr.io/a/b/../c@" + someDigest:              "",
		"docker-pullable://docker://nginx@" + someDigest: "",
	} {
		got, err := ParseSource(in)
		if want == "" && !errors.Is(err, artifact.ErrInvalid) || want != "" && (err != nil || got.String() != want) {
			t.Errorf("ParseSource(%q) = %v, %v, want %q", in, got, err, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"localhost": true, "localhost:5000": true, "a.localhost:80": true, "127.0.0.1:1": true, "127.9.9.9": true,
		"[::1]:5000": true, "[::1]": true, "ghcr.io": false, "10.0.0.1:5000": false, "localhost.example.com": false,
		"notlocalhost": false, "128.0.0.1": false,
	}
	for registry, want := range tests {
		if got := reference.IsLoopback(registry); got != want {
			t.Errorf("IsLoopback(%q) = %v, want %v", registry, got, want)
		}
	}
}

// FuzzParse checks that a reference stays the same if it is formatted and parsed again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"localhost:5000/a/b:v1", "oci://ghcr.io/a@" + someDigest, "./oci:v1", "/a:b/c.tar@" + someDigest,
		"~", "docker.io/x", "[::1]:5000/x", "..:x", "./a@b:c", "./carry:ghcr.io/app:1", "./carry:app:1.0", "/b/2026-11-30T10:24:05/oci"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(ref.String())
		if err != nil || again != ref {
			t.Errorf("Parse(%q) = %+v, written %q, parsed %+v, %v", s, ref, ref.String(), again, err)
		}
		if ref.Repository == "" && (!ref.IsPath() || ref.Registry != "") {
			t.Errorf("Parse(%q) = %+v: neither a path nor a repository", s, ref)
		}
	})
}

func TestHome(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	target, err := New(Options{Home: home}).Open(t.Context(), Reference{Path: "~/oci"}, reference.Write)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Push(t.Context(), content.NewDescriptorFromBytes("text/plain", []byte("x")), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(home + "/oci/blobs"); err != nil {
		t.Error(err)
	}
	if err := target.Close(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for path, home := range map[string]string{"~/oci": "", "~bob/oci": home} {
		if _, err := New(Options{Home: home}).Open(t.Context(), Reference{Path: path}, reference.Read); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q with home %q: got %v, want ErrInvalid", path, home, err)
		}
	}
}

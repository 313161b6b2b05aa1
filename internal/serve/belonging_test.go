package serve

import (
	"archive/tar"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pushAttachment attaches an artifact to a subject. If alert is set, the artifact is a runbook.
func (r *testServer) pushAttachment(repo, content, alert string, subject ocispec.Descriptor) ocispec.Descriptor {
	r.t.Helper()
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/x-note",
		Config: r.pushBlob(repo, "{}"), Layers: []ocispec.Descriptor{r.pushBlob(repo, content)}, Subject: &subject,
		Annotations: map[string]string{ocispec.AnnotationTitle: content},
	}
	if alert != "" {
		m.ArtifactType, m.Annotations[mediatypes.RunbookAlerts] = mediatypes.RunbookArtifact, alert
	}
	return r.pushDocument(repo, "", m.MediaType, marshal(r.t, m))
}

// pushIndex pushes an index of manifests, one for each platform.
func (r *testServer) pushIndex(repo, tag string, list ...ocispec.Descriptor) ocispec.Descriptor {
	r.t.Helper()
	for i, arch := range []string{"amd64", "arm64"}[:len(list)] {
		list[i].Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
	}
	return r.pushDocument(repo, tag, ocispec.MediaTypeImageIndex, marshal(r.t, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: list,
	}))
}

func (r *testServer) pushDocument(repo, tag, mediaType string, data []byte) ocispec.Descriptor {
	r.t.Helper()
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	if tag == "" {
		tag = desc.Digest.String()
	}
	r.want(http.StatusCreated, "PUT", "/v2/"+repo+"/manifests/"+tag, data, "Content-Type", mediaType)
	return desc
}

// testManifests are manifests of several repositories in one layout. unnamed has no tag, and the subject of orphan is missing.
type testManifests struct{ app, appNote, noteOfNote, amd, amdNote, index, shared, sharedNote, model, own, ownNote, unnamed, orphan ocispec.Descriptor }

func pushTestManifests(t *testing.T, dir string) testManifests {
	r := start(t, dir, Options{Write: true})
	var s testManifests
	s.app, _ = r.pushManifest("team/app", "1.0", "app", nil)
	s.appNote = r.pushAttachment("team/app", "app runbook", "AppDown", s.app)
	s.noteOfNote = r.pushAttachment("team/app", "about the runbook", "", s.appNote)
	s.amd, _ = r.pushManifest("team/multi", "", "amd64", nil)
	arm, _ := r.pushManifest("team/multi", "", "arm64", nil)
	s.index = r.pushIndex("team/multi", "2.0", s.amd, arm)
	s.amdNote = r.pushAttachment("team/multi", "multi runbook", "MultiDown", s.amd)
	s.shared, _ = r.pushManifest("team/app", "shared", "shared", nil)
	r.pushManifest("zone/copy", "3.0", "shared", nil)
	s.sharedNote = r.pushAttachment("zone/copy", "shared runbook", "SharedDown", s.shared)
	s.model, _ = r.pushManifest("a/model", "1.0", "model", nil)
	s.own, _ = r.pushManifest("oci", "1.0", "own", nil)
	s.ownNote = r.pushAttachment("oci", "own runbook", "OwnDown", s.own)
	s.unnamed, _ = r.pushManifest("a/model", "", "unnamed", nil)
	s.orphan = r.pushAttachment("a/model", "orphan runbook", "OrphanDown", ocispec.Descriptor{MediaType: s.app.MediaType, Digest: digest.FromString("x"), Size: 1})
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRepositoryPages checks that the pages of a repository show only its own manifests if a layout has several repositories.
func TestRepositoryPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	s := pushTestManifests(t, dir)
	packed := filepath.Join(t.TempDir(), "oci.tar")
	pack(t, dir, packed)
	for name, path := range map[string]string{"directory": dir, "archive": packed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, path, Options{})
			page := func(path string) response { return r.do("GET", path, nil, "Accept", "text/html") }
			digests := map[string]map[digest.Digest]bool{}
			for repo, list := range map[string][]ocispec.Descriptor{
				"team/app": {s.app, s.appNote, s.noteOfNote, s.shared, s.sharedNote}, "team/multi": {s.index, s.amd, s.amdNote}, "zone/copy": {s.shared, s.sharedNote},
				"a/model": {s.model}, "oci": {s.own, s.ownNote, s.unnamed, s.orphan},
			} {
				digests[repo] = map[digest.Digest]bool{}
				for _, desc := range list {
					digests[repo][desc.Digest] = true
				}
			}
			link := regexp.MustCompile(`href="(/r/[^"]*)"`)
			for repo, own := range digests {
				list := page("/r/" + repo)
				if list.status != 200 {
					t.Errorf("%s: got %d, want 200", repo, list.status)
				}
				for other, all := range digests {
					for d := range all {
						if a := page("/r/" + repo + "@" + d.String()); (a.status == 200) != own[d] {
							t.Errorf("%s of %s in %s: got %d, want found %v", d, other, repo, a.status, own[d])
						}
						if strings.Contains(list.body, d.Encoded()) && !own[d] {
							t.Errorf("the page of %s: got %s of %s, want only its own manifests", repo, d, other)
						}
					}
				}
				for _, at := range link.FindAllStringSubmatch(list.body, -1) {
					if a := page(at[1]); a.status != 200 && !strings.Contains(at[1], digest.FromString("x").String()) {
						t.Errorf("a link from the page of %s to %s: got %d, want 200", repo, at[1], a.status)
					}
				}
			}
			for path, status := range map[string]int{
				"team/app:1.0": 200, "team/app:2.0": 404, "team/multi:1.0": 404, "a/model:1.0": 200, "a/model:shared": 404, "oci:1.0": 200, "oci:2.0": 404,
				"zone/copy:1.0": 404, "nope": 404, "nope:1.0": 404, "nope@" + s.app.Digest.String(): 404, "team": 404, "No%20name": 404,
			} {
				if a := page("/r/" + path); a.status != status {
					t.Errorf("%s: got %d, want %d", path, a.status, status)
				}
			}
			alerts := page("/alerts").body
			for alert, want := range map[string][]string{
				"AppDown": {"team/app:1.0"}, "MultiDown": {"team/multi@" + s.amd.Digest.String()}, "SharedDown": {"team/app:shared", "zone/copy:3.0"}, "OwnDown": {"oci:1.0"},
				"OrphanDown": {"oci@" + digest.FromString("x").String()},
			} {
				_, row, _ := strings.Cut(alerts, ">"+alert+"<")
				row, _, _ = strings.Cut(row, "</tr>")
				_, about, _ := strings.Cut(row[strings.LastIndex(row, "<td>"):], "<td>")
				var got []string
				for _, at := range link.FindAllStringSubmatch(about, -1) {
					got = append(got, strings.TrimPrefix(at[1], "/r/"))
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: got the artifacts %q, want %q", alert, got, want)
				}
			}
		})
	}
}

// TestHomeRepository checks that the repository with the name of the layout is listed only if it has artifacts, or if the layout is
// empty.
func TestHomeRepository(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	w := start(t, dir, Options{Write: true})
	if a := w.want(200, "GET", "/", nil, "Accept", "text/html"); !strings.Contains(a.body, `href="/r/oci"`) {
		t.Errorf("an empty layout: got %s, want a link to oci", a.body)
	}
	w.want(200, "GET", "/v2/oci/tags/list", nil)
	for _, name := range []string{"nope", "team/app"} {
		if a := w.want(404, "GET", "/v2/"+name+"/tags/list", nil); a.code() != "NAME_UNKNOWN" {
			t.Errorf("tags of %s: got %s, want NAME_UNKNOWN", name, a.body)
		}
	}
	app, _ := w.pushManifest("team/app", "1.0", "app", nil)
	w.want(200, "GET", "/v2/team/app/tags/list", nil)
	w.want(404, "GET", "/v2/team/tags/list", nil)
	if a := w.want(200, "GET", "/", nil, "Accept", "text/html"); strings.Contains(a.body, `href="/r/oci"`) || !strings.Contains(a.body, `href="/r/team/app"`) {
		t.Errorf("got %s, want a link to team/app only", a.body)
	}
	w.want(404, "GET", "/r/oci@"+app.Digest.String(), nil)
	if a := w.want(200, "GET", "/v2/_catalog", nil); a.body != `{"repositories":["team/app"]}` {
		t.Errorf("catalog: got %s, want only team/app", a.body)
	}
	own, _ := w.pushManifest("oci", "own", "own", nil)
	if a := w.want(200, "GET", "/v2/_catalog", nil); a.body != `{"repositories":["oci","team/app"]}` {
		t.Errorf("catalog with an artifact in oci: got %s, want oci and team/app", a.body)
	}
	w.want(202, "DELETE", "/v2/oci/manifests/"+own.Digest.String(), nil)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}

	// In a copy from a registry, the name of the repository is not in the annotation of the tag, but in its own annotation.
	file := filepath.Join(dir, "index.json")
	data, err := os.ReadFile(file)
	if err == nil {
		annotations := `"org.opencontainers.image.ref.name":"1.0","io.containerd.image.name":"registry.example.com/team/app:1.0"`
		err = os.WriteFile(file, []byte(strings.Replace(string(data), `"org.opencontainers.image.ref.name":"team/app:1.0"`, annotations, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, dir, Options{})
	for _, path := range []string{"team/app:1.0", "oci:1.0", "team/app@" + app.Digest.String(), "oci@" + app.Digest.String()} {
		r.want(200, "GET", "/r/"+path, nil)
	}
	if a := r.want(200, "GET", "/", nil, "Accept", "text/html"); strings.Contains(a.body, `href="/r/oci"`) || !strings.Contains(a.body, `href="/r/team/app"`) {
		t.Errorf("got %s, want a link to team/app only", a.body)
	}
}

// TestTagsOfOtherRepositories checks that a repository does not have the tags of another repository in the layout.
func TestTagsOfOtherRepositories(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "oci")
	w := start(t, dir, Options{Write: true})
	app, _ := w.pushManifest("team/app", "1.0", "app", nil)
	w.pushManifest("team/db", "2.0", "db", nil)
	own, _ := w.pushManifest("oci", "3.0", "own", nil)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "index.json")
	data, err := os.ReadFile(file)
	if err == nil {
		text := regexp.MustCompile(`"(org\.opencontainers\.image\.ref\.name)":"(team/[a-z]+):([0-9.]+)"`).ReplaceAllString(string(data), `"$1":"$3","io.containerd.image.name":"registry.example.com/$2:$3"`)
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, dir, Options{Write: true})
	for repo, want := range map[string]string{"team/app": `["1.0","3.0"]`, "team/db": `["2.0","3.0"]`, "oci": `["1.0","2.0","3.0"]`, "any/name": `["1.0","2.0","3.0"]`} {
		if a := r.want(200, "GET", "/v2/"+repo+"/tags/list", nil); a.body != `{"name":"`+repo+`","tags":`+want+`}` {
			t.Errorf("tags of %s: got %s, want %s", repo, a.body, want)
		}
	}
	for path, want := range map[string]digest.Digest{"team/app/manifests/1.0": app.Digest, "team/db/manifests/1.0": "", "team/db/manifests/3.0": own.Digest, "any/name/manifests/1.0": app.Digest} {
		status := 200
		if want == "" {
			status = 404
		}
		if a := r.want(status, "GET", "/v2/"+path, nil); want != "" && a.header.Get("Docker-Content-Digest") != want.String() {
			t.Errorf("%s: got %s, want %s", path, a.header.Get("Docker-Content-Digest"), want)
		}
	}
	r.want(404, "DELETE", "/v2/team/db/manifests/1.0", nil)
	db, _ := r.pushManifest("team/db", "1.0", "db 1", nil)
	for path, want := range map[string]digest.Digest{"team/app/manifests/1.0": app.Digest, "team/db/manifests/1.0": db.Digest} {
		if a := r.want(200, "GET", "/v2/"+path, nil); a.header.Get("Docker-Content-Digest") != want.String() {
			t.Errorf("%s: got %s, want %s", path, a.header.Get("Docker-Content-Digest"), want)
		}
	}
}

// TestLayoutInDirectory checks that a layout in a directory of layouts is one repository with all manifests, whatever repositories
// its tags name.
func TestLayoutInDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := pushTestManifests(t, filepath.Join(dir, "one"))
	r := start(t, dir, Options{})
	for _, desc := range []ocispec.Descriptor{s.app, s.appNote, s.noteOfNote, s.amdNote, s.index, s.model, s.own, s.orphan} {
		r.want(200, "GET", "/r/one@"+desc.Digest.String(), nil)
		if list := r.want(200, "GET", "/r/one", nil); !strings.Contains(list.body, desc.Digest.Encoded()[:12]) {
			t.Errorf("the page of one does not list %s", desc.Digest)
		}
	}
	r.want(404, "GET", "/r/team/app", nil)
}

// pack writes a directory to a tar.
func pack(t *testing.T, dir, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err = w.AddFS(os.DirFS(dir)); err == nil {
		err = w.Close()
	}
	if closed := f.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
}

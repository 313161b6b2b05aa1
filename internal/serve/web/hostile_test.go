package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// hostileContents are files that an attacker may put into an artifact of any kind.
var hostileContents = map[string]string{
	"markdown":     hostileMarkdown,
	"html":         hostile,
	"front-matter": "---\ntitle: '" + hostile + "'\nalerts: ['" + hostile + "']\n---\n# " + hostile + "\n",
	"spdx":         `{"spdxVersion":"SPDX-2.3","name":` + quoted(hostile) + `,"packages":[{"name":` + quoted(hostile) + `,"licenseConcluded":` + quoted(hostile) + `}]}`,
	"sarif":        `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":` + quoted(hostile) + `}},"results":[{"level":"error","ruleId":` + quoted(hostile) + `,"message":{"text":` + quoted(hostile) + `}}]}]}`,
	"vex":          `{"@context":"https://openvex.dev/ns/v0.2.0","author":` + quoted(hostile) + `,"timestamp":"2026-01-01T00:00:00Z","statements":[{"vulnerability":{"name":` + quoted(hostile) + `},"products":[{"@id":` + quoted(hostile) + `}],"status":"affected"}]}`,
	"intoto":       `{"_type":"https://in-toto.io/Statement/v1","predicateType":` + quoted(hostile) + `,"subject":[{"name":` + quoted(hostile) + `}],"predicate":{"a":` + quoted(hostile) + `}}`,
	"binary":       "GGUF\x03\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// TestHostileKinds checks the pages about artifacts of each kind. All names, annotations, configs, and files run scripts if a page
// does not escape them.
func TestHostileKinds(t *testing.T) {
	t.Parallel()
	for _, k := range kinds.All() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			for name, content := range hostileContents {
				s.manifest(name, hostileManifest(s, k.Kind, content))
			}
			h := web.New(targets{"a": s.Target}, web.Options{})
			checkHarmless(t, h, "/")
			checkHarmless(t, h, "/r/a")
			checkHarmless(t, h, "/alerts")
			checkHarmless(t, h, "/alert/"+url.PathEscape(hostile))
			for name := range hostileContents {
				for _, view := range []string{"", "?search=all", "/files", "/manifest", "/config", "/diff?to=html", "/map", "/graph", "/tensors", "/rows?sort=-name&q=a"} {
					checkHarmless(t, h, "/r/a:"+name+view)
				}
			}
		})
	}
}

// invalidTags is a repository with invalid tags.
type invalidTags struct{ registry.Target }

func (invalidTags) Tags(_ context.Context, _ string, fn func([]string) error) error {
	return fn([]string{"1.0", hostile, "../../x", "a\x00b", strings.Repeat("long", 1000)})
}

// TestHostileNames checks the pages about repositories and tags with names that run scripts if a page does not escape them.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.manifest("1.0", ocispec.Manifest{Layers: []ocispec.Descriptor{s.blob("text/plain", "n", "n")}})
	h := web.New(targets{hostile: invalidTags{s.Target}, "../x": s.Target, "a?b#c": s.Target}, web.Options{})
	for _, path := range []string{
		"/", "/?q=" + url.QueryEscape(hostile), "/?after=" + url.QueryEscape(hostile), "/alerts", "/r/" + url.PathEscape(hostile), "/r/" + url.PathEscape(hostile+":1.0"),
		"/r/" + url.PathEscape(hostile+":"+hostile), "/r/" + url.PathEscape(hostile+":1.0/diff"), "/r/" + url.PathEscape(hostile+":1.0/diff") + "?to=" + url.QueryEscape(hostile),
		"/r/" + url.PathEscape(hostile+":1.0/file/"+hostile), "/r/" + url.PathEscape(hostile+":1.0/files") + "?q=" + url.QueryEscape(hostile) + "&layer=" + url.QueryEscape(hostile),
		"/r/" + url.PathEscape("a?b#c"), "/alert/" + url.PathEscape(hostile), "/nothing/" + url.PathEscape(hostile),
	} {
		checkHarmless(t, h, path)
	}
	if body := get(h, "/r/"+url.PathEscape("a?b#c")).Body.String(); !strings.Contains(body, `href="/r/a%3Fb%23c:1.0"`) {
		t.Errorf("got %s, want a link to the tag", body)
	}
}

// hostileManifest returns a manifest of a kind with a layer for each role.
func hostileManifest(s store, k mediatypes.Kind, content string) ocispec.Manifest {
	configType := k.Config.MediaType
	if configType == "" && k.Shape == mediatypes.Image {
		configType = ocispec.MediaTypeImageConfig
	}
	m := ocispec.Manifest{ArtifactType: k.ArtifactType, Annotations: map[string]string{}}
	if configType != "" {
		m.Config = s.blob(configType, "", `{"created":`+quoted(hostile)+`,`+quoted(hostile)+`:`+quoted(hostile)+`,"name":`+quoted(hostile)+
			`,"rootfs":{"type":"layers"},"history":[{"created_by":`+quoted(hostile)+`}],"alerts":[{"name":`+quoted(hostile)+`,"page":"index.md"}]}`)
	}
	for key := range k.Annotations {
		m.Annotations[key] = k.Annotations[key]
	}
	m.Annotations[ocispec.AnnotationTitle], m.Annotations[hostile] = hostile, hostile
	m.Annotations[mediatypes.RunbookAlerts], m.Annotations[mediatypes.RunbookOwner] = hostile, hostile
	for i, role := range k.Layers {
		title := "README.md"
		if i > 0 {
			title = hostile + role.Role + ".md"
		}
		m.Layers = append(m.Layers, s.blob(role.MediaType, title, content))
	}
	return m
}

// fieldValue matches the text in a form field.
var fieldValue = regexp.MustCompile(` value="[^"<>]*"`)

// checkHarmless checks that a page has no script except its own, and no attribute that runs a script.
func checkHarmless(t *testing.T, h http.Handler, path string) {
	t.Helper()
	w := get(h, path)
	body := strings.ReplaceAll(w.Body.String(), `<script src="/copy.js" defer></script>`, "")
	body = fieldValue.ReplaceAllString(body, "") // a user may type any character
	for _, bad := range []string{"<script", "<img src=x", `="javascript:`, `="data:`, "\u202e", "style="} {
		if strings.Contains(body, bad) {
			t.Errorf("%s: got %s, want it without %q", path, body, bad)
		}
	}
	if w.Code != 200 && w.Code != 404 && w.Code != 502 || !strings.Contains(body, "</html>") {
		t.Errorf("%s: got %d %s, want 200, 404, or 502 and a complete page", path, w.Code, body)
	}
	if strings.Contains(w.Header().Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("%s: got the policy %s, want nothing unsafe", path, w.Header().Get("Content-Security-Policy"))
	}
}

package web_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestAlertsOfPages checks that an alert has the title, severity, and owner of its page in a folder of runbooks, and that the most
// severe alerts of all artifacts come first.
func TestAlertsOfPages(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	runbook := func(tag, config string, annotations map[string]string) {
		s.manifest(tag, ocispec.Manifest{
			ArtifactType: mediatypes.RunbookArtifact, Config: s.blob(mediatypes.RunbookConfig, "", config), Annotations: annotations,
			Layers: []ocispec.Descriptor{s.blob("text/markdown", tag+".md", "# "+tag+"\n")},
		})
	}
	runbook("folder", `{"title":"All","alerts":["DiskFull","Quiet","Slow"],"pages":[
		{"path":"a.md","title":"Slowness","severity":"warning","owner":"web","service":"shop","alerts":[{"name":"Slow"}]},
		{"path":"b.md","title":"Disks","owner":"storage","alerts":[{"name":"DiskFull","severity":"critical"}]},
		{"path":"c.md","alerts":[{"name":"Quiet"}]}]}`,
		map[string]string{mediatypes.RunbookAlerts: "DiskFull,Quiet,Slow", ocispec.AnnotationTitle: "runbooks"})
	runbook("lone", `{"alerts":["Lone"],"pages":[{"path":"a.md","title":"Alone","severity":"high","alerts":[{"name":"Lone"}]},{"path":"b.md"}]}`,
		map[string]string{mediatypes.RunbookAlerts: "Lone"})
	runbook("page", `{"title":"Page","severity":"info","owner":"me"}`,
		map[string]string{mediatypes.RunbookAlerts: "Page", mediatypes.RunbookSeverity: "info", mediatypes.RunbookOwner: "me", ocispec.AnnotationTitle: "Page"})
	runbook("broken", `{"pages": 1}`, map[string]string{mediatypes.RunbookAlerts: "Broken", ocispec.AnnotationTitle: "Broken"})
	h := web.New(targets{"team/ops": s.Target}, web.Options{})
	var got []string
	for line := range strings.Lines(get(h, "/alerts").Body.String()) {
		if text, ok := strings.CutPrefix(line, `<tr><th scope="row">`); ok {
			got = append(got, strings.Join(strings.FieldsFunc(regexp.MustCompile("<[^>]*>").ReplaceAllString(text, "|"), func(r rune) bool { return r == '|' || r == '\n' }), " "))
		}
	}
	want := []string{
		"DiskFull critical storage Disks team/ops:folder", "Lone high Alone team/ops:lone", "Slow warning shop web Slowness team/ops:folder",
		"Page info me Page team/ops:page", "Quiet All team/ops:folder", "Broken Broken team/ops:broken",
	}
	slices.Sort(want[4:])
	slices.Sort(got[4:])
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for alert, want := range map[string]string{"diskfull": "<strong>critical</strong>", "Slow": "service shop · owner web", "Page": "owner me"} {
		if body := get(h, "/alert/"+alert).Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want it to contain %q", alert, body, want)
		}
	}
}

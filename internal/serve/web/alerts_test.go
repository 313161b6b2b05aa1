package web_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// listAlerts returns the text of the rows of a page.
func listAlerts(body string) (rows []string) {
	for line := range strings.Lines(body) {
		if text, ok := strings.CutPrefix(line, `<tr><th scope="row">`); ok {
			rows = append(rows, strings.Join(strings.FieldsFunc(regexp.MustCompile("<[^>]*>").ReplaceAllString(text, "|"), func(r rune) bool { return r == '|' || r == '\n' }), " "))
		}
	}
	return rows
}

// TestAlertsOfPages checks that an alert has the title, severity, and owner of its page in a folder of runbooks.
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
	want := []string{
		"Broken Broken team/ops:broken", "DiskFull critical storage Disks team/ops:folder", "Lone high Alone team/ops:lone", "Page info me Page team/ops:page",
		"Quiet All team/ops:folder", "Slow warning shop web Slowness team/ops:folder",
	}
	if got := listAlerts(get(h, "/alerts").Body.String()); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for alert, want := range map[string]string{"diskfull": "<strong>critical</strong>", "Slow": "service shop · owner web", "Page": "owner me"} {
		if body := get(h, "/alert/"+alert).Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want it to contain %q", alert, body, want)
		}
	}
}

// TestAlertOfSeveralArtifacts checks that the artifacts for an alert are listed together, the most severe first, and then the newest, and that
// equal documents are shown once, with all artifacts that have them.
func TestAlertOfSeveralArtifacts(t *testing.T) {
	t.Parallel()
	first, second := newStore(t), newStore(t)
	runbook := func(s store, tag, text, severity, created string, alerts ...string) {
		annotations := map[string]string{mediatypes.RunbookAlerts: strings.Join(alerts, ","), mediatypes.RunbookSeverity: severity, ocispec.AnnotationTitle: "Title " + tag}
		if created != "" {
			annotations[ocispec.AnnotationCreated] = created
		}
		s.manifest(tag, ocispec.Manifest{
			ArtifactType: mediatypes.RunbookArtifact, Config: s.blob(mediatypes.RunbookConfig, "", `{"title":"Title `+tag+`","severity":"`+severity+`"}`),
			Annotations: annotations, Layers: []ocispec.Descriptor{s.blob("text/markdown", "x.md", text)},
		})
	}
	runbook(first, "1.0", "# One text\n", "warning", "2026-01-01T00:00:00Z", "DiskFull", "Alone")
	runbook(first, "1.1", "# Other text\n", "warning", "2026-02-01T00:00:00Z", "DiskFull")
	runbook(first, "1.2", "# One text\n", "critical", "", "DiskFull")
	runbook(second, "2.0", "# One text\n", "warning", "", "diskfull")
	runbook(second, "2.1", "# No alert\n", "critical", "", "Zero")
	h := web.New(targets{"a": first.Target, "b": second.Target}, web.Options{})
	want := []string{
		"Alone warning Title 1.0 a:1.0", "DiskFull critical Title 1.2 a:1.2", "DiskFull warning Title 1.1 a:1.1", "DiskFull warning Title 1.0 a:1.0",
		"diskfull warning Title 2.0 b:2.0", "Zero critical Title 2.1 b:2.1",
	}
	if got := listAlerts(get(h, "/alerts").Body.String()); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for alert, want := range map[string]map[string]int{
		"DiskFull": {"One text": 1, "Other text": 1, "Equal to": 2, ">a:1.0<": 1, ">a:1.1<": 1, ">a:1.2<": 1, ">b:2.0<": 1, "No alert": 0, "there may be more": 0},
		"alone":    {"One text": 1, "Equal to": 0},
	} {
		body := get(h, "/alert/"+alert).Body.String()
		for text, n := range want {
			if got := strings.Count(body, text); got != n {
				t.Errorf("%s: got %d times %q, want %d:\n%s", alert, got, text, n, body)
			}
		}
	}
}

// TestManyAnswers checks that the documents that are read for an alert are limited, whether they are equal or not, and that the page says so.
func TestManyAnswers(t *testing.T) {
	t.Parallel()
	for _, same := range []bool{false, true} {
		s := newStore(t)
		for i := range 22 {
			text := "# Text\n"
			if !same {
				text = fmt.Sprintf("# Text %d\n", i)
			}
			s.manifest(fmt.Sprintf("1.%d", i), ocispec.Manifest{
				ArtifactType: mediatypes.RunbookArtifact, Config: s.blob(mediatypes.RunbookConfig, "", "{}"), Layers: []ocispec.Descriptor{s.blob("text/markdown", "x.md", text)},
				Annotations: map[string]string{mediatypes.RunbookAlerts: "Many", ocispec.AnnotationTitle: fmt.Sprint("Title ", i)},
			})
		}
		body := get(web.New(targets{"a": s.Target}, web.Options{}), "/alert/Many").Body.String()
		want := map[string]int{"<article": 20, "Equal to": 0, "there may be more": 1}
		if same {
			want = map[string]int{"<article": 1, "Equal to": 19, "there may be more": 1}
		}
		for text, n := range want {
			if got := strings.Count(body, text); got != n {
				t.Errorf("equal %t: got %d times %q, want %d", same, got, text, n)
			}
		}
	}
}

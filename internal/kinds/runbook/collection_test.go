package runbook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/mediatypes"
)

// alertsOf composes files and returns the alerts in the config, as "name page#section severity", and the notes.
func alertsOf(t *testing.T, files map[string]string, davitYAML string) (alerts []string, notes string) {
	t.Helper()
	plan, err := kindtest.Compose(t, files, davitYAML)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := kinds.Lookup("runbook")
	for _, a := range k.Pull.Alerts([]byte(kindtest.ConfigOf(t, plan))) {
		line := a.Name + " " + a.Page
		if a.Section != "" {
			line += "#" + a.Section
		}
		alerts = append(alerts, strings.TrimSpace(line+" "+a.Severity))
	}
	return alerts, strings.Join(plan.Notes, "\n")
}

func TestAlertsOfOnePage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, file, content, want, note string }{
		{"title and file name", "DiskFull.md", "# DiskFull\n\n## Meaning\n", "[DiskFull]", "runbook: DiskFull.md answers the alert DiskFull, by its title and file name"},
		{"lower-case title and file name", "disk-full.md", "# disk-full\n", "[disk-full]", "by its title"},
		{"title in words", "QueueTooLong.md", "# Queue Too Long\n", "[QueueTooLong]", "by its title"},
		{"title of the front matter", "QueueTooLong.md", "---\ntitle: Queue too long\nweight: 3\n---\n", "[QueueTooLong]", "by its title"},
		{"title with a remark", "OldThingDown.md", "# OldThingDown [Deprecated]\n", "[OldThingDown]", "by its title"},
		{"title with an underline", "HostDown.md", "HostDown\n========\n", "[HostDown]", "by its title"},
		{"two alert names", "CephOSDSlow.md", "# OSDSlow\n", "[CephOSDSlow OSDSlow]", "2 alerts: CephOSDSlow, OSDSlow"},
		{"no title", "HighLatency.md", "Restart the service.\n", "[HighLatency]", "HighLatency.md answers the alert HighLatency"},
		{"no title and an ordinary file name", "notes.md", "Restart the service.\n", "[]", "notes.md names no alert"},
		{"title of two ordinary words", "greeting.md", "# Greeting help\n", "[]", "greeting.md names no alert"},
		{"an index page", "README.md", "# README\n", "[]", "README.md names no alert"},
		{"one alert in the front matter", "x.md", "---\nalert: Beta\n---\n# DiskFull\n", "[Beta]", ""},
		{"several alerts in the front matter", "DiskFull.md", "---\nalerts: [Beta, Gamma]\nseverity: low\n---\n# DiskFull\n## Gamma\n", "[Beta x.md low Gamma x.md#gamma low]", ""},
		{"headings with labels", "all.md", "# All\n### Group: x\n##### Alert Name: \"Alpha\"\n+ *Severity*: warning\n##### Alert: Beta\nx\n##### Alert Name: Alpha\n- Severity: critical\n",
			"[Alpha x.md#alert-name-alpha warning Beta x.md#alert-beta Alpha x.md#alert-name-alpha-1 critical]", "2 alerts: Alpha, Beta, by headings"},
		{"headings with alert names", "all.md", "# All\n## Overview\n## `DiskFull`\n## HostDown\n## DiskFull\n", "[DiskFull x.md#diskfull HostDown x.md#hostdown DiskFull x.md#diskfull-1]", "by headings"},
		{"other headings", "all.md", "# All\n## Overview\n## GitHub\n## Steps\n## DevOps\n## More\n", "[]", "all.md names no alert"},
		{"alerts as a string", "x.md", "---\nalerts: Beta\n---\n# y\n", "[Beta]", ""},
		{"alerts as mappings", "x.md", "---\nalerts:\n- name: Beta\n  for: 5m\n- alert: Gamma\n---\n# y\n", "[Beta Gamma]", ""},
		{"TOML front matter", "x.md", "+++\nalerts = [\"Beta\", 'Gamma']\nseverity = \"low\"\n+++\n# y\n", "[Beta  low Gamma  low]", ""},
		{"JSON front matter", "x.md", "{\"alerts\": [\"Beta\"]}\n\n# y\n", "[Beta]", ""},
		{"MDX", "DiskFull.mdx", "import X from 'x'\n\n# DiskFull\n", "[DiskFull]", "by its title"},
		{"name that begins with a digit", "5xxErrors.md", "# 5xxErrors\n", "[5xxErrors]", "by its title"},
		{"name of numbers", "2024-01.md", "# 2024-01\n", "[]", "names no alert"},
		{"file name in lower case", "kubepodcrashlooping.md", "# KubePodCrashLooping\n", "[KubePodCrashLooping]", "by its title"},
		{"several alerts in a heading", "all.md", "# All\n## `DiskFull`, HostDown and PodGone\nx\n", "[DiskFull x.md#diskfull-hostdown-and-podgone HostDown x.md#diskfull-hostdown-and-podgone PodGone x.md#diskfull-hostdown-and-podgone]", "by headings"},
		{"headings with IDs and links", "all.md", "# All\n## DiskFull {#disk}\n## [HostDown](https://example.com/a)\n## **PodGone**\n", "DiskFull HostDown PodGone", "by headings"},
		{"code in a title", "pg.md", "# `pg_xid_wraparound` saturation alert\n", "[pg_xid_wraparound x.md#pg_xid_wraparound-saturation-alert]", "by headings"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, notes := alertsOf(t, map[string]string{tc.file: tc.content}, "kind: runbook\nlayers: ["+tc.file+"]\n")
			want := strings.ReplaceAll(tc.want, "x.md", tc.file)
			if names := strings.Fields(want); want[0] != '[' { // the names alone
				want = fmt.Sprint(names)
				for i := range got {
					got[i], _, _ = strings.Cut(got[i], " ")
				}
			}
			if fmt.Sprint(got) != want {
				t.Errorf("got %v, want %v", got, want)
			}
			if !strings.Contains(notes, tc.note) || tc.note == "" && strings.Contains(notes, "alert") {
				t.Errorf("notes: got %q, want %q among them", notes, tc.note)
			}
		})
	}
}

func TestDirectoryOfRunbooks(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"rb/_index.md":             "---\nbookHidden: true\n---\n",
		"rb/README.md":             "# How we work\n",
		"rb/node/DiskFull.md":      "---\ntitle: Disk full\nowner: {team: x}\n---\n# DiskFull\n",
		"rb/node/DiskCopied.md":    "# DiskFull\n",
		"rb/node/disk.png":         "png",
		"rb/old/HostDown.markdown": "---\nalerts: [HostDown, HostGone]\nseverity: critical\nservice: host\nowner: ops\nsummary: s\n---\n# Host\n",
		"rb/number.md":             "---\nseverity: 3\n---\n",
		"rb/all.md":                "## Alert: Alpha\nx\n",
		"rb/broken.md":             "---\na: [\n---\n",
	}
	plan, err := kindtest.Compose(t, files, "kind: runbook\nlayers: [rb]\n")
	if err != nil {
		t.Fatal(err)
	}
	kindtest.WantJSON(t, []byte(kindtest.ConfigOf(t, plan)), `{"title":"How we work","index":"rb/README.md",
		"alerts":["Alpha","DiskCopied","DiskFull","HostDown","HostGone"],
		"pages":[
			{"path":"rb/README.md","title":"How we work"},
			{"path":"rb/_index.md","title":"_index"},
			{"path":"rb/all.md","title":"Alert: Alpha","alerts":[{"name":"Alpha","section":"alert-alpha"}]},
			{"path":"rb/broken.md","title":"broken"},
			{"path":"rb/node/DiskCopied.md","title":"DiskFull","alerts":[{"name":"DiskCopied"}]},
			{"path":"rb/node/DiskFull.md","title":"Disk full","alerts":[{"name":"DiskFull"}]},
			{"path":"rb/number.md","title":"number","severity":"3"},
			{"path":"rb/old/HostDown.markdown","title":"Host","summary":"s","service":"host","owner":"ops","severity":"critical",
			 "alerts":[{"name":"HostDown"},{"name":"HostGone"}]}]}`)
	if got := plan.Annotations[mediatypes.RunbookAlerts]; got != "Alpha,DiskCopied,DiskFull,HostDown,HostGone" {
		t.Errorf("annotation: got %q, want all alerts", got)
	}
	if got, want := kindtest.LayerLines(plan), "runbooks application/vnd.oci.image.layer.v1.tar+gzip tar+gzip rb"; got != want {
		t.Errorf("layers: got %s, want %s", got, want)
	}
	notes := strings.Join(plan.Notes, "\n")
	for _, want := range []string{"4 of 8 pages answer 5 alerts: Alpha, ", "no alert in rb/README.md, rb/_index.md, rb/broken.md, rb/number.md;", "front matter of rb/broken.md left out: ", "owner of rb/node/DiskFull.md left out"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes: got %q, want %q among them", notes, want)
		}
	}
}

func TestRunbooksAsFilesAndGlobs(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a/DiskFull.md": "# DiskFull\n", "a/HostDown.md": "# HostDown\n", "a/x.png": "png"}
	for layers, want := range map[string]string{
		"['a/*']":                         "[DiskFull a/DiskFull.md HostDown a/HostDown.md]",
		"[a/x.png, a/HostDown.md]":        "[HostDown]",
		"[{path: a, title: b}]":           "[DiskFull b/DiskFull.md HostDown b/HostDown.md]",
		"[{path: a, packing: tar}]":       "[DiskFull a/DiskFull.md HostDown a/HostDown.md]",
		"[{path: ., exclude: ['**/H*']}]": "[DiskFull runbook/a/DiskFull.md]",
		"[{path: 'a/*.md', as: runbooks, title: c, packing: tar+gzip}]": "[DiskFull c/DiskFull.md HostDown c/HostDown.md]",
	} {
		got, _ := alertsOf(t, files, "kind: runbook\nlayers: "+layers+"\n")
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %v", layers, got, want)
		}
	}
}

func FuzzAlertsOfConfig(f *testing.F) {
	for _, seed := range []string{`{"alerts":["A"],"pages":[{"path":"a.md","alerts":[{"name":"A","section":"a"}]}]}`, `{"alerts":3}`, `[]`, ``, `{"pages":[null,{"alerts":null}]}`} {
		f.Add([]byte(seed))
	}
	k, _ := kinds.Lookup("runbook")
	f.Fuzz(func(t *testing.T, config []byte) {
		if n := len(k.Pull.Alerts(config)); n > len(config) {
			t.Errorf("got %d alerts in a config of %d bytes, want at most one per byte", n, len(config))
		}
		if index := k.Pull.Index(config); len(index) > 3*len(config) {
			t.Errorf("got an index of %d bytes in a config of %d bytes, want at most three times as many", len(index), len(config))
		}
	})
}

// TestUnreadableFrontMatterInDirectory checks that front matter that is not valid YAML is refused if it names alerts, and otherwise left out.
func TestUnreadableFrontMatterInDirectory(t *testing.T) {
	t.Parallel()
	const page = "\n---\n# A\n## Meaning\nx\n"
	for front, want := range map[string]string{
		"alert: [x":               "rb/a.md:2:1: not YAML",
		"title: a\nalerts: [x":    "rb/a.md:3:1: not YAML",
		"title: [x":               "",
		"title: [x\nalerted: y":   "",
		"x: y\n  alert: z\na: [b": "",
	} {
		_, err := kindtest.Compose(t, map[string]string{"rb/a.md": "---\n" + front + page, "rb/b.md": "---\nalert: B\n---\n# B\n"}, "kind: runbook\nlayers: [rb]\n")
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", front, err, want)
		}
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// odd is a registry with a quirk, an artifact in it, and files to attach.
type odd struct {
	t   *testing.T
	reg *registrytest.Registry
	dir string
}

const spdx = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"%s","dataLicense":"CC0-1.0",
"documentNamespace":"https://example.com/%[1]s","creationInfo":{"created":"2026-01-01T00:00:00Z","creators":["Tool: x"]},"packages":[]}`

// newOdd starts a registry with the artifact app:1.
func newOdd(t *testing.T, opts registrytest.Options) *odd {
	t.Helper()
	o := &odd{t, registrytest.Start(t, opts), t.TempDir()}
	for _, name := range []string{"one", "two", "three"} {
		writeFile(t, filepath.Join(o.dir, name+".spdx.json"), fmt.Sprintf(spdx, name))
	}
	writeFile(t, filepath.Join(o.dir, "app.txt"), "app\n")
	o.run(exit.Done, "push -q --kind generic $D/app.txt $R/app:1")
	return o
}

// run runs a command, checks its exit code, and returns its output. $R is the registry, $D the directory.
func (o *odd) run(want exit.Code, command string) string {
	o.t.Helper()
	var out bytes.Buffer
	args := strings.Fields(strings.NewReplacer("$D", o.dir, "$R", o.reg.Host).Replace(command))
	if code := Run(o.t.Context(), args, strings.NewReader(""), &out, &out); code != int(want) {
		o.t.Errorf("davit %s: exit code %d, want %d\n%s", command, code, want, &out)
	}
	return strings.TrimSpace(out.String())
}

// countReferrers returns the number of referrers that discover lists.
func (o *odd) countReferrers(ref string) string {
	o.t.Helper()
	return o.run(exit.Done, "discover --tags=false "+ref+" --format go-template={{.referrers|len}}")
}

// expect checks the number of referrers of app:1.
func (o *odd) expect(want string) {
	o.t.Helper()
	if got := o.countReferrers("$R/app:1"); got != want {
		o.t.Errorf("got %s referrers, want %s", got, want)
	}
}

// listTag returns the tag of the list of the referrers of app:1.
func (o *odd) listTag() string {
	digest, _, _, _ := o.reg.Manifest("app", "1")
	return strings.Replace(digest, ":", "-", 1)
}

// putList replaces the list of the referrers of app:1.
func (o *odd) putList(edit func(index map[string]any)) {
	o.t.Helper()
	_, mediaType, body, _ := o.reg.Manifest("app", o.listTag())
	var index map[string]any
	if err := json.Unmarshal(body, &index); err != nil {
		o.t.Fatal(err)
	}
	edit(index)
	body, _ = json.Marshal(index)
	o.put(o.listTag(), mediaType, body)
}

// put stores a manifest under a tag, as another client would.
func (o *odd) put(tag, mediaType string, body []byte) {
	o.t.Helper()
	req, _ := http.NewRequestWithContext(o.t.Context(), http.MethodPut, o.reg.URL+"/v2/app/manifests/"+tag, bytes.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		o.t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
}

// remove deletes the manifest of a reference, the output of attach -q, as another client would.
func (o *odd) remove(reference string) {
	o.t.Helper()
	_, digest, _ := strings.Cut(reference, "@")
	req, _ := http.NewRequestWithContext(o.t.Context(), http.MethodDelete, o.reg.URL+"/v2/app/manifests/"+digest, nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusAccepted {
		o.t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
}

// withoutAPI are the options of a registry without the referrers API.
var withoutAPI = registrytest.Options{NoReferrers: true}

// TestLostListIsRepaired fails the update of the list after the manifest of a referrer was stored. Running the command again must
// list the referrer.
func TestLostListIsRepaired(t *testing.T) {
	for name, prepare := range map[string]func(o *odd) string{
		"attach":  func(*odd) string { return "attach -q $D/one.spdx.json $R/app:1" },
		"replace": func(*odd) string { return "attach -q --replace $D/one.spdx.json $R/app:1" },
		"copy": func(o *odd) string {
			o.run(exit.Done, "push -q --kind generic $D/app.txt $D/oci:1")
			o.run(exit.Done, "attach -q $D/one.spdx.json $D/oci:1")
			return "copy -q --referrers $D/oci:1 $R/app:1"
		},
		"copy of a referrer": func(o *odd) string {
			o.run(exit.Done, "push -q --kind generic $D/app.txt $D/oci:1")
			_, digest, _ := strings.Cut(o.run(exit.Done, "attach -q $D/one.spdx.json $D/oci:1"), "@")
			return "copy -q $D/oci@" + digest + " $R/app"
		},
		"push with referrers": func(o *odd) string {
			writeFile(t, o.dir+"/davit.yaml", "kind: generic\nlayers: [app.txt]\nreferrers:\n  - {kind: sbom, layers: [one.spdx.json]}\n")
			return "push -q $D $R/app:1"
		},
		"push of a referrer": func(o *odd) string {
			writeFile(t, o.dir+"/davit.yaml", "kind: sbom\nsubject: "+o.reg.Host+"/app:1\nlayers: [one.spdx.json]\n")
			return "push -q $D $R/app:sbom"
		},
	} {
		for _, quirk := range []string{"refused", "lost", "claimed"} {
			t.Run(name+" "+quirk, func(t *testing.T) {
				withHome(t)
				o := newOdd(t, withoutAPI)
				command := prepare(o)
				switch quirk {
				case "refused":
					o.reg.Inject("PUT manifest", faults.Always, faults.At("/sha256-", faults.Status(400)))
				case "lost":
					o.reg.Inject("PUT manifest", faults.Always, faults.At("/sha256-", faults.Drop()))
				case "claimed": // the registry has no referrers API, but claims that it lists the manifest
					o.reg.Inject("PUT manifest", faults.Always, faults.Header("OCI-Subject", "sha256:x"))
				}
				if quirk == "claimed" {
					o.run(exit.Done, command)
					o.expect("1")
					return
				}
				o.run(exit.Network, command+" --retry-for -1s")
				o.expect("0")
				o.reg.Heal()
				o.run(exit.Done, command)
				o.expect("1")
				o.run(exit.Done, command)
				o.expect("1")
			})
		}
	}
}

// TestDeletedReferrer runs commands after the manifest of a referrer was deleted, while its entry stays in the list.
func TestDeletedReferrer(t *testing.T) {
	withHome(t)
	for name, test := range map[string]struct {
		command string
		code    exit.Code
		left    string
	}{
		"attach again":   {"attach -q $D/one.spdx.json $R/app:1", exit.Done, "1"},
		"attach another": {"attach -q $D/two.spdx.json $R/app:1", exit.Done, "1"},
		"replace":        {"attach -q --replace $D/two.spdx.json $R/app:1", exit.Done, "1"},
		"detach":         {"detach --kind sbom $R/app:1", exit.Done, "0"},
		"detach all":     {"detach --all $R/app:1", exit.Done, "0"},
		"copy":           {"copy -q --referrers $R/app:1 $D/copy:1", exit.Done, "1"},
		"pull":           {"pull -q --referrers $R/app:1 -o $D/out", exit.Done, "1"},
		"show":           {"show --kind sbom $R/app:1", exit.NotFound, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, withoutAPI)
			o.remove(o.run(exit.Done, "attach -q $D/one.spdx.json $R/app:1"))
			o.run(test.code, test.command)
			o.expect(test.left)
			if test.left == "1" && strings.HasPrefix(test.command, "attach") {
				o.run(exit.Done, "show --kind sbom $R/app:1")
			}
		})
	}
}

// TestPagesOfReferrers checks that davit follows links to more pages of referrers, and fails if it can't read them to the end.
func TestPagesOfReferrers(t *testing.T) {
	withHome(t)
	digest := regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	for name, test := range map[string]struct {
		link string // of the first page; $U is its path
		code exit.Code
		want string
	}{
		"prev and next":    {`</v2/x>; rel="prev", <$U?from=1>; rel="next"`, exit.Done, ""},
		"no brackets":      {`$U?from=1; rel=next`, exit.Done, ""},
		"relations":        {`<$U?from=1>; title="a, b"; rel="last next"`, exit.Done, ""},
		"absolute URL":     {`<http://$H$U?from=1>; rel="next"`, exit.Done, ""},
		"page is missing":  {`</x$U?from=1>; rel="next"`, exit.Network, "page 2 of the list does not exist: http://$H/x$U"},
		"another path":     {`</repository$U?from=1>; rel="next"`, exit.Network, "page 2 of the list does not exist"},
		"links to itself":  {`<$U>; rel="next"`, exit.Network, "links back to an earlier page"},
		"another host":     {`<http://example.com$U?from=1>; rel="next"`, exit.Network, "another host: http://example.com$U"},
		"invalid URL":      {`<http://[>; rel="next"`, exit.Network, "is not a URL"},
		"end of the pages": {`<$U?from=1>; rel="previous"`, exit.Done, "only one"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, registrytest.Options{})
			o.run(exit.Done, "attach -q $D/one.spdx.json $D/two.spdx.json $R/app:1")
			path := "/v2/app/referrers/" + digest.FindString(o.run(exit.Done, "resolve $R/app:1"))
			expand := strings.NewReplacer("$U", path, "$H", o.reg.Host).Replace
			o.reg.Inject("GET referrers", faults.Nth(1), faults.Header("Link", expand(test.link)))
			o.reg.ResetLog()
			text := o.run(test.code, "discover --tags=false $R/app:1")
			if test.code != exit.Done {
				if !strings.Contains(text, expand(test.want)) || len(o.reg.Requests("GET referrers")) > 2 {
					t.Errorf("got %d requests, want at most 2; no %q in\n%s", len(o.reg.Requests("GET referrers")), expand(test.want), text)
				}
				return
			}
			// The second page lists the second referrer again.
			if n := len(o.reg.Requests("GET referrers")); n != 4 && test.want == "" || n != 3 && test.want != "" {
				t.Errorf("got %d requests, want 4, or 3 for only one page: %s", n, text)
			}
		})
	}
}

// TestRedirectToTLS resolves a tag at a registry that redirects to https, but on a port without TLS.
func TestRedirectToTLS(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		o := newOdd(t, registrytest.Options{})
		o.run(exit.Done, "attach -q $D/one.spdx.json $R/app:1")
		o.reg.Inject("HEAD manifest", faults.Always, faults.Status(status, "Location", "https://"+o.reg.Host+"/v2/app/manifests/1"))
		text := o.run(exit.Network, "resolve --retry-for=-1s $R/app:1")
		for _, want := range []string{"the registry sends clients to https://" + o.reg.Host + "/v2/app/manifests/1: ", "hint: nothing speaks TLS there"} {
			if !strings.Contains(text, want) {
				t.Errorf("status %d: no %q in\n%s", status, want, text)
			}
		}
	}
}

// TestTagThatIsNotAList attaches to an artifact whose tag for the list of referrers points to another type of manifest, or is
// immutable.
func TestTagThatIsNotAList(t *testing.T) {
	withHome(t)
	o := newOdd(t, withoutAPI)
	o.run(exit.Done, "tag -q $R/app:1 "+o.listTag())
	o.expect("0")
	o.reg.ResetLog()
	text := o.run(exit.Refused, "attach -q $D/one.spdx.json $R/app:1")
	if !strings.Contains(text, "the tag "+o.listTag()+" refers to sha256:") || o.reg.Count("PUT manifest") != 1 {
		t.Errorf("tag of another manifest: got %d PUTs, want 1: %s", o.reg.Count("PUT manifest"), text)
	}

	o = newOdd(t, withoutAPI)
	o.reg.Inject("PUT manifest", faults.Always, faults.At("/sha256-", faults.Answer(412, `{"errors":[{"code":"DENIED","message":"immutable tag"}]}`)))
	text = o.run(exit.Network, "attach -q $D/one.spdx.json $R/app:1")
	if !strings.Contains(text, "412 Precondition Failed: denied: immutable tag") || o.reg.Count("PUT manifest") > 3 {
		t.Errorf("immutable tag: got %d PUTs, want at most 3: %s", o.reg.Count("PUT manifest"), text)
	}
}

// TestReferrersListWithEmptyConfigType reads a list whose entry has the type of the empty config, as some versions of cosign write it,
// or no type.
func TestReferrersListWithEmptyConfigType(t *testing.T) {
	withHome(t)
	for _, artifactType := range []any{"application/vnd.oci.empty.v1+json", "", nil} {
		o := newOdd(t, withoutAPI)
		o.run(exit.Done, "attach -q --name list $D/one.spdx.json $R/app:1")
		o.putList(func(index map[string]any) {
			entry := index["manifests"].([]any)[0].(map[string]any)
			if entry["artifactType"] = artifactType; artifactType == nil {
				delete(entry, "artifactType")
			}
		})
		if got := o.countReferrers("$R/app:1 --kind sbom"); got != "1" {
			t.Errorf("artifactType %v: got %s SBOMs, want 1", artifactType, got)
		}
		o.run(exit.Done, "attach -q --replace --name list $D/two.spdx.json $R/app:1")
		o.expect("1")
		o.run(exit.Done, "detach --kind sbom $R/app:1")
		o.expect("0")
	}
}

// TestNoDeletion detaches in registries that refuse to delete manifests, without and with the referrers API.
func TestNoDeletion(t *testing.T) {
	withHome(t)
	for _, status := range []int{400, 403, 405, 501} {
		o := newOdd(t, withoutAPI)
		o.reg.Inject("DELETE manifest", faults.Always, faults.Status(status))
		o.run(exit.Done, "attach -q --name list $D/one.spdx.json $R/app:1")
		if text := o.run(exit.Done, "attach --replace --name list $D/two.spdx.json $R/app:1"); !strings.Contains(text, "is no longer attached, but stays") {
			t.Errorf("status %d: no note about the kept referrer: %s", status, text)
		}
		o.expect("1")
		o.run(exit.Done, "detach --kind sbom $R/app:1")
		o.expect("0")
		o.run(exit.NotFound, "detach --kind sbom $R/app:1")

		o = newOdd(t, registrytest.Options{})
		o.reg.Inject("DELETE manifest", faults.Always, faults.Status(status))
		o.run(exit.Done, "attach -q --name list $D/one.spdx.json $R/app:1")
		code := exit.Code(exit.Network)
		if status == 403 || status == 405 {
			code = exit.Denied
		}
		text := o.run(code, "detach --kind sbom $R/app:1")
		checkStillAttached(t, text, "1 referrer is still attached: the registry refuses deletion: DELETE ")
		o.expect("1")
		text = o.run(code, "attach --replace --name list $D/two.spdx.json $R/app:1")
		checkStillAttached(t, text, "1 referrer is still attached: the registry refuses deletion: DELETE ")
		if !strings.Contains(text, "\nattached ") {
			t.Errorf("status %d: the attached referrer is not printed: %s", status, text)
		}
		o.expect("2")
		if text := o.run(code, "attach --replace --name list --format go-template={{.kept|len}} $D/three.spdx.json $R/app:1"); !strings.Contains(text, "\n2\n") {
			t.Errorf("status %d: got %s, want 2 kept referrers", status, text)
		}
		checkStillAttached(t, o.run(code, "detach --all $R/app:1"), "3 referrers are still attached: the registry refuses deletion: DELETE ")
	}
}

// TestDateWithoutDeletion dates an attachment in registries that refuse to delete the one without a date.
func TestDateWithoutDeletion(t *testing.T) {
	withHome(t)
	for _, flags := range []string{"", "-q "} {
		for _, opts := range []registrytest.Options{{}, withoutAPI} {
			o := newOdd(t, opts)
			o.reg.Inject("DELETE manifest", faults.Always, faults.Status(405))
			writeFile(t, o.dir+"/scan.sarif", `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Trivy"}}, "results": []}]}`)
			o.run(exit.Done, "attach -q $D/scan.sarif $R/app:1")
			dated := flags + "-a org.opencontainers.image.created=2026-01-01T00:00:00Z $D/scan.sarif $R/app:1"
			text := o.run(exit.Done, "attach "+dated)
			isKept := strings.Contains(text, "davit: warning: 1 referrer is still attached: the registry refuses deletion: DELETE ")
			if isKept == opts.NoReferrers {
				t.Errorf("no referrers API %t: got %s", opts.NoReferrers, text)
			}
			want := "2"
			if opts.NoReferrers {
				want = "1"
			}
			o.expect(want)
			if text := o.run(exit.Done, "attach "+dated); strings.Contains(text, "still attached") {
				t.Errorf("attached again: got %s", text)
			}
			o.expect(want)
		}
	}
}

// checkStillAttached checks the output about referrers that a registry does not delete: a line for each, and an error that begins
// with want and has one digest.
func checkStillAttached(t *testing.T, text, want string) {
	t.Helper()
	result, message, _ := strings.Cut(text, "davit: error: ")
	if !strings.HasPrefix(message, want) || strings.Count(message, "sha256:") != 1 {
		t.Errorf("got the error %q, want %q", message, want)
	}
	if !strings.Contains("\n"+result, "\nstill attached  sha256:") || strings.Contains(result, "replaced") || strings.Contains("\n"+result, "\ndetached") {
		t.Errorf("got the result %q, want only lines about referrers that are still attached", result)
	}
}

// TestDetachAgain detaches everything after a run that could not write the list or delete a manifest.
func TestDetachAgain(t *testing.T) {
	withHome(t)
	for _, op := range []string{"PUT manifest", "DELETE manifest"} {
		for _, fails := range []int{1, 2} {
			o := newOdd(t, withoutAPI)
			o.run(exit.Done, "attach -q --name one $D/one.spdx.json $R/app:1")
			o.run(exit.Done, "attach -q --name two $D/two.spdx.json $R/app:1")
			o.reg.Inject(op, faults.Nth(fails), faults.Status(500))
			o.run(exit.Network, "detach --all --retry-for=-1s $R/app:1")
			o.reg.Heal()
			o.runWith(exit.Done, "detach --all $R/app:1", "detached")
			o.expect("0")
			if _, _, list, ok := o.reg.Manifest("app", o.listTag()); ok && strings.Contains(string(list), "sha256:") {
				t.Errorf("%s %d: the list has entries: %s", op, fails, list)
			}
		}
	}
}

// TestNoReferrersAPI attaches in registries that respond to requests of the referrers API with something other than an index. A plain
// discover or detach fails where the request is denied.
func TestNoReferrersAPI(t *testing.T) {
	withHome(t)
	index := "application/vnd.oci.image.index.v1+json"
	for name, fault := range map[string]faults.Fault{
		"400": faults.Status(400), "404": faults.Status(404), "405": faults.Status(405), "501": faults.Status(501), "403": faults.Status(403), "401": faults.Status(401),
		"empty": faults.Answer(200, "", "Content-Type", index), "page": faults.Answer(200, "<html>", "Content-Type", "text/html"),
		"text": faults.Answer(200, "ok"), "object": faults.Answer(200, "{}"), "other": faults.Answer(200, `{"mediaType":"x","manifests":[]}`),
	} {
		t.Run(name, func(t *testing.T) {
			o := newOdd(t, withoutAPI)
			o.reg.Inject("GET referrers", faults.Always, fault)
			o.run(exit.Done, "attach -q --name list $D/one.spdx.json $R/app:1")
			o.expect("1")
			o.run(exit.Done, "attach -q --name list $D/one.spdx.json $D/two.spdx.json $R/app:1")
			o.expect("2")
		})
	}
	o := newOdd(t, withoutAPI)
	o.reg.Inject("GET referrers", faults.Always, faults.Status(403))
	o.run(exit.Denied, "discover $R/app:1")
	o.run(exit.Denied, "detach --all $R/app:1")
}

// TestPushOfCollectionDespiteDenials pushes a collection to a registry that denies requests for manifests that do not exist.
func TestPushOfCollectionDespiteDenials(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	for _, op := range []string{"HEAD", "GET manifest"} {
		o.reg.Inject(op, faults.Always, faults.Restatus(404, 403))
	}
	src := "../../examples/collection/src"
	if text := o.run(exit.Done, "push "+src+" $R/ns"); strings.Count(text, "pushed  ") != 3 {
		t.Errorf("got other than 3 pushed artifacts:\n%s", text)
	}
	if text := o.run(exit.Done, "push "+src+" $R/ns"); strings.Count(text, "exists  ") != 2 {
		t.Errorf("got other than 2 skipped artifacts:\n%s", text)
	}
}

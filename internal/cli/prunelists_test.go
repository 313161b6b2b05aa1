package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
)

// has reports whether the registry has the manifest of a reference, the output of attach -q.
func (o *odd) has(reference string) bool {
	_, digest, _ := strings.Cut(reference, "@")
	_, _, _, ok := o.reg.Manifest("app", digest)
	return ok
}

// hasList reports whether the manifest of a reference has a list in the referrers tag schema.
func (o *odd) hasList(reference string) bool {
	_, digest, _ := strings.Cut(reference, "@")
	_, _, _, ok := o.reg.Manifest("app", strings.Replace(digest, ":", "-", 1))
	return ok
}

// attachChain attaches an SBOM to app:1, the second to the first, and the third to the second.
func (o *odd) attachChain() (all []string) {
	o.t.Helper()
	subject := "$R/app:1"
	for _, name := range []string{"one", "two", "three"} {
		subject = o.run(exit.Done, "attach -q $D/"+name+".spdx.json "+subject)
		all = append(all, subject)
	}
	return all
}

// TestPruneOrphans prunes after another client has deleted an attachment with attachments of its own. In a registry without the referrers
// API, their list leads to them.
func TestPruneOrphans(t *testing.T) {
	withHome(t)
	lose := func(which ...int) func(*odd, []string) {
		return func(o *odd, chain []string) {
			for _, i := range which {
				o.remove(chain[i])
			}
		}
	}
	tagAndLose := func(which int) func(*odd, []string) {
		return func(o *odd, chain []string) {
			o.run(exit.Done, "tag "+chain[which]+" keep")
			o.remove(chain[0])
		}
	}
	untag := func(o *odd, _ []string) { o.run(exit.Done, "push -q --kind generic $D/one.spdx.json $R/app:1") }
	type kept = [3]bool
	for name, test := range map[string]struct {
		opts    registrytest.Options
		prepare func(o *odd, chain []string)
		want    kept // whether each of the chain stays
		lists   kept // whether the list of each stays
	}{
		"first deleted":         {withoutAPI, lose(0), kept{}, kept{}},
		"second deleted":        {withoutAPI, lose(1), kept{true, false, false}, kept{true, false, false}},
		"first and second":      {withoutAPI, lose(0, 1), kept{}, kept{}},
		"nothing deleted":       {withoutAPI, lose(), kept{true, true, true}, kept{true, true, false}},
		"third has a tag":       {withoutAPI, tagAndLose(2), kept{false, true, true}, kept{false, true, false}},
		"second has a tag":      {withoutAPI, tagAndLose(1), kept{false, true, true}, kept{false, true, false}},
		"artifact lost its tag": {withoutAPI, untag, kept{true, true, true}, kept{true, true, false}},
		"registry with the API": {registrytest.Options{}, lose(1), kept{true, false, true}, kept{}},
	} {
		o := newOdd(t, test.opts)
		chain := o.attachChain()
		test.prepare(o, chain)
		planned := o.run(exit.Done, "prune $R/app --dry-run --format json")
		done := o.run(exit.Done, "prune $R/app --yes --format json")
		if strings.Replace(planned, ",\n  \"dryRun\": true", "", 1) != done {
			t.Errorf("%s: a dry run says\n%s\nand prune\n%s", name, planned, done)
		}
		var got, lists kept
		for i, reference := range chain {
			got[i], lists[i] = o.has(reference), o.hasList(reference)
		}
		if got != test.want || lists != test.lists {
			t.Errorf("%s: attachments stay: %v, want %v; lists stay: %v, want %v\n%s", name, got, test.want, lists, test.lists, done)
		}
		if again := o.run(exit.Done, "prune $R/app"); !strings.Contains(again, "nothing to remove") {
			t.Errorf("%s: prune again: got %s", name, again)
		}
	}
}

// TestPruneOddLists prunes a repository with tags that look like those of lists.
func TestPruneOddLists(t *testing.T) {
	withHome(t)
	o := newOdd(t, withoutAPI)
	attached := o.run(exit.Done, "attach -q $D/one.spdx.json $R/app:1")
	_, mediaType, list, _ := o.reg.Manifest("app", o.listTag())
	foreign, other := "sha256-"+strings.Repeat("1", 64), "sha256-"+strings.Repeat("2", 64)
	o.put(foreign, mediaType, append(slices.Clip(list), ' ')) // the list of a missing manifest has an attachment of app:1
	o.run(exit.Done, fmt.Sprintf("push -q --kind generic $D/two.spdx.json $R/app:%s", other))
	o.run(exit.Done, "prune $R/app --yes")
	if _, _, _, ok := o.reg.Manifest("app", foreign); ok || !o.has(attached) {
		t.Errorf("list of a missing manifest stays: %t, attachment of another stays: %t, want only the attachment", ok, o.has(attached))
	}
	if _, _, _, ok := o.reg.Manifest("app", other); !ok {
		t.Error("an artifact was removed because its tag looks like that of a list")
	}
	o.expect("1")
}

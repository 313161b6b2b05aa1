package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
)

// countListWrites returns how often the list of the referrers of app:1 was written since the last call.
func (o *odd) countListWrites() (n int) {
	for _, r := range o.reg.Requests("PUT manifest") {
		if strings.Contains(r.Path, "/sha256-") {
			n++
		}
	}
	o.reg.ResetLog()
	return n
}

// TestListIsWrittenOnce copies and pushes many referrers to a registry without the referrers API, where the client keeps the list. A
// command must write the list once.
func TestListIsWrittenOnce(t *testing.T) {
	withHome(t)
	const many = 12
	o := newOdd(t, withoutAPI)
	o.run(exit.Done, "push -q --kind generic $D/app.txt $D/oci:1")
	var layers strings.Builder
	for i := range many {
		name := fmt.Sprintf("n%02d.spdx.json", i)
		writeFile(t, filepath.Join(o.dir, name), fmt.Sprintf(spdx, name))
		o.run(exit.Done, "attach -q $D/"+name+" $D/oci:1")
		fmt.Fprintf(&layers, "  - {kind: sbom, layers: [%s]}\n", name)
	}
	o.run(exit.Done, "copy -q --referrers $D/oci:1 $R/app:1")
	o.expect(fmt.Sprint(many))
	if n := o.countListWrites(); n != 1 {
		t.Errorf("a copy wrote the list %d times, want once", n)
	}
	o.run(exit.Done, "copy -q --referrers $D/oci:1 $R/app:1")
	if n := o.countListWrites(); n != 0 {
		t.Errorf("a copy that changed nothing wrote the list %d times, want 0", n)
	}
	o.putList(func(index map[string]any) { index["manifests"] = index["manifests"].([]any)[:many/2] })
	o.countListWrites()
	o.run(exit.Done, "copy -q --referrers $D/oci:1 $R/app:1")
	o.expect(fmt.Sprint(many))
	if n := o.countListWrites(); n != 1 {
		t.Errorf("a copy that repaired the list wrote it %d times, want once", n)
	}

	other := newOdd(t, withoutAPI)
	writeFile(t, filepath.Join(o.dir, "davit.yaml"), "kind: generic\nlayers: [app.txt]\nreferrers:\n"+layers.String())
	o.run(exit.Done, "push -q $D "+other.reg.Host+"/app:1")
	other.expect(fmt.Sprint(many))
	if n := other.countListWrites(); n != 1 {
		t.Errorf("a push wrote the list %d times, want once", n)
	}
}

// TestPruneNamesInternalTags prunes in a registry without the referrers API, which has tags that no user made.
func TestPruneNamesInternalTags(t *testing.T) {
	withHome(t)
	o := newOdd(t, withoutAPI)
	o.run(exit.Done, "push -q --kind generic $D/app.txt $R/app:1")
	writeFile(t, filepath.Join(o.dir, "one.spdx.json"), fmt.Sprintf(spdx, "one"))
	o.run(exit.Done, "attach -q $D/one.spdx.json $R/app:1")
	out := o.run(exit.Done, "prune $R/app --keep-last 0 --dry-run")
	for line := range strings.Lines(out) {
		if isInternal := strings.Contains(line, "  internal: list of attachments"); isInternal != strings.Contains(line, " sha256-") {
			t.Errorf("only the tag of the list is internal, got %q", line)
		}
	}
	if !strings.Contains(out, "  internal: ") || !strings.Contains(out, "  sbom ") || !strings.Contains(out, "  one  of sha256:") {
		t.Errorf("want the internal tag, and the kind, name, and subject of the attachment, got\n%s", out)
	}
}

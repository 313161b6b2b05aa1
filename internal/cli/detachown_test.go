package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// lists reports whether the index.json of the layout $D/oci has the manifest of a reference.
func (o *odd) lists(reference string) bool {
	o.t.Helper()
	data, err := os.ReadFile(filepath.Join(o.dir, "oci", "index.json"))
	if err != nil {
		o.t.Fatal(err)
	}
	_, digest, _ := strings.Cut(reference, "@")
	return strings.Contains(string(data), digest)
}

// TestDetachOwn detaches and replaces an SBOM that has a chain of attachments, and a signature beside it. They go with it, except what a
// tag needs.
func TestDetachOwn(t *testing.T) {
	withHome(t)
	t.Setenv("COSIGN_PASSWORD", "secret")
	places := []struct {
		name, subject string
		opts          registrytest.Options
	}{{"API", "$R/app:1", registrytest.Options{}}, {"tag schema", "$R/app:1", withoutAPI}, {"layout", "$D/oci:1", registrytest.Options{}}}
	for _, place := range places {
		for _, test := range []struct {
			name, command string
			tag           int // the attachment that gets a tag
			stay          []bool
		}{
			{"detach", "detach $S --kind sbom --format json", -1, []bool{false, false, false, false}},
			{"replace", "attach -q --replace $D/one.spdx.json $S", -1, []bool{false, false, false, false}},
			{"tagged second", "detach $S --kind sbom --format json", 1, []bool{false, true, true, false}},
			{"tagged third", "detach $S --all --format json", 2, []bool{false, true, true, false}},
			{"tagged signature", "attach -q --replace $D/one.spdx.json $S", 3, []bool{false, false, false, true}},
		} {
			o := newOdd(t, place.opts)
			in := strings.NewReplacer("$S", place.subject)
			o.run(exit.Done, "keygen -q "+filepath.Join(o.dir, "key"))
			o.run(exit.Done, "push -q --kind generic $D/app.txt $D/oci:1")
			var chain []string
			subject := in.Replace("$S")
			for _, name := range []string{"one", "two", "three"} {
				subject = o.run(exit.Done, "attach -q $D/"+name+".spdx.json "+subject)
				chain = append(chain, subject)
			}
			o.run(exit.Done, "sign -q "+chain[0]+" --key $D/key.key")
			found := o.run(exit.Done, "discover "+chain[0]+" --kind signature --format={{range.referrers}}{{.digest}}{{end}}")
			chain = append(chain, "@"+found)
			repository, _, _ := strings.Cut(chain[0], "@")
			if test.tag >= 0 {
				_, digest, _ := strings.Cut(chain[test.tag], "@")
				o.run(exit.Done, "tag "+repository+"@"+digest+" keep")
			}
			writeFile(t, filepath.Join(o.dir, "one.spdx.json"), strings.Replace(spdx, "%s", "one", 1)+" ")
			exists := o.has
			if place.name == "layout" {
				exists = o.lists
			}
			detaches := strings.HasPrefix(test.command, "detach")
			var planned string
			if detaches {
				planned = o.run(exit.Done, in.Replace(test.command)+" --dry-run")
				if !exists(chain[3]) {
					t.Errorf("%s, %s: a dry run removed the signature", place.name, test.name)
				}
			}
			done := o.run(exit.Done, in.Replace(test.command))
			if detaches && strings.Replace(planned, ",\n  \"dryRun\": true", "", 1) != done {
				t.Errorf("%s, %s: a dry run says\n%s\nand the command\n%s", place.name, test.name, planned, done)
			}
			var stay []bool
			for _, reference := range chain {
				stay = append(stay, exists(reference))
			}
			if !slices.Equal(stay, test.stay) {
				t.Errorf("%s, %s: stay: %v, want %v\n%s", place.name, test.name, stay, test.stay, done)
			}
			for i, reference := range chain {
				if _, digest, _ := strings.Cut(reference, "@"); detaches && i > 0 && strings.Contains(done, digest) == stay[i] {
					t.Errorf("%s, %s: attachment %d stays: %t, but the result is\n%s", place.name, test.name, i, stay[i], done)
				}
			}
			if test.tag < 0 && o.hasList(chain[0]) {
				t.Errorf("%s, %s: the list of the SBOM stays", place.name, test.name)
			}
		}
	}
}

// TestDetachOwnRefused detaches an SBOM that has an attachment from registries that refuse to delete. The attachment of the SBOM stays attached
// to it, although the tag schema no longer lists the SBOM.
func TestDetachOwnRefused(t *testing.T) {
	withHome(t)
	for name, test := range map[string]struct {
		opts registrytest.Options
		code exit.Code
	}{"API": {registrytest.Options{}, exit.Denied}, "tag schema": {withoutAPI, exit.Done}} {
		o := newOdd(t, test.opts)
		one := o.run(exit.Done, "attach -q $D/one.spdx.json $R/app:1")
		o.run(exit.Done, "attach -q $D/two.spdx.json "+one)
		o.reg.Inject("DELETE manifest", faults.Always, faults.Status(405))
		out := o.run(test.code, "detach --all $R/app:1")
		if n := o.countReferrers(one); n != "1" || strings.Contains(out, "\nremoved ") {
			t.Errorf("%s: the SBOM has %s attachments, want 1\n%s", name, n, out)
		}
	}
}

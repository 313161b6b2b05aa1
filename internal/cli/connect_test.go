package cli

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
)

// authorizations returns the users and passwords that a registry received, each once.
func authorizations(t *testing.T, reg *registrytest.Registry) []string {
	t.Helper()
	var all []string
	for _, r := range reg.Requests() {
		value := r.Header.Get("Authorization")
		if value == "" {
			continue
		}
		pair, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(value, "Basic "))
		if err != nil {
			t.Fatalf("Authorization: %s: %v", value, err)
		}
		all = append(all, string(pair))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestPasswordGoesToOneRegistry checks that a command that opens two registries never sends the credentials for one of them to the
// other.
func TestPasswordGoesToOneRegistry(t *testing.T) {
	dir := withHome(t)
	start := func(user, password string) *registrytest.Registry {
		return registrytest.Start(t, registrytest.Options{Auth: registrytest.Basic, Login: registrytest.Login{Username: user, Password: password}})
	}
	amys, bobs := start("amy", "apple"), start("bob", "berry")
	expand := strings.NewReplacer("$A", amys.Host, "$B", bobs.Host, "$D", dir).Replace
	writeFile(t, dir+"/note.txt", "note\n")
	writeFile(t, dir+"/img/root/etc/app.conf", "x=1\n")
	writeFile(t, dir+"/img/davit.yaml", expand("kind: image\nbase: $A/base/img:1\nlayers:\n  - path: root\n    packing: tar\n"))
	writeFile(t, dir+"/child/note.txt", "child\n")
	writeFile(t, dir+"/child/davit.yaml", expand("kind: generic\nsubject: $A/x:1\nlayers:\n  - path: note.txt\n"))
	writeFile(t, dir+"/stored/config.json", expand(`{"auths":{"$A":{"username":"amy","password":"apple"}}}`))

	const bobEnv, amyEnv = "DAVIT_USERNAME=bob DAVIT_PASSWORD=berry", "DAVIT_USERNAME=amy DAVIT_PASSWORD=apple"
	const fromAmy, toBob = "DAVIT_FROM_USERNAME=amy DAVIT_FROM_PASSWORD=apple", "DAVIT_TO_USERNAME=bob DAVIT_TO_PASSWORD=berry"
	const stored = "DOCKER_CONFIG=$D/stored"
	run := func(env, args, stdin string) (code exit.Code, stderr string) {
		t.Helper()
		for pair := range strings.FieldsSeq(expand(env)) {
			name, value, _ := strings.Cut(pair, "=")
			old, had := os.LookupEnv(name)
			t.Setenv(name, value)
			defer func() {
				if had {
					t.Setenv(name, old)
				} else if err := os.Unsetenv(name); err != nil {
					t.Error(err)
				}
			}()
		}
		var out, errs bytes.Buffer
		code = exit.Code(Run(t.Context(), strings.Fields(expand(args)), strings.NewReader(stdin), &out, &errs))
		return code, errs.String()
	}
	for _, args := range []string{
		"push --kind generic $D/note.txt $A/x:1", "push --kind generic $D/note.txt $A/y:1",
		"push --kind image $D/img/root $A/base/img:1",
	} {
		if code, stderr := run(amyEnv, args+" -q", ""); code != exit.Done {
			t.Fatalf("davit %s: %s", args, stderr)
		}
	}
	if code, stderr := run(bobEnv, "push --kind generic $D/note.txt $B/b:1 -q", ""); code != exit.Done {
		t.Fatal(stderr)
	}

	const amy, bob = "amy:apple", "bob:berry"
	for _, test := range []struct {
		env, args, stdin string
		code             exit.Code
		amys, bobs       string // the credentials that each registry receives
	}{
		// One pair of credentials for two registries is refused before any request.
		{bobEnv, "copy $A/x:1 $B/x:1", "", exit.BadUsage, "", ""},
		{"", "copy $A/x:1 $B/x:1 --username bob --password-stdin", "berry\n", exit.BadUsage, "", ""},
		{"DAVIT_PASSWORD=token", "copy $A/x:1 $B/x:1", "", exit.BadUsage, "", ""},
		{bobEnv, "diff $A/x:1 $B/b:1", "", exit.BadUsage, "", ""},
		{bobEnv, "index $B/i:1 linux/amd64=$A/x:1", "", exit.BadUsage, "", ""},
		{fromAmy, "index $D/i:1 linux/amd64=$A/x:1 linux/arm64=$B/b:1", "", exit.BadUsage, "", ""},
		{"", "copy $A/x:1 $B/x:1 --from-password-stdin --to-password-stdin", "apple\n", exit.BadUsage, "", ""},
		{bobEnv, "copy $A/x:1 $B/x:1 --from-username amy", "", exit.BadUsage, "", ""},
		// A pair of credentials for each registry.
		{fromAmy, "copy $A/x:1 $B/x:1 --to-username bob --to-password-stdin", "berry\n", exit.Done, amy, bob},
		{toBob, "copy $A/x:1 $B/x:2 --from-username amy --from-password-stdin", "apple\n", exit.Done, amy, bob},
		{fromAmy + " " + toBob, "diff $A/x:1 $B/b:1", "", exit.Done, amy, bob},
		{fromAmy + " " + toBob, "index $B/i:1 linux/amd64=$A/x:1", "", exit.Done, amy, bob},
		{bobEnv + " " + fromAmy, "copy $A/x:1 $B/x:3", "", exit.Done, amy, bob}, // bob's are for the target
		// A pair of credentials for one registry, and stored credentials or none for the other.
		{toBob + " " + stored, "copy $A/x:1 $B/x:4", "", exit.Done, amy, bob},
		{toBob, "copy $A/x:1 $B/x:5", "", exit.Denied, "", ""},
		// Only one registry.
		{amyEnv, "copy $A/x:1 $A/z:1", "", exit.Done, amy, ""},
		{amyEnv, "copy $A/x:1 $D/oci:1", "", exit.Done, amy, ""},
		{amyEnv, "diff $A/x:1 $A/y:1", "", exit.Done, amy, ""},
		{bobEnv, "verify $B/b:1", "", exit.Done, "", bob},
		{bobEnv, "attach --kind generic $D/note.txt $B/b:1", "", exit.Done, "", bob},
		// Credentials for the target are not sent to a registry that a declaration names, even if the target is a path.
		{bobEnv, "push $D/img $B/img:1", "", exit.Denied, "", bob},
		{bobEnv, "push --dry-run $D/img $B/img:1", "", exit.Denied, "", ""},
		{bobEnv, "push $D/img $D/oci:img", "", exit.Denied, "", ""},
		{bobEnv + " " + stored, "push $D/img $B/img:1", "", exit.Done, amy, bob},
		{amyEnv, "push $D/img $A/img:1", "", exit.Done, amy, ""},
		{bobEnv, "push $D/child $B/child", "", exit.BadUsage, "", ""},
	} {
		amys.ResetLog()
		bobs.ResetLog()
		code, stderr := run(test.env, test.args, test.stdin)
		gotA, gotB := strings.Join(authorizations(t, amys), " "), strings.Join(authorizations(t, bobs), " ")
		// A command may be denied before it reaches the second registry.
		if code != test.code || gotA != test.amys || gotB != test.bobs && (code != exit.Denied || gotB != "") {
			t.Errorf("%s davit %s: got exit code %d, sent %q and %q; want %d, %q and %q\n%s",
				test.env, test.args, code, gotA, gotB, test.code, test.amys, test.bobs, stderr)
		}
		if code == exit.BadUsage && len(amys.Requests())+len(bobs.Requests()) > 0 {
			t.Errorf("%s davit %s: got requests %q and %q, want none", test.env, test.args, ops(amys), ops(bobs))
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "i")); err == nil {
		t.Error("a refused index left a layout")
	}
	_, stderr := run(bobEnv, "copy $A/x:1 $B/x:1", "")
	want := "davit: error: --username and --password-stdin are for one registry, not for both " + amys.Host + " and " + bobs.Host +
		"\ndavit: hint: pass --from-username and --from-password-stdin, or --to-username and --to-password-stdin; or store the" +
		" credentials of each with \"davit login HOST\"\n"
	if stderr != want {
		t.Errorf("got %s, want %s", stderr, want)
	}
}

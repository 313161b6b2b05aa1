package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/registrytest"
	"github.com/davit-oci/davit/internal/registrytest/faults"
)

// TestBrokenOff checks that the hint says to run the same command again if the registry breaks off a transfer.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"pull": "hint: run the same command again: finished blobs are not fetched again, and those of 4 MiB or more continue where they stopped",
		"copy": "hint: run the same command again: finished blobs are not copied again, and those of 8 MiB or more can continue where they stopped",
	}
	for how, failure := range map[string]faults.Fault{"cut": faults.Close(5_000), "reset": faults.Drop()} {
		for _, command := range []string{"pull $R/big:1 -o $D/out", "copy $R/big:1 $D/oci", "copy $R/big:1 $D/a.tar"} {
			t.Run(how+" "+command, func(t *testing.T) {
				t.Parallel()
				o := newOdd(t, registrytest.Options{})
				writeFile(t, o.dir+"/big.bin", noise(100_000, 1))
				o.run(exit.Done, "push -q --kind generic $D/big.bin $R/big:1")
				o.reg.Inject("GET blob", faults.Always, failure)
				out := o.run(exit.Network, command+" --retry-for 1s")
				if name, _, _ := strings.Cut(command, " "); !strings.Contains(out, want[name]) {
					t.Errorf("no %q in\n%s", want[name], out)
				}
			})
		}
	}
}

// TestRegistryThatStops stops a registry in the middle of a transfer. The hint must be to run the command again, not the hint for an
// address where no registry listens.
func TestRegistryThatStops(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"pull $S/big:1 -o $D/out", "copy $S/big:1 $D/oci", "push --kind generic $D/other.bin $S/big:2", "verify $S/big:1", "cat $S/big:1 big.bin", "show $S/big:1 big.bin"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t, registrytest.Options{})
			writeFile(t, o.dir+"/big.bin", noise(100_000, 1))
			writeFile(t, o.dir+"/other.bin", noise(100_000, 2))
			o.run(exit.Done, "push -q --kind generic $D/big.bin $R/big:1")
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, "/blobs/") {
					_ = server.Listener.Close()
					panic(http.ErrAbortHandler)
				}
				o.reg.ServeHTTP(w, r)
			}))
			defer server.Close()
			out := o.run(exit.Network, strings.ReplaceAll(command, "$S", strings.TrimPrefix(server.URL, "http://"))+" --retry-for 2s")
			hint := "hint: run the same command again"
			switch name, _, _ := strings.Cut(command, " "); name {
			case "pull", "copy", "push":
				hint = " where they stopped"
			}
			if !strings.HasSuffix(out, hint) || strings.Contains(out, "no registry listens there") {
				t.Errorf("got\n%s\nwant the hint %q at the end", out, hint)
			}
		})
	}
	o := newOdd(t, registrytest.Options{})
	o.runWith(exit.Network, "pull 127.0.0.1:1/app:1 -o $D/out --retry-for -1s", "hint: no registry listens there")
}

// TestTypedSchemes checks the effect of a scheme before a reference: http:// never enables plain HTTP, and https:// in a login
// requires TLS even on loopback.
func TestTypedSchemes(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	t.Setenv("DAVIT_PASSWORD", "secret")
	login := "login --username me --registry-config $D/config.json "
	o.runWith(exit.Network, "resolve http://$R/app:1 --plain-http=false", "hint: if the registry speaks plain HTTP, add --plain-http: http:// in a reference does not enable it")
	if out := o.run(exit.Network, "resolve $R/app:1 --plain-http=false"); !strings.HasSuffix(out, "hint: if the registry speaks plain HTTP, add --plain-http") {
		t.Errorf("reference without a scheme: got\n%s\nwant the hint --plain-http at the end", out)
	}
	o.run(exit.Done, "resolve http://$R/app:1")
	o.runWith(exit.Network, login+"https://$R", "hint: if the registry speaks plain HTTP, add --plain-http, or leave out https://, which requires TLS even on localhost")
	for _, address := range []string{"$R", "http://$R", "HTTP://$R/", "docker://$R/v2/", "https://$R --plain-http"} {
		o.run(exit.Done, login+address)
	}
	if out := o.run(exit.BadUsage, login+"http://me:secret@$R"); strings.Contains(out, "secret") || !strings.Contains(out, "did you mean \""+o.reg.Host) {
		t.Errorf("password in an address: got\n%s\nwant a hint with the host alone", out)
	}
}

// TestArchiveThatCanNotBeWritten checks that the error names the archive and not the temporary file beside it.
func TestArchiveThatCanNotBeWritten(t *testing.T) {
	t.Parallel()
	o := newOdd(t, registrytest.Options{})
	name := "/" + strings.Repeat("a", 245) + ".tar" // the name of the temporary file would be too long
	out := o.run(exit.Local, "copy $R/app:1 $D"+name)
	if !strings.Contains(out, name+`": `) || strings.Contains(out, ".davit-") {
		t.Errorf("got\n%s\nwant an error that names %s", out, name)
	}
}

// TestTemporaryDirectory checks that an error about a temporary file names the directory and the variable, not the file.
func TestTemporaryDirectory(t *testing.T) {
	withHome(t)
	o := newOdd(t, registrytest.Options{})
	writeFile(t, o.dir+"/data/a.txt", "a")
	o.run(exit.Done, "push -q --kind generic $D/data/a.txt $R/app:1")
	for _, temporary := range []string{o.dir + "/missing", o.dir + "/data/a.txt"} {
		t.Setenv("TMPDIR", temporary)
		for _, command := range []string{"attach --file-name a.txt - $R/app:1", "push --kind volume $D/data $R/data:1", "pack --kind volume $D/data -o $D/oci:1"} {
			out := o.run(exit.Local, command)
			if !strings.Contains(out, "error: temporary directory "+temporary+": ") || !strings.Contains(out, "hint: set TMPDIR to a directory") || strings.Contains(out, "davit-") {
				t.Errorf("%s: got\n%s\nwant an error about the directory %s", command, out, temporary)
			}
		}
	}
}

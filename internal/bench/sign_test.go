package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkSign compares davit with cosign in signing a small artifact with an encrypted key, and in verifying its signature. Signing
// spends most of its time on deriving the key from the password, as the key's format prescribes.
func BenchmarkSign(b *testing.B) {
	r := newFixture(b, func(dir string) []string {
		createRandomFile(b, filepath.Join(dir, "note.txt"), 1<<10)
		return []string{"note.txt"}
	})
	program := r.clients[0].path
	tools := []signer{{"davit", program,
		func(ref string) []string { return []string{"sign", "--quiet", ref, "--key", "davit.key"} },
		func(ref string) []string { return []string{"verify", "--quiet", ref, "--key", "davit.pub"} }}}
	if path := find("cosign"); path != "" {
		tools = append(tools, signer{"cosign", path,
			func(ref string) []string {
				return []string{"sign", "--yes", "--key", "davit.key", "--use-signing-config=false", "--tlog-upload=false", "--allow-http-registry", ref}
			},
			func(ref string) []string {
				return []string{"verify", "--key", "davit.pub", "--insecure-ignore-tlog", "--allow-http-registry", ref}
			}})
	}
	proxy := (&tcpProxy{}).open(b, r.server.Host)
	b.Setenv("COSIGN_PASSWORD", "secret")
	run := func(args ...string) {
		if s := execute(b.Context(), b.TempDir(), r.dir, args); s.err != nil {
			b.Fatal(s.err)
		}
	}
	run(program, "keygen", "davit", "--quiet")
	names, signing, verifying := []string{}, make([][]sample, len(tools)), make([][]sample, len(tools))
	for i, tool := range tools {
		names = append(names, tool.name)
		for n := range settings.n {
			if err := os.WriteFile(filepath.Join(r.dir, "note.txt"), fmt.Appendf(nil, "%s %d\n", tool.name, n), 0o644); err != nil {
				b.Fatal(err)
			}
			ref := fmt.Sprintf("%s/signed/%s:v%d", proxy.host, tool.name, n)
			run(program, "push", "--quiet", "--kind", "generic", "note.txt", ref)
			signing[i] = append(signing[i], r.runTimed(b, proxy, append([]string{tool.path}, tool.sign(ref)...)))
			verifying[i] = append(verifying[i], r.runTimed(b, proxy, append([]string{tool.path}, tool.verify(ref)...)))
		}
	}
	shared.results.add("W17 sign", "≤ 1.3 × cosign, no more requests; deriving the key takes 0.15 s of it", names, signing)
	shared.results.add("W17 verify a signature", "≤ 0.5 × cosign, no more requests; davit also reads the content", names, verifying)
	report(b, names, verifying)
}

// signer is a program that signs and verifies.
type signer struct {
	name, path   string
	sign, verify func(ref string) []string
}

// runTimed runs a program once, and returns its time and traffic.
func (r *fixture) runTimed(b *testing.B, proxy *tcpProxy, args []string) sample {
	b.Helper()
	proxy.take()
	s := execute(b.Context(), b.TempDir(), r.dir, args)
	if s.err != nil {
		b.Fatal(s.err)
	}
	s.traffic = proxy.take()
	return s
}

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkFile measures one file of 2 GiB.
func BenchmarkFile(b *testing.B) {
	r := newFixture(b, func(dir string) []string {
		createRandomFile(b, filepath.Join(dir, "model.bin"), scaled(2<<30))
		return []string{"model.bin"}
	})
	b.Run("W01", func(b *testing.B) { r.measure(b, workload{name: "W1 push 2 GiB", note: "≤ 0.75 × oras"}) })
	b.Run("W02", func(b *testing.B) {
		r.measure(b, workload{name: "W2 pull 2 GiB", pull: true, note: "≤ 0.80 × oras, ≤ 1.3 × (cpu + registry) / cores"})
	})
	b.Run("W07", func(b *testing.B) {
		r.measure(b, workload{name: "W7 push 2 GiB again", again: true, peerRuns: 1, note: "≤ 0.1 s, one HEAD"})
	})
	b.Run("W09", func(b *testing.B) {
		r.measure(b, workload{name: "W9 pull 2 GiB again", again: true, pull: true, peerRuns: 1, note: "≤ 0.1 s, 1 or 2 requests"})
	})
}

// BenchmarkFiles measures 64 files of 16 MiB.
func BenchmarkFiles(b *testing.B) {
	r := newFixture(b, func(dir string) []string {
		var paths []string
		for i := range 64 {
			paths = append(paths, fmt.Sprintf("part-%02d.bin", i))
			createRandomFile(b, filepath.Join(dir, paths[i]), scaled(16<<20))
		}
		return paths
	})
	b.Run("W03", func(b *testing.B) { r.measure(b, workload{name: "W3 push 64 × 16 MiB", note: "≤ 0.80 × oras"}) })
	b.Run("W04", func(b *testing.B) {
		r.measure(b, workload{name: "W4 pull 64 × 16 MiB", pull: true, note: "≤ 0.80 × oras"})
	})
	b.Run("W07", func(b *testing.B) {
		r.measure(b, workload{name: "W7 push 64 again", again: true, peerRuns: 1, note: "≤ 0.1 s, one HEAD"})
	})
	b.Run("W08", func(b *testing.B) {
		r.measure(b, workload{name: "W8 push 64, one changed", again: true, peerRuns: 1, note: "≤ 0.15 s, one file",
			change: func(t *turn) { overwrite(b, filepath.Join(t.dir, t.paths[7])) }})
	})
	b.Run("W09", func(b *testing.B) {
		r.measure(b, workload{name: "W9 pull 64 again", again: true, pull: true, peerRuns: 1, note: "≤ 0.1 s, 1 or 2 requests"})
	})
}

// overwrite replaces the content of a file with other bytes of the same length.
func overwrite(b *testing.B, path string) {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, info.Size())
	_, _ = newRandom(fmt.Sprint(path, info.ModTime())).Read(data)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFolder measures a directory of 20,000 small files, 206 MB.
func BenchmarkFolder(b *testing.B) {
	r := newFixture(b, func(dir string) []string {
		createTextTree(b, filepath.Join(dir, "tree"), int(scaled(20_000)), 10_300)
		return []string{"tree"}
	})
	b.Run("W05", func(b *testing.B) { r.measure(b, workload{name: "W5 push 20,000 files", note: "≤ 0.20 × oras"}) })
	b.Run("W06", func(b *testing.B) {
		r.measure(b, workload{name: "W6 pull 20,000 files", pull: true, note: "≤ 0.33 × oras"})
	})
	b.Run("W07", func(b *testing.B) {
		r.measure(b, workload{name: "W7 push 20,000 again", again: true, peerRuns: 1, note: "≤ 0.3 s, one HEAD"})
	})
	b.Run("W09", func(b *testing.B) {
		r.measure(b, workload{name: "W9 pull 20,000 again", again: true, pull: true, peerRuns: 1, note: "≤ 0.1 s, 1 or 2 requests"})
	})
	split := *r
	split.clients = []client{withSplit(r.clients[0])}
	split.clients = append(split.clients, r.clients[1:]...)
	b.Run("W05split", func(b *testing.B) {
		split.measure(b, workload{name: "W5 push 20,000 files, split", note: "≤ 0.20 × oras", peerRuns: 1})
	})
	b.Run("W06split", func(b *testing.B) {
		split.measure(b, workload{name: "W6 pull 20,000 files, split", pull: true, note: "≤ 0.33 × oras", peerRuns: 1})
	})
	b.Run("W08", func(b *testing.B) {
		split.measure(b, workload{name: "W8 push 20,000, one changed, split", again: true, peerRuns: 1, note: "≤ 0.5 s, 3 % of the bytes",
			change: func(t *turn) { overwrite(b, filepath.Join(t.dir, "tree", "dir0000", "file000042.txt")) }})
	})
}

// withSplit returns a davit client that splits directories into several layers.
func withSplit(c client) client {
	push := c.push
	c.push = func(ref string, paths []string) []string { return append(push(ref, paths), "--split") }
	return c
}

// BenchmarkStart measures "davit version", which spends most of its time on starting the process.
func BenchmarkStart(b *testing.B) {
	r := newFixture(b, func(string) []string { return []string{"."} })
	r.clients = append(r.clients[:1], peers()...)
	note := "≤ 12 ms, ≤ 20 MB"
	if info, err := os.Stat(r.clients[0].path); err == nil {
		note += fmt.Sprintf("; the binary is %.1f MB", float64(info.Size())/1e6)
	}
	names, samples := []string{}, make([][]sample, len(r.clients))
	for _, c := range r.clients {
		names = append(names, c.name)
	}
	home := b.TempDir()
	for range 5 * settings.n {
		for i, c := range r.clients {
			samples[i] = append(samples[i], execute(b.Context(), home, home, []string{c.path, "version"}))
		}
	}
	shared.results.add("W10 version", note, names, samples)
	report(b, names, samples)
}

// BenchmarkTiny measures a file of 1 KiB over a connection with a round-trip time of 40 ms.
func BenchmarkTiny(b *testing.B) {
	r := newFixture(b, func(dir string) []string {
		createRandomFile(b, filepath.Join(dir, "note.txt"), 1<<10)
		return []string{"note.txt"}
	})
	proxy := &tcpProxy{delay: 40 * time.Millisecond}
	b.Run("W11", func(b *testing.B) {
		r.measure(b, workload{name: "W11 pull 1 KiB, 40 ms", pull: true, proxy: proxy, note: "2 requests, 1 connection"})
	})
	b.Run("W11push", func(b *testing.B) { r.measure(b, workload{name: "W11 push 1 KiB, 40 ms", proxy: proxy}) })
}

// BenchmarkDistantRegistry measures a pull from a distant registry that limits the bandwidth of each connection.
func BenchmarkDistantRegistry(b *testing.B) {
	r := newFixture(b, func(dir string) []string {
		createRandomFile(b, filepath.Join(dir, "model.bin"), scaled(512<<20))
		return []string{"model.bin"}
	})
	b.Run("W12", func(b *testing.B) {
		r.measure(b, workload{name: "W12 pull 512 MiB, 40 ms, 15 MiB/s", pull: true, note: "≤ 0.17 × oras", peerRuns: 1,
			proxy: &tcpProxy{delay: 40 * time.Millisecond, rate: 15 << 20}})
	})
}

// BenchmarkResets measures transfers whose connections are reset.
func BenchmarkResets(b *testing.B) {
	size := scaled(512 << 20)
	r := newFixture(b, func(dir string) []string {
		createRandomFile(b, filepath.Join(dir, "model.bin"), size)
		return []string{"model.bin"}
	})
	for _, cuts := range []int{1, 3, 10} {
		for _, pull := range []bool{true, false} {
			name := "push"
			proxy := &tcpProxy{}
			if pull {
				name = "pull"
			}
			b.Run(fmt.Sprintf("W13%s%d", name, cuts), func(b *testing.B) {
				r.measure(b, workload{name: fmt.Sprintf("W13 %s 512 MiB, %d resets", name, cuts), pull: pull, proxy: proxy, peerRuns: 1,
					note: "≤ 1.02 × the bytes", change: func(*turn) { proxy.cutAt(pull, size, cuts) }})
			})
		}
	}
}

// cutAt makes the proxy reset a number of connections, at equal intervals of a transfer of size bytes.
func (proxy *tcpProxy) cutAt(down bool, size int64, cuts int) {
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	proxy.cutUp, proxy.cutDown = nil, nil
	for i := range cuts {
		at := size * int64(i+1) / int64(cuts+1)
		if down {
			proxy.cutDown = append(proxy.cutDown, at)
		} else {
			proxy.cutUp = append(proxy.cutUp, at)
		}
	}
}

// BenchmarkKills kills davit at a random moment of a transfer, and measures the next run.
func BenchmarkKills(b *testing.B) {
	size := scaled(512 << 20)
	r := newFixture(b, func(dir string) []string {
		createRandomFile(b, filepath.Join(dir, "model.bin"), size)
		return []string{"model.bin"}
	})
	r.clients = r.clients[:1]
	b.Run("W13pull", func(b *testing.B) { r.measureKills(b, "W13 pull 512 MiB, killed, again", true, size) })
	b.Run("W13push", func(b *testing.B) { r.measureKills(b, "W13 push 512 MiB, killed, again", false, size) })
}

// measureKills kills davit when a random part of the bytes has passed, and measures how many of them the next run transfers again.
func (r *fixture) measureKills(b *testing.B, name string, pull bool, size int64) {
	proxy := (&tcpProxy{rate: 100e6}).open(b, r.server.Host)
	t := &turn{fixture: r, client: r.clients[0], b: b, host: proxy.host}
	moments := rand.New(newRandom("moments"))
	samples, worst, total := []sample{}, 0.0, 0.0
	for range 2 * settings.n {
		s, share := t.killOnce(proxy, pull, size, int64(float64(size)*(0.05+0.9*moments.Float64())))
		samples, worst, total = append(samples, s), max(worst, share), total+share
	}
	mean := total / float64(len(samples))
	shared.results.add(name, fmt.Sprintf("< 10 %% of what had passed is sent again: %.1f %%, at worst %.1f %%", 100*mean, 100*worst),
		[]string{"davit"}, [][]sample{samples})
	report(b, []string{"davit"}, [][]sample{samples})
}

// killOnce kills davit when at bytes have passed, and runs it again to the end. It returns the sample of the second run, and the share
// of the passed bytes that were transferred again.
func (t *turn) killOnce(proxy *tcpProxy, pull bool, size, at int64) (s sample, share float64) {
	t.b.Helper()
	passed := func(tr traffic) int64 {
		if pull {
			return tr.received
		}
		return tr.sent
	}
	t.prepare(workload{pull: pull})
	ctx, kill := context.WithCancel(t.b.Context())
	defer kill()
	proxy.take()
	proxy.watch(func(tr traffic) {
		if passed(tr) >= at {
			kill()
		}
	})
	s = execute(ctx, t.home, t.dir, t.command(pull))
	proxy.watch(nil)
	before := proxy.take()
	if s.err == nil {
		t.b.Fatalf("davit was not killed: %d bytes passed", passed(before))
	}
	s = execute(t.b.Context(), t.home, t.dir, t.command(pull))
	s.traffic = proxy.take()
	if s.err != nil {
		t.b.Fatal(s.err)
	}
	if pull {
		checkPulled(t.b, t.dir, t.out, t.paths)
	}
	_, _ = os.RemoveAll(t.out), os.RemoveAll(t.home)
	return s, max(0, float64(passed(before)+passed(s.traffic)-size)/float64(passed(before)))
}

package bench

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// BenchmarkTogether measures eight pulls of one artifact that run at once on one machine.
func BenchmarkTogether(b *testing.B) {
	const processes = 8
	r := newFixture(b, func(dir string) []string {
		var paths []string
		for i := range 8 {
			paths = append(paths, fmt.Sprintf("part-%d.bin", i))
			createRandomFile(b, filepath.Join(dir, paths[i]), scaled(32<<20))
		}
		return paths
	})
	b.Run("W18", func(b *testing.B) {
		proxy := (&tcpProxy{}).open(b, r.server.Host)
		names, samples := []string{}, make([][]sample, len(r.clients))
		for i, c := range r.clients {
			names = append(names, c.name)
			t := &turn{fixture: r, client: c, b: b, host: proxy.host}
			for range settings.n {
				samples[i] = append(samples[i], t.pullTogether(processes, proxy))
			}
		}
		shared.results.add("W18 eight pulls of 256 MiB at once", "≤ 1.2 × the bytes of one", names, samples)
		report(b, names, samples)
	})
}

// pullTogether runs several pulls of one user at once, each into a directory of its own.
func (t *turn) pullTogether(processes int, proxy *tcpProxy) (all sample) {
	t.b.Helper()
	t.prepare(workload{pull: true})
	var outs []string
	for range processes {
		outs = append(outs, t.newDir("out"))
	}
	proxy.take()
	start := time.Now()
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, out := range outs {
		args := append([]string{t.path}, t.pull(t.host+"/"+t.repo+":v1", out)...)
		running.Go(func() {
			s := execute(t.b.Context(), t.home, t.dir, args)
			mu.Lock()
			defer mu.Unlock()
			all.cpu, all.peak = all.cpu+s.cpu, max(all.peak, s.peak)
			if s.err != nil {
				all.err = s.err
			}
		})
	}
	running.Wait()
	all.wall, all.traffic = time.Since(start), proxy.take()
	for _, out := range outs {
		if all.err == nil && t.path == shared.davit {
			checkPulled(t.b, t.dir, out, t.paths)
		}
	}
	return all
}

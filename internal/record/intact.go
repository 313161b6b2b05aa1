package record

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// IsIntact reports whether the files of a record have not changed in dst since they were placed. The function layer selects their layers;
// files with the layer -1, which the artifact no longer has, are never intact. It uses all cores: for many files, system calls take most
// of the time of a pull that has nothing to do.
func (r *Record) IsIntact(dst *os.Root, layer func(int) bool) bool {
	const share = 512 // files that justify a goroutine
	n := r.Files.Len()
	parts := max(1, min(runtime.GOMAXPROCS(0), n/share))
	var group sync.WaitGroup
	var changed atomic.Bool
	for i := range parts {
		group.Go(func() {
			statter := NewStatter(dst, ".")
			defer statter.Close()
			for i, to := n*i/parts, n*(i+1)/parts; i < to && !changed.Load(); i++ {
				f := r.Files.At(i)
				if !layer(f.Layer) {
					continue
				}
				info, err := statter.Lstat(f.Path)
				if f.Layer < 0 || err != nil || !r.IsUnchanged(dst, f, info) {
					changed.Store(true)
				}
			}
		})
	}
	group.Wait()
	return !changed.Load()
}

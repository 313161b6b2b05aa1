package write

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/davit-oci/davit/internal/archive"
)

// makeEntries returns entries of files with exponentially distributed sizes, fifty to a directory.
func makeEntries(r *rand.Rand, files int, mean float64) []Entry {
	var entries []Entry
	for i := range files {
		if i%50 == 0 {
			entries = append(entries, Entry{Name: fmt.Sprintf("d%04d", i/50), Mode: fs.ModeDir | 0o755})
		}
		entries = append(entries, Entry{
			Name: fmt.Sprintf("d%04d/f%06d", i/50, i*10), Size: int64(r.ExpFloat64() * mean), Mode: 0o644,
		})
	}
	return entries
}

// weights returns the size of each group, by a hash of the names, sizes, and times of its files.
func weights(groups [][]Entry) map[uint64]int64 {
	found := make(map[uint64]int64)
	for _, group := range groups {
		var sum uint64
		var size int64
		for i := range group {
			e := &group[i]
			sum = sum*31 + priority(e.Name) + uint64(e.Size) + uint64(e.ModTime)
			size += weight(e)
		}
		found[sum] = size
	}
	return found
}

// sent returns the number of groups that are not in before, and their total size.
func sent(before map[uint64]int64, after [][]Entry) (n int, size int64) {
	for group, weight := range weights(after) {
		if _, ok := before[group]; !ok {
			n++
			size += weight
		}
	}
	return n, size
}

// change changes, adds, or removes one file.
func change(r *rand.Rand, entries []Entry) []Entry {
	entries = slices.Clone(entries)
	at := r.IntN(len(entries))
	for entries[at].Mode.IsDir() {
		at = r.IntN(len(entries))
	}
	switch r.IntN(3) {
	case 0:
		entries[at].Size += r.Int64N(1000) - entries[at].Size/2
	case 1:
		return slices.Delete(entries, at, at+1)
	case 2:
		added := Entry{Name: entries[at].Name + "-new", Size: r.Int64N(60_000), Mode: 0o644}
		return slices.Insert(entries, at+1, added)
	}
	return entries
}

// move renames one file.
func move(r *rand.Rand, entries []Entry) []Entry {
	at := r.IntN(len(entries))
	for entries[at].Mode.IsDir() {
		at = r.IntN(len(entries))
	}
	moved := entries[at]
	moved.Name = entries[r.IntN(len(entries))].Name + "-moved"
	entries = append(slices.Delete(slices.Clone(entries), at, at+1), moved)
	slices.SortFunc(entries, func(a, b Entry) int { return archive.CompareNames(a.Name, b.Name) })
	return entries
}

// TestSplitIsStable checks that the groups that change with one file have at most 3% of the bytes of the tree, and at most 4% if
// the file was renamed.
func TestSplitIsStable(t *testing.T) {
	t.Parallel()
	for _, shape := range []struct {
		files int
		total float64
	}{{20_000, 1 << 30}, {5_000, 100e6}, {3_000, 300e6}, {10_000, 75e6}, {8_000, 559e6}} {
		t.Run(fmt.Sprintf("%d files of %.0f MB", shape.files, shape.total/1e6), func(t *testing.T) {
			t.Parallel()
			checkSmallChanges(t, shape.files, shape.total)
		})
	}
}

func checkSmallChanges(t *testing.T, files int, size float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	entries := makeEntries(r, files, size/float64(files)-600)
	var total int64
	for _, e := range entries {
		total += weight(&e)
	}
	before := Tree{}.Split(entries)
	if len(before) < 64 || len(before) > 125 {
		t.Errorf("got %d groups, want 64 to 125", len(before))
	}
	const changes = 60
	old := weights(before)
	several := 0
	var worst int64
	for range changes {
		n, size := sent(old, Tree{}.Split(change(r, entries)))
		worst = max(worst, size)
		if n > 2 {
			t.Errorf("one change creates %d new groups, want at most 2", n)
		}
		if n > 1 {
			several++
		}
	}
	var worstMove int64
	for range changes {
		_, size := sent(old, Tree{}.Split(move(r, entries)))
		worstMove = max(worstMove, size)
	}
	t.Logf("%d groups of at most %d bytes; the worst change sends %.2f%%, the worst rename %.2f%%; %d of %d changes touch two groups",
		len(before), largestGroup(entries), 100*float64(worst)/float64(total), 100*float64(worstMove)/float64(total), several, changes)
	if worst*100 > 3*total || worstMove*100 > 4*total {
		t.Errorf("the worst change sends %.2f%%, the worst rename %.2f%%, want at most 3%% and 4%%",
			100*float64(worst)/float64(total), 100*float64(worstMove)/float64(total))
	}
	if several > changes/20 {
		t.Errorf("%d of %d changes touch two groups, want at most %d", several, changes, changes/20)
	}
}

// TestSplitKeepsAll splits small, large, and uneven trees. It checks that every entry occurs once, in order, and that the number
// and size of the groups is limited.
func TestSplitKeepsAll(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for _, shape := range []struct {
		files int
		mean  float64
	}{{0, 0}, {1, 5}, {3, 1e9}, {1000, 100}, {1000, 1e7}, {200, 5e9}, {30_000, 0}, {50_000, 1e5}} {
		entries := makeEntries(r, shape.files, shape.mean)
		groups := Tree{}.Split(entries)
		if got := slices.Concat(groups...); !slices.Equal(got, entries) {
			t.Errorf("%v: entries were lost or moved", shape)
		}
		if len(groups) > 125 {
			t.Errorf("%v: got %d groups, want at most 125", shape, len(groups))
		}
		largest := largestGroup(entries)
		for _, group := range groups {
			var size int64
			for _, e := range group {
				size += weight(&e)
			}
			if size > largest && len(group) > 1 {
				t.Errorf("%v: got a group of %d bytes, want at most %d", shape, size, largest)
			}
		}
	}
}

// TestSplitOfManySizes checks the number of groups for trees from 70 MB to 8 GB.
func TestSplitOfManySizes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 9))
	for total := 70e6; total < 8e9; total *= 1.19 {
		n := len(Tree{}.Split(makeEntries(r, 20_000, total/20_000)))
		if n < 50 || n > 125 {
			t.Errorf("%.0f MB: got %d groups, want 50 to 125", total/1e6, n)
		}
	}
}

// TestSplitOfLargeTrees checks that the limit on a group of a large tree is the same as in earlier versions, which had a limit of
// at least 8 MiB.
func TestSplitOfLargeTrees(t *testing.T) {
	t.Parallel()
	for total, want := range map[int64]int64{613e6: 8 << 20, 1 << 30: 15424450, 8e9: 114115983} {
		if got := largestGroup([]Entry{{Name: "a", Size: total}}); got != want {
			t.Errorf("%d bytes: got a limit of %d, want %d", total, got, want)
		}
	}
	if got := largestGroup([]Entry{{Name: "a", Size: 562<<20 - 4096}}); got != 8<<20 {
		t.Errorf("got a limit of %d, want 8 MiB", got)
	}
}

// TestSplitSmall checks that a small tree is not split.
func TestSplitSmall(t *testing.T) {
	t.Parallel()
	entries := makeEntries(rand.New(rand.NewPCG(1, 2)), 20, 1000)
	for _, preserve := range []bool{false, true} {
		if groups := (Tree{Preserve: preserve}).Split(slices.Clone(entries)); len(groups) != 1 || !slices.Equal(groups[0], entries) {
			t.Errorf("preserve %v: got %d groups, want one", preserve, len(groups))
		}
	}
}

// TestSplitWithPreserve checks that hard links are in the group of their file, and directories in the last group.
func TestSplitWithPreserve(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	tree := Tree{Preserve: true}
	entries := makeEntries(r, 5000, 100_000)
	for i := range 20 {
		entries = append(entries, Entry{Name: fmt.Sprintf("z/link%d", i), Mode: 0o644, Link: entries[i*255+7].Name})
	}
	groups := tree.Split(slices.Clone(entries))
	for i, group := range groups {
		files := map[string]bool{}
		for _, e := range group {
			if e.Mode.IsDir() != (i == len(groups)-1) {
				t.Errorf("%q is in group %d of %d, want only directories in the last group", e.Name, i, len(groups))
			}
			files[e.Name] = true
			if e.IsHardLink() && !files[e.Link] {
				t.Errorf("%q is not in the group of %q", e.Name, e.Link)
			}
		}
	}
	if n := len(slices.Concat(groups...)); n != len(entries) {
		t.Errorf("got %d entries, want %d", n, len(entries))
	}
	// A new file changes the time of its directory.
	more := slices.Clone(entries)
	more[0].ModTime = 5
	more = slices.Insert(more, 3, Entry{Name: more[2].Name + "-new", Mode: 0o644, Size: 100})
	if n, _ := sent(weights(groups), tree.Split(more)); n != 2 {
		t.Errorf("a new file creates %d new groups, want 2: its own and the group of directories", n)
	}
}

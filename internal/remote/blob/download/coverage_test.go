package download

import (
	"os"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
)

// emptyCoverage returns the coverage of a blob without any fetched bytes, and its journal.
func emptyCoverage(t *testing.T, size int64, report func(done, ready int64)) (*coverage, *journalFile) {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	j := &journalFile{root: root, name: "blob" + StateSuffix, digest: digest.FromString("blob")}
	t.Cleanup(func() {
		j.close()
		_ = root.Close()
	})
	if report == nil {
		report = func(int64, int64) {}
	}
	return newCoverage(size, new(atomic.Int64), report, j), j
}

// always returns a function that makes claim reserve n bytes.
func always(n int64) func(int64) int64 { return func(int64) int64 { return n } }

func TestClaimAndRelease(t *testing.T) {
	t.Parallel()
	var done, ready int64
	c, _ := emptyCoverage(t, 100, func(d, r int64) { done, ready = d, r })
	first, _ := c.claim(false, always(40))
	second, _ := c.claim(false, always(40))
	third, _ := c.claim(false, always(40))
	if want := [3]span{{0, 40}, {40, 80}, {80, 100}}; [3]span{first, second, third} != want {
		t.Fatalf("got the parts %v %v %v, want %v", first, second, third, want)
	}
	if part, ok := c.claim(false, always(40)); ok {
		t.Errorf("got %v of a completely claimed blob, want no part", part)
	}
	if grown, complete := c.add(40, 60); grown != 20 || complete {
		t.Errorf("after adding 20 bytes: got %d new bytes, complete %v, want 20, false", grown, complete)
	}
	if done != 20 || ready != 0 {
		t.Errorf("got reports of %d bytes, %d from the start, want 20 and 0", done, ready)
	}
	c.release(second)
	if part, _ := c.claim(false, always(40)); part != (span{60, 80}) {
		t.Errorf("got %v of a part with 20 of 40 bytes, want the rest", part)
	}
	c.add(0, 40)
	if grown, _ := c.add(30, 50); grown != 0 || done != 60 || ready != 60 {
		t.Errorf("after adding known bytes: got %d new bytes, reports of %d and %d, want 0, 60, 60", grown, done, ready)
	}
	if grown, complete := c.add(60, 100); grown != 40 || !complete {
		t.Errorf("after adding the rest: got %d new bytes, complete %v, want 40, true", grown, complete)
	}
	if part, ok := c.claim(true, always(40)); ok {
		t.Errorf("got %v of a complete blob, want no part", part)
	}
}

func TestClaimAll(t *testing.T) {
	t.Parallel()
	c, _ := emptyCoverage(t, 100, nil)
	part, _ := c.claim(false, always(30))
	if !c.claimAll() || c.claimAll() {
		t.Error("claimAll: want true at the first call, and false at the second")
	}
	c.add(0, 10)
	c.release(part)
	if part, ok := c.claim(false, always(1000)); ok {
		t.Errorf("got %v, which another worker is reading, want no part", part)
	}
	c.release(span{0, 100})
	if part, ok := c.claim(false, always(1000)); !ok || part != (span{10, 100}) {
		t.Errorf("got %v, want all missing bytes", part)
	}
	if !c.claimAll() {
		t.Error("claimAll after release: got false, want true")
	}
}

// TestWaitForRelease checks that a waiting worker gets a part that another worker releases, and stops when the download ends.
func TestWaitForRelease(t *testing.T) {
	t.Parallel()
	c, _ := emptyCoverage(t, 100, nil)
	part, _ := c.claim(false, always(100))
	got := make(chan span)
	go func() {
		defer close(got)
		for {
			part, ok := c.claim(true, always(100))
			if !ok {
				return
			}
			got <- part
		}
	}()
	c.add(0, 25)
	c.release(part)
	if part := <-got; part != (span{25, 100}) {
		t.Errorf("got %v, want the rest of the released part", part)
	}
	c.end()
	if part, ok := <-got; ok {
		t.Errorf("got %v after the end, want no part", part)
	}
}

// TestJournal checks when a journal is written, and that it restores the same coverage.
func TestJournal(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	c, j := emptyCoverage(t, size, nil)
	c.add(0, leastLoss-1)
	if got := j.open(); got != nil {
		t.Fatalf("%d bytes: got the journal %+v, want none", leastLoss-1, got)
	}
	c.add(1<<20, 1<<20+1)
	got := j.open()
	if got == nil || got.Size != size || got.Digest != digest.FromString("blob") || got.Done.total() != leastLoss || len(got.Done) != 2 || got.State != nil {
		t.Fatalf("got the journal %+v, want %d bytes in two spans", got, leastLoss)
	}
	c.saveJournal(journal{Hashed: 7, State: []byte("state"), Boot: "boot"})
	if got = j.open(); got == nil || got.Hashed != 7 || string(got.State) != "state" || got.Boot != "boot" {
		t.Fatalf("got the journal %+v, want the saved hash state and boot", got)
	}
	restored, _ := emptyCoverage(t, size, nil)
	restored.restore(got.Done)
	if missing := restored.missing(); missing != size-leastLoss || restored.freshBytes() != 0 {
		t.Errorf("got %d missing bytes, %d fetched by this process, want %d and 0", missing, restored.freshBytes(), size-leastLoss)
	}
	if part, _ := restored.claim(false, always(size)); part != (span{leastLoss - 1, 1 << 20}) {
		t.Errorf("got %v, want the first gap", part)
	}
	j.remove()
	if got := j.open(); got != nil {
		t.Errorf("after remove: got the journal %+v, want none", got)
	}
}

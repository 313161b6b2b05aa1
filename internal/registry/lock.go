package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// workLock keeps processes with the same cache from doing the same work at once. It only saves work: nothing is wrong
// when it can't be had, because it lies on a disk that knows no locks, or because its holder takes too long.
type workLock struct{ file *os.File }

// lockWait is how long a holder is waited for.
const lockWait = 10 * time.Second

// openLock opens the file whose lock stands for name in dir; nil: there can't be one.
func openLock(dir, name string) *os.File {
	if dir == "" || os.MkdirAll(dir, 0o700) != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dir, keyOf(name)+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil
	}
	return f
}

// tryLock takes the lock that stands for name in dir, or returns nil when somebody has it or there can't be one.
func tryLock(dir, name string) *workLock {
	f := openLock(dir, name)
	if f == nil || !flock(f) {
		_ = f.Close()
		return nil
	}
	return &workLock{f}
}

// waitLock is tryLock with patience.
func waitLock(ctx context.Context, dir, name string) *workLock {
	return patientLock(ctx, openLock(dir, name))
}

// patientLock waits for the lock of an open file, and closes the file when it can't be had.
func patientLock(ctx context.Context, f *os.File) *workLock {
	if f == nil || !waitFlock(ctx, f, false) {
		_ = f.Close()
		return nil
	}
	return &workLock{f}
}

// flock takes the lock of an open file alone, at once or not at all.
func flock(f *os.File) bool {
	got, _ := tryFlock(f, false)
	return got
}

// waitFlock is tryFlock with patience.
func waitFlock(ctx context.Context, f *os.File, shared bool) bool {
	for start := time.Now(); time.Since(start) < lockWait; {
		got, busy := tryFlock(f, shared)
		if got || !busy {
			return got
		}
		if sleep(ctx, time.Millisecond+rand.N(4*time.Millisecond)) != nil {
			break
		}
	}
	return false
}

// release gives the lock back. The file stays: removing it would let two processes lock two files of one name.
func (l *workLock) release() {
	if l != nil {
		_ = l.file.Close()
	}
}

// keyOf is a file name for any string.
func keyOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

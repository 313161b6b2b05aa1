package filelock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/davit-oci/davit/internal/pause"
)

// Lock keeps processes with the same cache from doing the same work at once. It only saves work: nothing is wrong
// when it can't be had, because it lies on a disk that knows no locks, or because its holder takes too long.
type Lock struct{ file *os.File }

// lockWait is how long a holder is waited for.
const lockWait = 10 * time.Second

// openLock opens the file whose lock stands for name in dir; nil: there can't be one.
func openLock(dir, name string) *os.File {
	if dir == "" || os.MkdirAll(dir, 0o700) != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dir, Key(name)+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil
	}
	return f
}

// Try takes the lock that stands for name in dir, or returns nil when somebody has it or there can't be one.
func Try(dir, name string) *Lock {
	f := openLock(dir, name)
	if f == nil || !TryFile(f) {
		_ = f.Close()
		return nil
	}
	return &Lock{f}
}

// Wait is tryLock with patience.
func Wait(ctx context.Context, dir, name string) *Lock {
	return WaitFile(ctx, openLock(dir, name))
}

// WaitFile waits for the lock of an open file, and closes the file when it can't be had.
func WaitFile(ctx context.Context, f *os.File) *Lock {
	if f == nil || !WaitShared(ctx, f, false) {
		_ = f.Close()
		return nil
	}
	return &Lock{f}
}

// TryFile takes the lock of an open file alone, at once or not at all.
func TryFile(f *os.File) bool {
	got, _ := tryFlock(f, false)
	return got
}

// WaitShared is tryFlock with patience.
func WaitShared(ctx context.Context, f *os.File, shared bool) bool {
	for start := time.Now(); time.Since(start) < lockWait; {
		got, busy := tryFlock(f, shared)
		if got || !busy {
			return got
		}
		if pause.For(ctx, time.Millisecond+rand.N(4*time.Millisecond)) != nil {
			break
		}
	}
	return false
}

// Release gives the lock back. The file stays: removing it would let two processes lock two files of one name.
func (l *Lock) Release() {
	if l != nil {
		_ = l.file.Close()
	}
}

// Key is a file name for any string.
func Key(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

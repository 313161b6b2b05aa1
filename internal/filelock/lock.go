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

// Lock keeps processes with the same cache from doing the same work at once. It only saves work: nothing breaks if it
// can't be taken because the disk does not support locks, or because its holder takes too long.
type Lock struct{ file *os.File }

// lockWait limits the time to wait for the holder of a lock.
const lockWait = 10 * time.Second

// openLock opens the file in dir to lock for name. It returns nil if the file can't be opened.
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

// Try takes the lock for name in dir, or returns nil if another process has it or locks are not available.
func Try(dir, name string) *Lock {
	f := openLock(dir, name)
	if f == nil || !TryFile(f) {
		_ = f.Close()
		return nil
	}
	return &Lock{f}
}

// Wait is like Try, but waits up to lockWait for the holder to release the lock.
func Wait(ctx context.Context, dir, name string) *Lock {
	return WaitFile(ctx, openLock(dir, name))
}

// noLocksKey is the key of a context in which WaitFile gets no lock.
type noLocksKey struct{}

// Without returns a context in which Wait and WaitFile get no lock, as on a disk that does not support them. With it, tests
// check that nothing breaks there.
func Without(ctx context.Context) context.Context { return context.WithValue(ctx, noLocksKey{}, true) }

// WaitFile waits up to lockWait for the exclusive lock of an open file. If it can't get the lock, it closes the file and returns
// nil.
func WaitFile(ctx context.Context, f *os.File) *Lock {
	if f == nil || ctx.Value(noLocksKey{}) != nil || !waitFlock(ctx, f, false) {
		_ = f.Close()
		return nil
	}
	return &Lock{f}
}

// TryFile takes the exclusive lock of an open file without waiting, and reports whether it did.
func TryFile(f *os.File) bool {
	got, _ := tryFlock(f, false)
	return got
}

// WaitShared waits up to lockWait for a shared lock of an open file, and reports whether it took the lock.
func WaitShared(ctx context.Context, f *os.File) bool { return waitFlock(ctx, f, true) }

// waitFlock waits up to lockWait for the lock of an open file, shared or exclusive, and reports whether it took the lock.
func waitFlock(ctx context.Context, f *os.File, shared bool) bool {
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

// TryUpgrade turns the shared lock of an open file into the exclusive one, without waiting. If another process shares the
// lock, TryUpgrade returns false and the lock stays shared.
func TryUpgrade(f *os.File) bool {
	if TryFile(f) {
		return true
	}
	Downgrade(f) // the attempt may have lost the shared lock
	return false
}

// Downgrade turns the exclusive lock of an open file into a shared one, and reports whether it did.
func Downgrade(f *os.File) bool { return WaitShared(context.Background(), f) }

// Release releases the lock. The file stays: removing it would let two processes lock different files of the same name.
func (l *Lock) Release() {
	if l != nil {
		_ = l.file.Close()
	}
}

// Key returns a file name for any string.
func Key(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

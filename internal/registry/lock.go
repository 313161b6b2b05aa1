package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"
)

// workLock keeps processes with the same cache from doing the same work at once. It only saves work: nothing is wrong
// when it can't be had, because it lies on a disk that knows no locks, or because its holder takes too long.
type workLock struct{ file *os.File }

// lockWait is how long a holder is waited for.
const lockWait = 10 * time.Second

// tryLock takes the lock that stands for name in dir, or returns nil when somebody has it or there can't be one.
func tryLock(dir, name string) *workLock {
	if dir == "" || os.MkdirAll(dir, 0o700) != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dir, keyOf(name)+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil
	}
	if !flock(f) {
		_ = f.Close()
		return nil
	}
	return &workLock{f}
}

// waitLock is tryLock with patience.
func waitLock(ctx context.Context, dir, name string) *workLock {
	for start := time.Now(); dir != "" && time.Since(start) < lockWait; {
		if l := tryLock(dir, name); l != nil {
			return l
		}
		if sleep(ctx, 5*time.Millisecond) != nil {
			return nil
		}
	}
	return nil
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

package pull

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"sync"
)

// errRestarted: a blob was refused and fetched anew while it was being unpacked.
var errRestarted = errors.New("the layer was fetched a second time")

// arrival is a blob that is being fetched into a file, and can be read as far as it is there.
type arrival struct {
	mu    sync.Mutex
	moved sync.Cond
	ready int64 // bytes from the start of the file
	whole bool  // and verified
	tries int   // how often it began anew: what was ready before is not what is there now
	left  int   // uses of it that are to come
}

func newArrival() *arrival {
	a := &arrival{}
	a.moved.L = &a.mu
	return a
}

// report takes down how far the fetching is.
func (a *arrival) report(ready int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ready < a.ready {
		a.tries++
	}
	a.ready = ready
	a.moved.Broadcast()
}

// done says that all is there and verified.
func (a *arrival) done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.whole = true
	a.moved.Broadcast()
}

// wait returns when the blob is whole, or more than at bytes of it are ready: how many, and of which try.
func (a *arrival) wait(ctx context.Context, at int64) (ready int64, try int, err error) {
	stop := context.AfterFunc(ctx, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.moved.Broadcast()
	})
	defer stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		case a.whole:
			return math.MaxInt64, a.tries, nil
		case a.ready > at:
			return a.ready, a.tries, nil
		}
		a.moved.Wait()
	}
}

// verified waits for the end of the fetching.
func (a *arrival) verified(ctx context.Context) error {
	_, _, err := a.wait(ctx, math.MaxInt64)
	return err
}

// arriving reads a blob behind its fetching.
type arriving struct {
	ctx  context.Context
	from *arrival
	root *os.Root
	name string
	file *os.File
	at   int64
	try  int
}

// Read gives what is there, and waits if that is nothing. It is not verified yet.
func (r *arriving) Read(p []byte) (int, error) {
	ready, try, err := r.from.wait(r.ctx, r.at)
	if err != nil {
		return 0, err
	}
	if r.file == nil {
		r.try = try
		if r.file, err = r.root.Open(r.name); err != nil {
			return 0, err
		}
	}
	if try != r.try {
		return 0, errRestarted
	}
	n, err := r.file.ReadAt(p[:min(int64(len(p)), ready-r.at)], r.at)
	r.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// verified waits for the end of the fetching, and tells whether what was read was of the blob that came in the end.
func (r *arriving) verified() error {
	_, try, err := r.from.wait(r.ctx, math.MaxInt64)
	if err == nil && r.file != nil && try != r.try {
		err = errRestarted
	}
	return err
}

// Close closes the file.
func (r *arriving) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

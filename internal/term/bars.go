package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Transfer is the progress of the blobs of one run.
type Transfer struct {
	mu    sync.Mutex
	plain io.Writer // for lines instead of bars; nil for bars
	blobs map[string]*blobProgress
	order []*blobProgress
	start time.Time

	rate     float64 // bytes per second, smoothed
	lastAt   time.Time
	lastDone int64
}

// State is the last change of a blob.
type State int

// The states of a blob.
const (
	Started State = iota
	Moving        // Update.Done bytes so far
	Skipped       // it existed already
	Mounted       // it came from another repository of the same registry
	Done
)

// Update is a change of one blob.
type Update struct {
	ID    string // tells blobs apart
	Name  string // shown; escaped by Transfer
	Size  int64  // <= 0 if unknown
	Done  int64  // bytes, for Moving
	State State
}

// blobProgress is the progress of one blob.
type blobProgress struct {
	name  string
	size  int64 // -1 if unknown
	done  int64
	moved int64 // the part of done that was transferred in this run
	ended bool
	start time.Time
	next  time.Time // of the next plain line
}

// Update records and, in plain mode, prints a change.
func (t *Transfer) Update(u Update) {
	now := time.Now()
	b := t.record(u, now)
	if t.plain != nil {
		t.printPlain(b, u, now)
	}
}

func (t *Transfer) record(u Update, now time.Time) *blobProgress {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.blobs[u.ID]
	if b == nil {
		b = &blobProgress{name: Escape(u.Name), size: -1, start: now, next: now.Add(plainInterval)}
		t.blobs[u.ID] = b
		t.order = append(t.order, b)
	}
	if u.Size > 0 {
		b.size = u.Size
	}
	switch u.State {
	case Started:
		b.ended = false
	case Moving:
		b.moved += max(0, u.Done-b.done)
		b.done = u.Done
	case Skipped, Mounted:
		b.ended, b.done = true, max(b.size, 0)
	case Done:
		b.moved += max(0, b.size-b.done)
		b.ended, b.done = true, max(b.size, b.done)
	}
	return b
}

// plainInterval is the time between the plain lines of a long blob.
const plainInterval = 10 * time.Second

// printPlain prints a line at the end of a blob, and now and then for one that takes long.
func (t *Transfer) printPlain(b *blobProgress, u Update, now time.Time) {
	size := Size(b.size)
	switch u.State {
	case Skipped:
		fmt.Fprintf(t.plain, "skipped %s %s: exists\n", b.name, size)
	case Mounted:
		fmt.Fprintf(t.plain, "mounted %s %s\n", b.name, size)
	case Done:
		fmt.Fprintf(t.plain, "done %s %s\n", b.name, size)
	case Moving:
		if t.isPlainDue(b, now) {
			fmt.Fprintf(t.plain, "moving %s %s of %s\n", b.name, Size(u.Done), size)
		}
	}
}

func (t *Transfer) isPlainDue(b *blobProgress, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(b.next) {
		return false
	}
	b.next = now.Add(plainInterval)
	return true
}

// maxBars is the number of blobs shown at once: more than move at once by default would only flicker.
const maxBars = 8

// render returns a line for each moving blob, and one for the sum of all.
func (t *Transfer) render(now time.Time, width, height int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	var done, moved, size int64
	ended, sizeKnown := 0, true
	for _, b := range t.order {
		done, moved = done+b.done, moved+b.moved
		size += max(b.size, b.done)
		sizeKnown = sizeKnown && (b.size >= 0 || b.ended)
		if b.ended {
			ended++
		} else if len(lines) < min(maxBars, height-2) {
			lines = append(lines, b.line(now, width))
		}
	}
	if len(t.order) == 0 {
		return nil
	}
	t.measure(now, moved)
	if !sizeKnown {
		size = -1
	}
	sum := barLine{name: fmt.Sprintf("%d of %s", ended, Plural(len(t.order), "blob")), done: done, size: size, rate: t.rate}
	return append(lines, sum.String(width))
}

// measure updates the rate, smoothed over about three seconds.
func (t *Transfer) measure(now time.Time, moved int64) {
	if t.lastAt.IsZero() {
		t.lastAt = t.start
	}
	elapsed := now.Sub(t.lastAt).Seconds()
	if elapsed <= 0 {
		return
	}
	current := float64(moved-t.lastDone) / elapsed
	weight := min(1, elapsed/min(3, now.Sub(t.start).Seconds())) // at first, the mean since the start
	t.rate += (current - t.rate) * weight
	t.lastAt, t.lastDone = now, moved
}

func (b *blobProgress) line(now time.Time, width int) string {
	rate := 0.0
	if elapsed := now.Sub(b.start).Seconds(); elapsed > 0 {
		rate = float64(b.moved) / elapsed
	}
	return barLine{name: b.name, done: b.done, size: b.size, rate: rate}.String(width)
}

// barLine is one line: name, bar, percentage, sizes, rate, time left.
type barLine struct {
	name       string
	done, size int64 // size is -1 if unknown
	rate       float64
}

// String fits the line into width columns. The bar gets what the figures leave, and is the first to go.
func (l barLine) String(width int) string {
	figures := fmt.Sprintf("%9s", Size(l.done))
	percent, eta := "    ", "     "
	if l.size > 0 {
		percent = fmt.Sprintf("%3d%%", min(100, l.done*100/l.size))
		figures += fmt.Sprintf(" / %-9s", Size(l.size))
		if l.rate > 0 {
			eta = fmt.Sprintf("%5s", shortDuration(float64(l.size-l.done)/l.rate))
		}
	}
	figures = fmt.Sprintf("%s %s %10s %s", percent, figures, Size(int64(l.rate))+"/s", eta)
	nameWidth := max(8, min(32, (width-len(figures)-3)/2))
	bar := width - nameWidth - len(figures) - 5
	line := fit(l.name, nameWidth) + " "
	if bar >= 8 && l.size > 0 {
		filled := int(min(l.done, l.size) * int64(bar) / l.size)
		line += "[" + strings.Repeat("=", filled) + strings.Repeat(" ", bar-filled) + "] "
	}
	return fit(line+figures, max(1, width-1))
}

// fit pads or cuts s to exactly width columns.
func fit(s string, width int) string {
	n := Width(s)
	if n <= width {
		return s + strings.Repeat(" ", width-n)
	}
	mark := "…"
	if width < 4 {
		mark = ""
	}
	cut, used := 0, Width(mark)
	for i, r := range s {
		if used+RuneWidth(r) > width {
			break
		}
		used += RuneWidth(r)
		cut = i + len(string(r))
	}
	return s[:cut] + mark + strings.Repeat(" ", width-used)
}

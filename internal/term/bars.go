package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Transfer is the progress of the blobs of one command.
type Transfer struct {
	mu    sync.Mutex
	plain io.Writer // gets a line for each blob that is done; may be nil
	blobs map[string]*blobProgress
	order []*blobProgress
	start time.Time

	rate     float64 // bytes per second, smoothed
	lastAt   time.Time
	lastDone int64
}

// State is the state of a blob in a transfer.
type State int

// The states of a blob.
const (
	Started State = iota
	Moving        // Update.Done bytes so far; the first update has those of an earlier run
	Planned       // will be Started, unless the blob exists already
	Skipped       // the blob existed already
	Mounted       // the registry took the blob from another of its repositories
	Done
)

// Update is a change of one blob.
type Update struct {
	ID    string // identifies the blob
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
	begun bool // false if it was only planned
	based bool // done includes what was there before this run
	start time.Time
}

// Update records and, in plain mode, prints a change.
func (t *Transfer) Update(u Update) {
	now := time.Now()
	b := t.record(u, now)
	if t.plain != nil {
		t.printPlain(b, u)
	}
}

func (t *Transfer) record(u Update, now time.Time) *blobProgress {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.blobs[u.ID]
	if b == nil {
		b = &blobProgress{name: Escape(u.Name), size: -1, start: now}
		t.blobs[u.ID] = b
		t.order = append(t.order, b)
	}
	if u.Size > 0 {
		b.size = u.Size
	}
	if u.State != Planned && !b.begun {
		b.begun, b.start = true, now
	}
	switch u.State {
	case Started:
		b.ended = false
	case Moving:
		if b.based {
			b.moved += max(0, u.Done-b.done)
		}
		b.based, b.done = true, u.Done
	case Skipped, Mounted:
		b.ended, b.done = true, max(b.size, 0)
	case Done:
		b.moved += max(0, b.size-b.done)
		b.ended, b.done = true, max(b.size, b.done)
	}
	return b
}

// printPlain prints a line when a blob is done.
func (t *Transfer) printPlain(b *blobProgress, u Update) {
	size := Size(b.size)
	switch u.State {
	case Skipped:
		fmt.Fprintf(t.plain, "skipped %s %s: exists\n", b.name, size)
	case Mounted:
		fmt.Fprintf(t.plain, "mounted %s %s\n", b.name, size)
	case Done:
		fmt.Fprintf(t.plain, "done %s %s\n", b.name, size)
	}
}

// Summary returns a line about all blobs: the blobs and bytes that are done, the rate, and the time left.
func (t *Transfer) Summary(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.order) == 0 { // the registry may have asked for a pause before the first blob
		return "no transfer yet"
	}
	sum := t.sum(now)
	text := sum.name + ", " + Size(sum.done)
	if sum.size > 0 {
		text += fmt.Sprintf(" of %s (%d%%)", Size(sum.size), min(100, sum.done*100/sum.size))
	}
	if sum.rate >= 0 {
		text += ", " + Size(int64(sum.rate)) + "/s"
	}
	if left := sum.left(); left != "" {
		text += ", " + left + " left"
	}
	return text
}

// sum returns the line for all blobs together. The caller holds the lock.
func (t *Transfer) sum(now time.Time) barLine {
	var done, moved, size int64
	ended, sizeKnown := 0, true
	for _, b := range t.order {
		done, moved = done+b.done, moved+b.moved
		size += max(b.size, b.done)
		sizeKnown = sizeKnown && (b.size >= 0 || b.ended)
		if b.ended {
			ended++
		}
	}
	t.measure(now, moved)
	if !sizeKnown {
		size = -1
	}
	return barLine{name: fmt.Sprintf("%d of %s", ended, Plural(len(t.order), "blob")), done: done, size: size, rate: rateAfter(t.start, now, t.rate)}
}

// maxBars limits the blobs shown at once. The default concurrency is not higher, so more bars would only flicker.
const maxBars = 8

// render returns a line for each blob that is being transferred, and one for all blobs together.
func (t *Transfer) render(now time.Time, width, height int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for _, b := range t.order {
		if b.begun && !b.ended && len(lines) < min(maxBars, height-2) {
			lines = append(lines, b.line(now, width))
		}
	}
	if len(t.order) == 0 {
		return nil
	}
	return append(lines, t.sum(now).String(width))
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
	return barLine{name: b.name, done: b.done, size: b.size, rate: rateAfter(b.start, now, rate)}.String(width)
}

// minMeasureTime is the time for which a rate is measured before it is shown: the first bytes only fill buffers.
const minMeasureTime = time.Second

// rateAfter returns a rate since start, or -1 if it is not known yet.
func rateAfter(start, now time.Time, rate float64) float64 {
	if now.Sub(start) < minMeasureTime {
		return -1
	}
	return rate
}

// barLine is one line: name, bar, percentage, sizes, rate, time left.
type barLine struct {
	name       string
	done, size int64   // size is -1 if unknown
	rate       float64 // -1 if unknown
}

// left returns the time that the remaining bytes take. It returns "" if the time is unknown, or if no bytes remain because the
// registry has yet to confirm them.
func (l barLine) left() string {
	if l.rate < 1 || l.size <= l.done {
		return ""
	}
	return shortDuration(float64(l.size-l.done) / l.rate)
}

// The minimum columns of a bar, and of a name: a narrower bar is not drawn, and figures are dropped to keep the name wider.
const minBarWidth, minNameWidth = 8, 8

// String fits the line into width columns. The bar gets the remaining columns, and is dropped first; then the size, the rate, and the time left.
func (l barLine) String(width int) string {
	percent, size, rate := "    ", fmt.Sprintf("%9s", Size(l.done)), strings.Repeat(" ", 10)
	if l.size > 0 {
		percent = fmt.Sprintf("%3d%%", min(100, l.done*100/l.size))
		size += fmt.Sprintf(" / %-9s", Size(l.size))
	}
	if l.rate >= 0 && l.size != l.done {
		rate = fmt.Sprintf("%10s", Size(int64(l.rate))+"/s")
	}
	left := fmt.Sprintf("%5s", l.left())
	var figures string
	for _, figures = range []string{
		strings.Join([]string{percent, size, rate, left}, " "), strings.Join([]string{percent, rate, left}, " "), percent + " " + left, percent,
	} {
		if len(figures)+minNameWidth+2 <= width {
			break
		}
	}
	nameWidth := max(minNameWidth, min(32, (width-len(figures)-3)/2))
	bar := width - nameWidth - len(figures) - 5
	if bar < minBarWidth {
		nameWidth = max(minNameWidth, min(32, width-len(figures)-2))
	}
	line := fit(l.name, nameWidth) + " "
	if bar >= minBarWidth && l.size > 0 {
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

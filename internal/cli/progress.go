package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/davit-oci/davit/artifact"
	"golang.org/x/term"
)

// progressMode is the value of --progress.
type progressMode string

const (
	progressAuto  progressMode = "auto" // bars on a terminal, nothing elsewhere
	progressBar   progressMode = "bar"
	progressPlain progressMode = "plain"
	progressNone  progressMode = "none"
)

// String, Type and Set make the mode a flag.
func (m *progressMode) String() string {
	if *m == "" {
		return string(progressAuto)
	}
	return string(*m)
}

// Type names the value in the help text.
func (m *progressMode) Type() string { return "auto|bar|plain|none" }

// Set accepts the four modes.
func (m *progressMode) Set(value string) error {
	switch mode := progressMode(value); mode {
	case progressAuto, progressBar, progressPlain, progressNone:
		*m = mode
		return nil
	}
	return fmt.Errorf("want auto, bar, plain or none")
}

// console is standard error: notes, the trace of --debug and errors are lines of it, bars stand below them. It can be
// written to from several goroutines.
type console struct {
	mu       sync.Mutex
	w        io.Writer
	terminal *os.File // nil: w is none
	mode     progressMode
	drawn    int // lines of bars that stand below the last line
	bars     *transfer
}

func newConsole(w io.Writer) *console {
	c := &console{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		c.terminal = f
	}
	return c
}

// Write writes lines above the bars.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	return c.w.Write(p)
}

// size is the width and height of the terminal.
func (c *console) size() (width, height int) {
	if c.terminal != nil {
		if w, h, err := term.GetSize(int(c.terminal.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// erase removes the bars; the caller holds the lock.
func (c *console) erase() {
	if c.drawn > 0 {
		io.WriteString(c.w, c.above()+"\x1b[J")
		c.drawn = 0
	}
}

// above moves to the first of the bars, also from behind the ^C that a terminal shows.
func (c *console) above() string {
	if c.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA", c.drawn)
}

// draw shows the bars of a transfer anew: in one write and over the old ones, so that nothing flickers.
func (c *console) draw(t *transfer, now time.Time) {
	width, height := c.size()
	lines := t.render(now, width, height)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bars != t || len(lines)+c.drawn == 0 {
		return
	}
	frame := c.above()
	for _, line := range lines {
		frame += line + "\x1b[K\n"
	}
	io.WriteString(c.w, frame+"\x1b[J")
	c.drawn = len(lines)
}

// stopBars removes the bars for good.
func (c *console) stopBars() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	c.bars = nil
}

// startProgress begins to show a transfer. What it returns first is nil when nothing is to be shown; the second ends
// the showing and waits for it.
func (a *app) startProgress() (artifact.Progress, func()) {
	c := a.stderr
	t := &transfer{blobs: map[string]*blobProgress{}, start: time.Now()}
	switch {
	case c.mode == progressPlain:
		return artifact.ProgressFunc(func(e artifact.Event) { t.reportPlain(c, e) }), func() {}
	case c.mode == progressBar, c.mode == progressAuto && c.terminal != nil:
		return t, c.showBars(t)
	}
	return nil, func() {}
}

// showBars redraws the bars of t ten times a second until the function it returns is called.
func (c *console) showBars(t *transfer) (stop func()) {
	c.mu.Lock()
	c.bars = t
	c.mu.Unlock()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				c.draw(t, now)
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-ended
		c.stopBars()
	})
}

// transfer is what is known about the blobs of one run.
type transfer struct {
	mu    sync.Mutex
	blobs map[string]*blobProgress
	order []*blobProgress
	start time.Time

	rate     float64 // bytes a second, smoothed
	lastAt   time.Time
	lastDone int64
}

// blobProgress is how far one blob is.
type blobProgress struct {
	name  string
	size  int64 // -1: not known yet
	done  int64
	moved int64 // of done, what was transferred in this run
	ended bool
	start time.Time
	next  time.Time // of the plain line
}

// Report takes in an event.
func (t *transfer) Report(e artifact.Event) { t.take(e, time.Now()) }

func (t *transfer) take(e artifact.Event, now time.Time) *blobProgress {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.blobs[e.ID]
	if b == nil {
		b = &blobProgress{name: eventName(e), size: -1, start: now, next: now.Add(plainInterval)}
		t.blobs[e.ID] = b
		t.order = append(t.order, b)
	}
	if e.Descriptor.Size > 0 {
		b.size = e.Descriptor.Size
	}
	switch e.Step {
	case artifact.Started:
		b.ended = false
	case artifact.Advanced:
		b.moved += max(0, e.Bytes-b.done)
		b.done = e.Bytes
	case artifact.Skipped, artifact.Mounted:
		b.ended, b.done = true, max(b.size, 0)
	case artifact.Done:
		b.moved += max(0, b.size-b.done)
		b.ended, b.done = true, max(b.size, b.done)
	}
	return b
}

// eventName is what people know a blob by: its title, else what it is and the beginning of its digest.
func eventName(e artifact.Event) string {
	if title := e.Descriptor.Annotations["org.opencontainers.image.title"]; title != "" {
		return escape(title)
	}
	if d := e.Descriptor.Digest; d.Validate() == nil {
		return d.Encoded()[:12] + " " + escape(e.Descriptor.MediaType)
	}
	return escape(e.ID)
}

// plainInterval is how often a plain line tells how far a long blob is.
const plainInterval = 10 * time.Second

// reportPlain writes a line for every end of a blob, and now and then for one that takes long.
func (t *transfer) reportPlain(w io.Writer, e artifact.Event) {
	now := time.Now()
	b := t.take(e, now)
	switch e.Step {
	case artifact.Skipped:
		fmt.Fprintf(w, "skipped %s %s: already there\n", b.name, humanSize(b.size))
	case artifact.Mounted:
		fmt.Fprintf(w, "mounted %s %s\n", b.name, humanSize(b.size))
	case artifact.Done:
		fmt.Fprintf(w, "done %s %s\n", b.name, humanSize(b.size))
	case artifact.Advanced:
		if t.plainDue(b, now) {
			fmt.Fprintf(w, "moving %s %s of %s\n", b.name, humanSize(e.Bytes), humanSize(b.size))
		}
	}
}

func (t *transfer) plainDue(b *blobProgress, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(b.next) {
		return false
	}
	b.next = now.Add(plainInterval)
	return true
}

// maxBars is how many blobs are shown at once: more than are moved at once by default would only flicker.
const maxBars = 8

// render draws the blobs that are being moved and the sum of all.
func (t *transfer) render(now time.Time, width, height int) []string {
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
	sum := barLine{name: fmt.Sprintf("%d of %s", ended, plural(len(t.order), "blob")), done: done, size: size, rate: t.rate}
	return append(lines, sum.String(width))
}

// measure updates the rate: what was moved since the last time, smoothed over about three seconds.
func (t *transfer) measure(now time.Time, moved int64) {
	if t.lastAt.IsZero() {
		t.lastAt = t.start
	}
	elapsed := now.Sub(t.lastAt).Seconds()
	if elapsed <= 0 {
		return
	}
	current := float64(moved-t.lastDone) / elapsed
	weight := min(1, elapsed/min(3, now.Sub(t.start).Seconds())) // at first the mean since the start
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

// barLine is one line: name, bar, how far, how fast, how long.
type barLine struct {
	name       string
	done, size int64 // size -1: not known
	rate       float64
}

// String fits the line into width columns: the bar gets what the figures leave, and goes first.
func (l barLine) String(width int) string {
	figures := fmt.Sprintf("%9s", humanSize(l.done))
	percent, eta := "    ", "     "
	if l.size > 0 {
		percent = fmt.Sprintf("%3d%%", min(100, l.done*100/l.size))
		figures += fmt.Sprintf(" / %-9s", humanSize(l.size))
		if l.rate > 0 {
			eta = fmt.Sprintf("%5s", shortDuration(float64(l.size-l.done)/l.rate))
		}
	}
	figures = fmt.Sprintf("%s %s %10s %s", percent, figures, humanSize(int64(l.rate))+"/s", eta)
	nameWidth := max(8, min(32, (width-len(figures)-3)/2))
	bar := width - nameWidth - len(figures) - 5
	line := fit(l.name, nameWidth) + " "
	if bar >= 8 && l.size > 0 {
		filled := int(min(l.done, l.size) * int64(bar) / l.size)
		line += "[" + strings.Repeat("=", filled) + strings.Repeat(" ", bar-filled) + "] "
	}
	return fit(line+figures, max(1, width-1))
}

// fit makes s exactly width columns wide.
func fit(s string, width int) string {
	n := utf8.RuneCountInString(s)
	if n <= width {
		return s + strings.Repeat(" ", width-n)
	}
	r := []rune(s)
	if width < 4 {
		return string(r[:width])
	}
	return string(r[:width-1]) + "…"
}

// shortDuration writes seconds as 42s, 3m05s or 2h07m.
func shortDuration(seconds float64) string {
	s := int64(seconds + 0.5)
	switch {
	case s < 100:
		return fmt.Sprintf("%ds", s)
	case s < 6000:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 360000:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return ">99h"
}

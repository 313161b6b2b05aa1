// Package term prints to terminals: tables, trees, progress bars, and long texts through a pager. It escapes text from
// outside the program, so that no file name or registry can send control sequences to the terminal.
package term

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// ProgressMode is the value of a --progress flag.
type ProgressMode string

// The progress modes.
const (
	ProgressAuto  ProgressMode = "auto" // bars on a terminal; elsewhere a line now and then if the transfer takes long
	ProgressBar   ProgressMode = "bar"
	ProgressPlain ProgressMode = "plain" // a line now and then, and one for each blob that is done
	ProgressJSON  ProgressMode = "json"  // the caller writes events as JSON Lines
	ProgressNone  ProgressMode = "none"
)

// String returns the mode, or "auto" for the zero value.
func (m *ProgressMode) String() string {
	if *m == "" {
		return string(ProgressAuto)
	}
	return string(*m)
}

// Type returns the name of the value in help texts.
func (m *ProgressMode) Type() string { return "auto|bar|plain|json|none" }

// Set parses a mode.
func (m *ProgressMode) Set(value string) error {
	switch mode := ProgressMode(value); mode {
	case ProgressAuto, ProgressBar, ProgressPlain, ProgressJSON, ProgressNone:
		*m = mode
		return nil
	}
	return fmt.Errorf("must be auto, bar, plain, json, or none")
}

// Console writes to standard error. Lines written to it scroll above the progress bars. It is safe for concurrent use.
type Console struct {
	Mode   ProgressMode
	Label  string // begins the lines about progress, such as the name of the command
	Colors bool
	// IsDumb is set for a terminal that understands no control sequences, so that bars can't be redrawn.
	IsDumb bool
	// Silent turns off the lines that the mode auto writes where there is no terminal.
	Silent bool

	mu       sync.Mutex
	w        io.Writer
	terminal *os.File // nil if w is not a terminal
	drawn    int      // lines of bars below the last line written
	bars     *Transfer
}

// NewConsole returns a console that writes to w.
func NewConsole(w io.Writer) *Console {
	c := &Console{w: w}
	if f, ok := w.(*os.File); ok && IsScreen(f) {
		c.terminal = f
	}
	return c
}

// Write writes lines above the bars.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	return c.w.Write(p)
}

// Paint returns text in a style, if the console has colors.
func (c *Console) Paint(style Style, text string) string {
	if !c.Colors {
		return text
	}
	return style.Paint(text)
}

// IsTerminal reports whether the console is a terminal.
func (c *Console) IsTerminal() bool { return c.terminal != nil }

// StartTransfer starts to show the progress of a transfer. It returns a nil transfer if the mode shows no progress. The
// caller must call stop at the end, which removes the bars.
func (c *Console) StartTransfer() (t *Transfer, stop func()) {
	t = &Transfer{blobs: map[string]*blobProgress{}, start: time.Now()}
	auto := c.Mode == ProgressAuto || c.Mode == ""
	switch {
	case c.Mode == ProgressPlain:
		t.plain = c
		return t, c.writeLines(t)
	case c.Mode == ProgressBar, auto && c.terminal != nil && !c.IsDumb:
		return t, c.showBars(t)
	case auto && !c.Silent:
		return t, c.writeLines(t)
	}
	return nil, func() {}
}

// The times before the first line about a transfer, and between lines. CI systems end jobs that are silent for some minutes.
const (
	firstLine    = 10 * time.Second
	lineInterval = 15 * time.Second
)

// writeLines writes a line about t now and then, until the function it returns is called.
func (c *Console) writeLines(t *Transfer) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		timer := time.NewTimer(firstLine)
		defer timer.Stop()
		for {
			select {
			case now := <-timer.C:
				fmt.Fprintln(c, c.Label+t.Summary(now))
				timer.Reset(lineInterval)
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-ended
	})
}

// StopBars removes the bars.
func (c *Console) StopBars() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	c.bars = nil
}

// showBars redraws the bars of t ten times a second until the function it returns is called.
func (c *Console) showBars(t *Transfer) (stop func()) {
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
		c.StopBars()
	})
}

// draw writes the bars over the old ones in one write, so that nothing flickers.
func (c *Console) draw(t *Transfer, now time.Time) {
	width, height := c.size()
	lines := t.render(now, width, height)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bars != t || len(lines)+c.drawn == 0 {
		return
	}
	frame := c.moveUp()
	for _, line := range lines {
		frame += line + "\x1b[K\n"
	}
	_, _ = io.WriteString(c.w, frame+"\x1b[J") // a failure cannot be reported
	c.drawn = len(lines)
}

// size returns the width and height of the terminal, or 80 by 24 if they are unknown.
func (c *Console) size() (width, height int) {
	if c.terminal != nil {
		if w, h, ok := Dimensions(c.terminal); ok {
			return w, h
		}
	}
	return 80, 24
}

// erase removes the bars; the caller holds the lock.
func (c *Console) erase() {
	if c.drawn > 0 {
		_, _ = io.WriteString(c.w, c.moveUp()+"\x1b[J")
		c.drawn = 0
	}
}

// moveUp returns the sequence that moves the cursor to the start of the first bar, even after the ^C that a terminal echoes.
func (c *Console) moveUp() string {
	if c.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA", c.drawn)
}

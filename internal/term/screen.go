package term

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	"golang.org/x/term"

	"github.com/davit-oci/davit/internal/pause"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// IsScreen reports whether f is a terminal that understands control sequences, for colors and for bars that are redrawn. On Windows
// it turns them on. A console too old for that is written to like a file.
func IsScreen(f *os.File) bool { return IsTerminal(f) && enableSequences(f) }

// Dimensions returns the width and height of the terminal f. ok is false if f is not a terminal, or its size is unknown.
func Dimensions(f *os.File) (width, height int, ok bool) {
	width, height, err := term.GetSize(int(f.Fd()))
	return width, height, err == nil && width > 0 && height > 0
}

// Screen buffers text for a screen. Tables and trees are fitted to its width; 0 means unlimited.
type Screen struct {
	bytes.Buffer
	Width  int
	Colors bool
}

// NewScreen returns a Screen as wide as the terminal w, or of unlimited width if w is not a terminal.
func NewScreen(w io.Writer) *Screen {
	s := &Screen{}
	if f, ok := w.(*os.File); ok && IsScreen(f) {
		s.Width, _, _ = Dimensions(f)
	}
	return s
}

// shortDigestLen is the number of digits that a screen shows of a digest or of a fingerprint.
const shortDigestLen = 12

// Fingerprint returns the fingerprint of a key as it is printed to w: shortened for a screen, and in full for other writers.
func Fingerprint(w io.Writer, fingerprint string) string {
	if screen, _ := w.(*Screen); screen.hasWidth() {
		return Shorten(fingerprint, shortDigestLen)
	}
	return fingerprint
}

// Digest returns a digest as it is printed to w: shortened for a screen, as Docker does, and in full for other writers.
func Digest(w io.Writer, d digest.Digest) string {
	screen, ok := w.(*Screen)
	if !ok || screen.Width == 0 || d.Validate() != nil {
		return d.String()
	}
	return d.Algorithm().String() + ":" + d.Encoded()[:shortDigestLen]
}

// ReadPassword prints prompt to w and reads a line from the terminal f without echo. If ctx ends first, it restores the
// terminal and returns the error of ctx.
func ReadPassword(ctx context.Context, f *os.File, w io.Writer, prompt string) (string, error) {
	fd := int(f.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(w, prompt)
	secret, err := pause.Await(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	if err != nil {
		_ = term.Restore(fd, state) // the first error is returned
	}
	fmt.Fprintln(w)
	return string(secret), err
}

package printer

import (
	"bytes"
	"os"
	"strings"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/term/markdown"
)

const (
	// plainWidth is the width of text that does not go to a terminal.
	plainWidth = 80
	// maxWidth is the longest line that is comfortable to read.
	maxWidth = 100
)

// Page prints a long text. On a terminal, the text is fitted to the width, and a pager shows it if it is longer than the screen.
func (p *Printer) Page(render func(markdown.Options) Result) error {
	screen, ok := p.Stdout.(*os.File)
	if !ok || !term.IsScreen(screen) {
		return p.Print(render(markdown.Options{Width: plainWidth}))
	}
	width, height, ok := term.Dimensions(screen)
	if !ok {
		width, height = plainWidth, 24
	}
	var text bytes.Buffer
	if err := render(markdown.Options{Width: min(width, maxWidth), Styled: HasColors(true)}).WriteText(&text); err != nil {
		return err
	}
	pager := pagerCommand()
	if bytes.Count(text.Bytes(), []byte("\n")) < height || pager == "" {
		return p.WriteOut(text.Bytes())
	}
	if !term.Page(screen, text.Bytes(), pager, pagerEnv()) {
		return p.WriteOut(text.Bytes())
	}
	return nil
}

// pagerCommand returns the user's pager. It returns "" on a dumb terminal, and if the variable is empty or, as in git, "cat".
func pagerCommand() string {
	if IsDumb() {
		return "" // a pager would complain about it, and wait
	}
	for _, name := range []string{"DAVIT_PAGER", "PAGER"} {
		if pager, set := os.LookupEnv(name); set {
			if pager = strings.TrimSpace(pager); pager == "cat" {
				return ""
			}
			return pager
		}
	}
	return "less"
}

// pagerEnv returns the environment of the pager. Unless LESS is set, less leaves short texts on the screen, and passes colors
// through.
func pagerEnv() []string {
	env := os.Environ()
	if _, set := os.LookupEnv("LESS"); !set {
		env = append(env, "LESS=FRX")
	}
	return env
}

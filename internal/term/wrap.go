package term

import "strings"

// Wrap joins words into a line. On a terminal that is too narrow for the line, it breaks the line between words, and indents all
// but the first part. A word that is longer than a line is left to the terminal to break, so that it can be copied without breaks.
func (c *Console) Wrap(indent int, words []string) string {
	if c.terminal == nil {
		return strings.Join(words, " ")
	}
	width, _ := c.size()
	return wrap(width, indent, words)
}

func wrap(width, indent int, words []string) string {
	if width < minTextWidth {
		return strings.Join(words, " ")
	}
	var b strings.Builder
	column := 0
	for i, word := range words {
		n := Width(word)
		switch {
		case i == 0:
		case column+1+n > width && n <= width:
			column = min(indent, width-n)
			b.WriteString("\n" + strings.Repeat(" ", column))
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		if column += n; column > width {
			column = (column-1)%width + 1
		}
	}
	return b.String()
}

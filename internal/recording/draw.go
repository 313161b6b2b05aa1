package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// Sizes in pixels, and delays in seconds.
const (
	width, lineHeight, margin, fontSize = 820, 19, 18, 13
	perCommand, perLine                 = 1.1, 0.06
)

// Draw returns the steps as an SVG. The lines appear one after another, unless the browser prefers reduced motion.
func Draw(steps []Step) []byte {
	var lines bytes.Buffer
	row, at := 0, 0.4
	line := func(class, text string) {
		fmt.Fprintf(&lines, `<text class="%s" x="%d" y="%d" style="animation-delay:%.2fs" xml:space="preserve">`,
			class, margin, margin+(row+1)*lineHeight, at)
		_ = xml.EscapeText(&lines, []byte(text)) // writing to a buffer can't fail
		lines.WriteString("</text>\n")
		row++
	}
	for _, s := range steps {
		line("c", "$ "+s.Command)
		at += perCommand
		for _, text := range s.Output {
			line("o", text)
			at += perLine
		}
		row++
		at += perCommand
	}
	height := 2*margin + row*lineHeight
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="davit commands and their output">
<style>
text { font: %dpx ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; opacity: 0; animation: show .01s forwards }
.c { fill: #7ee787 } .o { fill: #d0d7de }
@keyframes show { to { opacity: 1 } }
@media (prefers-reduced-motion: reduce) { text { opacity: 1; animation: none } }
</style>
<rect width="100%%" height="100%%" rx="8" fill="#161b22"/>
`, width, height, fontSize)
	svg.Write(lines.Bytes())
	svg.WriteString("</svg>\n")
	return svg.Bytes()
}

package cli

import "github.com/davit-oci/davit/internal/render"

// escape makes text that came from elsewhere safe to show in one line.
func escape(s string) string { return render.Escape(s) }

// escapeText is escape for text of several lines: line ends and tabs stay.
func escapeText(s string) string { return render.EscapeText(s) }

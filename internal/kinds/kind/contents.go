package kind

import (
	"fmt"
	"strings"
)

// Contents returns a Markdown list of alerts and the pages that answer them, or "" if they refer to fewer than two pages.
func Contents(title string, alerts []Alert) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", title)
	pages := map[string]bool{}
	for _, a := range alerts {
		pages[a.Page] = true
		fmt.Fprintf(&b, "- `%s`", a.Name)
		if a.Severity != "" {
			fmt.Fprintf(&b, " (%s)", a.Severity)
		}
		if a.Title != "" && a.Title != a.Name {
			fmt.Fprintf(&b, " %s", a.Title)
		}
		fmt.Fprintf(&b, ": %s\n", a.Page)
	}
	delete(pages, "")
	if len(pages) < 2 {
		return ""
	}
	return b.String()
}

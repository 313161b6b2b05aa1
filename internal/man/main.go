// Command man writes the manual pages and the command reference of davit from the definitions of its commands. "make docs" runs it.
// It is a separate program because the library that formats manual pages would add half a megabyte to davit.
//
//	man -version v1.2.3 -date 1767225600 -man dist/man -markdown docs/commands
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	var p pages
	var date string
	flag.StringVar(&p.version, "version", "", "the version in the footer of the manual pages")
	flag.StringVar(&p.manual, "man", "", "directory for the manual pages")
	flag.StringVar(&p.declaration, "declaration", "docs/davit-yaml.md", "the Markdown page from which the manual page of davit.yaml is made")
	flag.StringVar(&p.markdown, "markdown", "", "directory for the command reference")
	flag.StringVar(&date, "date", "", "the date in the footer of the manual pages, in seconds since 1970; today if empty")
	flag.Parse()
	day, err := parseDate(date)
	if err == nil {
		p.date = day
		err = p.write()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// parseDate parses a time in seconds since 1970. It returns the current time if epoch is empty.
func parseDate(epoch string) (time.Time, error) {
	if epoch == "" {
		return time.Now(), nil
	}
	var seconds int64
	if _, err := fmt.Sscanf(epoch, "%d", &seconds); err != nil {
		return time.Time{}, fmt.Errorf("-date %s: %w", epoch, err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// Package retention has the flags for the number and the age of objects that a command keeps, and the line about those that it kept.
package retention

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/spf13/pflag"
)

// WriteKept writes a line with the number of the objects that are kept, if any. In a dry run, it names the first few.
func WriteKept(w io.Writer, names []string, dryRun bool) error {
	switch {
	case len(names) == 0:
		return nil
	case dryRun:
		return term.WriteLine(w, fmt.Sprintf("keeps %d: %s", len(names), textdist.FirstFew(names)))
	}
	return term.WriteLine(w, fmt.Sprintf("kept %d", len(names)))
}

// AddCount adds a flag for a number of objects to keep. *to stays nil if the flag is not set.
func AddCount(fs *pflag.FlagSet, to **int, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return errors.New("must be a number, at least 0")
		}
		*to = &n
		return nil
	})
}

// AddAge adds a flag for an age. It sets *to to the time that long ago.
func AddAge(fs *pflag.FlagSet, to *time.Time, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		age, err := parseAge(s)
		if err == nil {
			*to = time.Now().Add(-age)
		}
		return err
	})
}

// days are the units of an age that Go's durations lack, in days.
var days = map[byte]int{'d': 1, 'w': 7, 'y': 365}

// parseAge parses a number of days, weeks, or years, or a Go duration.
func parseAge(s string) (time.Duration, error) {
	const most = 200 * 365 // days; a time.Duration has at most 292 years
	if s != "" && days[s[len(s)-1]] > 0 {
		unit := days[s[len(s)-1]]
		n, err := strconv.Atoi(s[:len(s)-1])
		if err == nil && n >= 0 && n <= most/unit {
			return time.Duration(n*unit) * 24 * time.Hour, nil
		}
	} else if age, err := time.ParseDuration(s); err == nil && age >= 0 {
		return age, nil
	}
	return 0, errors.New("must be an age such as 90d, 12w, or 36h")
}

package term

import (
	"fmt"
	"strconv"
	"strings"
)

// Size formats a number of bytes in powers of ten, as registries and Docker do. It returns "?" for a negative number.
func Size(n int64) string {
	if n < 0 {
		return "?"
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n), 0
	for value >= 999.95 && unit < len("kMGTPE") {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTPE"[unit-1])
}

// Plural returns a number with a noun, such as "1 layer" or "2 layers".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "ry"); ok {
		return strconv.Itoa(n) + " " + stem + "ries"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Shorten cuts s after n characters, and marks the cut with "…".
func Shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// shortDuration formats seconds as 42s, 3m05s or 2h07m.
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

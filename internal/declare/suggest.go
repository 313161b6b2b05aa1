package declare

import (
	"fmt"
	"strings"
)

// DidYouMean is the hint that suggests the nearest of the words that could have been meant, or lists them where none
// is near and they are few.
func DidYouMean(word string, known []string) string {
	best, distance := "", max(1, (len(word)+1)/3)
	for _, k := range known {
		if d := EditDistance(strings.ToLower(word), strings.ToLower(k)); d <= distance {
			if best == "" || d < distance {
				best = k
			}
			distance = d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) > 0 && len(known) <= 12:
		return "one of " + strings.Join(known, ", ")
	}
	return ""
}

// EditDistance counts the insertions, deletions, replacements and swaps of neighbours that make b of a. Words longer
// than any key are not compared, which bounds the work.
func EditDistance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// Package textdist suggests the word that is closest to a mistyped one, and shortens lists of names in messages.
package textdist

import (
	"fmt"
	"strings"
)

const (
	maxLength = 64 // bytes; no word is close to a longer one, which limits the work
	maxListed = 12 // with more words than this, Suggest lists none
	few       = 5  // names that FirstFew lists
)

// Closest returns the word with the fewest changes to the typed one: at most (n+1)/3 for a typed word of n bytes, but at least
// one, and fewer than n. If no word is that close, Closest returns the first word that is the typed one with an extension, such as README.md for
// README, or "" without such a word. It ignores case, and prefers the first of equally close words. It never returns a file that may hold
// secrets, which a user who follows the suggestion would publish.
func Closest(typed string, words []string) string {
	best, limit := "", min(max(1, (len(typed)+1)/3), len(typed)-1)
	for _, w := range words {
		if d := Distance(strings.ToLower(typed), strings.ToLower(w)); d <= limit && !mayBeSecret(w) {
			best, limit = w, d-1
		}
	}
	for _, w := range words {
		if best == "" && typed != "" && strings.HasPrefix(strings.ToLower(w), strings.ToLower(typed)+".") && !mayBeSecret(w) {
			best = w
		}
	}
	return best
}

// mayBeSecret reports whether a name is that of a private key, or of a file with variables such as .env and .env.local.
func mayBeSecret(name string) bool {
	base := name[strings.LastIndexByte(name, '/')+1:]
	return base == ".env" || strings.HasPrefix(base, ".env.") || strings.HasSuffix(base, ".key")
}

// DidYouMean returns a hint that suggests the closest word, or "" if no word is close.
func DidYouMean(typed string, words []string) string {
	if near := Closest(typed, words); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// Suggest returns the hint of DidYouMean. If no word is close, it lists all words, unless there are more than maxListed.
func Suggest(typed string, words []string) string {
	hint := DidYouMean(typed, words)
	if hint == "" && 0 < len(words) && len(words) <= maxListed {
		return "one of " + strings.Join(words, ", ")
	}
	return hint
}

// FirstFew lists the first few names, and counts the others.
func FirstFew(names []string) string { return FirstOf(names, few) }

// FirstOf lists at most n names, and counts the others.
func FirstOf(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// Distance returns the number of changes that turn a into b. A change inserts, deletes, or replaces a byte, or swaps two adjacent ones.
// If a or b is longer than maxLength, Distance returns the length of the longer one.
func Distance(a, b string) int {
	if len(a) > maxLength || len(b) > maxLength {
		return max(len(a), len(b))
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

// Package shell writes commands that a user can paste into a shell.
package shell

import (
	"fmt"
	"runtime"
	"strings"
	"unicode"
)

// Command returns a command line of words, quoted where a shell needs that.
func Command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = Quote(word)
	}
	return strings.Join(quoted, " ")
}

// Quote quotes a word if a shell would change it: for POSIX shells, or on Windows for cmd and PowerShell.
func Quote(word string) string {
	switch {
	case word != "" && !strings.ContainsFunc(word, isSpecial) && !strings.ContainsAny(word[:1], "~="):
		return word
	case runtime.GOOS == "windows":
		return `"` + word + `"`
	case !strings.ContainsFunc(word, isHidden):
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for _, c := range []byte(word) {
		switch {
		case c == '\'' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return "$'" + b.String() + "'"
}

// isHidden reports whether a character is invisible or changes the display of others, such as a mark that reverses the text.
func isHidden(r rune) bool { return !unicode.IsPrint(r) }

// isSpecial reports whether a character may have a special meaning in a shell.
func isSpecial(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("-_./:@+=~,%", r) &&
		(r != '\\' || runtime.GOOS != "windows")
}

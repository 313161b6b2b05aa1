package printer

import (
	"slices"
	"strings"
)

// programs are the programs whose commands are kept whole.
var programs = []string{"davit", "docker"}

// splitWords splits a message at spaces, but keeps commands whole, so that they can be copied from a narrow terminal. A command begins the
// message, a clause, or a quotation. It ends with the quotation or the message, or at a semicolon or a comma.
func splitWords(message string) []string {
	var words []string
	quoted, inCommand := false, false
	for _, word := range strings.Split(message, " ") {
		bare := strings.TrimLeft(word, `"`)
		begins := slices.Contains(programs, bare) && (hasOpeningQuote(word) || len(words) == 0 || endsClause(words[len(words)-1]))
		switch {
		case inCommand:
			words[len(words)-1] += " " + word
		default:
			words = append(words, word)
		}
		if !inCommand && begins {
			inCommand, quoted = true, hasOpeningQuote(word)
			continue
		}
		if inCommand && (quoted && strings.Contains(word, `"`) || !quoted && strings.TrimRight(word, ";,") != word) {
			inCommand = false
		}
	}
	return words
}

// hasOpeningQuote reports whether a word begins a quotation.
func hasOpeningQuote(word string) bool { return strings.HasPrefix(word, `"`) }

// endsClause reports whether a command may follow a word.
func endsClause(word string) bool {
	return word == "or" || strings.HasSuffix(word, ":") || strings.HasSuffix(word, ";") || strings.HasSuffix(word, ",")
}

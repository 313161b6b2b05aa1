package printer

import (
	"strings"
	"testing"
)

func TestSplitWordsKeepsCommands(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ message, want string }{
		{"no such file", "no|such|file"},
		{"two  spaces", "two||spaces"},
		{"davit push a TARGET", "davit push a TARGET"},
		{"to keep it: davit pull a -o b", "to|keep|it:|davit pull a -o b"},
		{`"davit ls a" lists its files`, `"davit ls a"|lists|its|files`},
		{`log in with "davit login h", or request access`, `log|in|with|"davit login h",|or|request|access`},
		{"davit kinds; or another", "davit kinds;|or|another"},
		{"usage: davit copy SRC DST; --from-file LIST copies a list", "usage:|davit copy SRC DST;|--from-file|LIST|copies|a|list"},
		{"docker inspect --format '{{index .RepoDigests 0}}' x", "docker inspect --format '{{index .RepoDigests 0}}' x"},
		{"those of davit are read", "those|of|davit|are|read"},
	} {
		if got := strings.Join(splitWords(tc.message), "|"); got != tc.want {
			t.Errorf("splitWords(%q) = %s, want %s", tc.message, got, tc.want)
		}
	}
}

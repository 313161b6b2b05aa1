package chart

import (
	"fmt"
	"path"
	"strings"
)

// Ignore holds the rules of a .helmignore, which follow Helm's syntax.
type Ignore []ignoreRule

type ignoreRule struct {
	pattern         string
	negate, onlyDir bool
}

// builtinRules are the rules that Helm always applies. They exclude hidden files in templates/, and the names in charts/ that Helm
// does not treat as charts.
var builtinRules = []ignoreRule{
	{pattern: "templates/.?*"}, {pattern: "charts/[._]*"}, {pattern: "charts/*/charts/[._]*"}, {pattern: "charts/*/charts/*/charts/[._]*"},
}

// ParseIgnore reads the rules of a .helmignore and appends builtinRules. It fails if a rule contains ** or is malformed.
func ParseIgnore(data []byte) (Ignore, error) {
	var rules Ignore
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rule := ignoreRule{pattern: line}
		rule.pattern, rule.negate = strings.CutPrefix(rule.pattern, "!")
		rule.pattern, rule.onlyDir = strings.CutSuffix(rule.pattern, "/")
		if strings.Contains(rule.pattern, "**") {
			return nil, fmt.Errorf("rule %q: helm does not know **", line)
		}
		if _, err := path.Match(rule.pattern, "x"); err != nil {
			return nil, fmt.Errorf("rule %q: %w", line, err)
		}
		rules = append(rules, rule)
	}
	return append(rules, builtinRules...), nil
}

// Excludes reports whether Helm excludes a path, relative to the chart. As in Helm, a rule with "!" excludes everything that does
// not match it.
func (h Ignore) Excludes(name string, dir bool) bool {
	for _, r := range h {
		switch {
		case r.negate && (r.onlyDir && !dir || !r.matches(name)):
			return true
		case !r.negate && !(r.onlyDir && !dir) && r.matches(name):
			return true
		}
	}
	return false
}

// matches reports whether a path matches the pattern. A pattern without a slash is compared with the last element of the path.
func (r ignoreRule) matches(name string) bool {
	pattern, anchored := strings.CutPrefix(r.pattern, "/")
	if !anchored && !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

package chart

import (
	"fmt"
	"path"
	"strings"
)

// Ignore holds the rules of a .helmignore, as helm understands them.
type Ignore []ignoreRule

type ignoreRule struct {
	pattern         string
	negate, onlyDir bool
}

// builtinRules are helm's own rules. They exclude hidden files in templates/, and the names in charts/ that helm does not
// take for charts.
var builtinRules = []ignoreRule{
	{pattern: "templates/.?*"}, {pattern: "charts/[._]*"}, {pattern: "charts/*/charts/[._]*"}, {pattern: "charts/*/charts/*/charts/[._]*"},
}

// ParseIgnore reads the rules of a .helmignore and appends builtinRules.
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

// Excludes reports whether helm excludes a path of the chart. As in helm, a rule with "!" excludes everything except its
// matches.
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

func (r ignoreRule) matches(name string) bool {
	pattern, anchored := strings.CutPrefix(r.pattern, "/")
	if !anchored && !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// Package sarif summarizes SARIF 2.1.0, the format of scanners and linters.
package sarif

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/lists"
)

// The limits of a log.
const (
	maxRead  = 512 << 20 // bytes
	maxPart  = 1 << 20   // bytes of a value held in memory, such as a result or rule
	maxTools = 20        // tools whose names are kept
)

// levels are the levels of results, most severe first (SARIF 2.1.0, section 3.27.10).
var levels = []string{"error", "warning", "note", "none"}

// resultKey identifies the results that are counted together in a row of the outline.
type resultKey struct{ rule, level string }

// reader collects the parts of a log.
type reader struct {
	stream     *jsonwalk.Stream
	tools      []string
	date       time.Time
	dateName   string            // "ended" or "started"
	results    map[resultKey]int // numbers of results
	defaults   map[string]string // levels by rule
	texts      map[string]string // short descriptions by rule
	suppressed int               // the number of suppressed results

	list bool // keep the first outline.MaxRows results in all
	all  []finding
}

// finding is a result and its place in the source.
type finding struct {
	resultKey
	place, text string
}

// Read summarizes a log. It holds one result at a time in memory, the counts, and at most outline.MaxRows rules.
func Read(r io.Reader) (*outline.Outline, error) { return read(r, false) }

// ReadAll is like Read, but returns a row for each of the first outline.MaxRows results.
func ReadAll(r io.Reader) (*outline.Outline, error) { return read(r, true) }

func read(r io.Reader, list bool) (*outline.Outline, error) {
	s := &reader{
		list:    list,
		stream:  jsonwalk.NewStream(bom.Skip(io.LimitReader(r, maxRead)), maxPart),
		results: map[resultKey]int{}, defaults: map[string]string{}, texts: map[string]string{},
	}
	runs := false
	err := s.stream.Object(func(key string) error {
		if key != "runs" {
			return s.stream.Skip()
		}
		runs = true
		return s.stream.Array(func() error { return s.stream.Object(s.readRun) })
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading SARIF: %w", err)
	case !runs:
		return nil, errors.New("not SARIF: no runs")
	}
	return s.outline(), nil
}

// readRun reads a field of a run.
func (s *reader) readRun(key string) error {
	switch key {
	case "tool":
		return s.stream.Object(func(key string) error {
			if key == "driver" {
				return s.stream.Object(s.readDriver)
			}
			return s.stream.Skip()
		})
	case "results":
		return s.stream.Array(s.readResult)
	case "invocations":
		return s.stream.Array(s.readInvocation)
	}
	return s.stream.Skip()
}

// readDriver reads a field of the main component of a tool.
func (s *reader) readDriver(key string) error {
	switch key {
	case "name":
		var name string
		err := s.stream.Decode(&name)
		name = outline.Clip(name)
		if name != "" && !slices.Contains(s.tools, name) && len(s.tools) < maxTools {
			s.tools = append(s.tools, name)
		}
		return err
	case "rules":
		return s.stream.Array(s.readRule)
	}
	return s.stream.Skip()
}

// readRule keeps the description and the default level of a rule.
func (s *reader) readRule() error {
	var rule struct {
		ID               string
		ShortDescription struct{ Text string }
		Default          struct{ Level string } `json:"defaultConfiguration"`
	}
	err := s.stream.Decode(&rule)
	if len(s.texts) < outline.MaxRows {
		id := outline.Clip(rule.ID)
		s.texts[id], s.defaults[id] = outline.Clip(rule.ShortDescription.Text), outline.Clip(rule.Default.Level)
	}
	return err
}

// readResult counts a result. A suppressed result is counted apart.
func (s *reader) readResult() error {
	var result struct {
		RuleID       string
		Rule         struct{ ID string }
		Kind, Level  string
		Suppressions []struct{ Status string }
		Message      struct{ Text string }
		Locations    []location
	}
	if err := s.stream.Decode(&result); err != nil {
		return err
	}
	isActive := func(s struct{ Status string }) bool { return s.Status == "" || s.Status == "accepted" }
	if slices.ContainsFunc(result.Suppressions, isActive) {
		s.suppressed++
		return nil
	}
	if result.Kind != "" && result.Kind != "fail" {
		result.Level = cmp.Or(result.Level, "none")
	}
	key := resultKey{outline.Clip(cmp.Or(result.RuleID, result.Rule.ID)), outline.Clip(result.Level)}
	if _, known := s.results[key]; !known && len(s.results) >= outline.MaxRows {
		key.rule = ""
	}
	s.results[key]++
	if s.list && len(s.all) < outline.MaxRows {
		place := ""
		if len(result.Locations) > 0 {
			place = result.Locations[0].String()
		}
		s.all = append(s.all, finding{key, outline.Clip(place), outline.Clip(result.Message.Text)})
	}
	return nil
}

// location is a line in a file.
type location struct {
	Physical struct {
		Artifact struct{ URI string } `json:"artifactLocation"`
		Region   struct{ StartLine int }
	} `json:"physicalLocation"`
}

// String returns FILE:LINE, or FILE if the line is unknown.
func (l location) String() string {
	if line := l.Physical.Region.StartLine; line > 0 {
		return fmt.Sprintf("%s:%d", l.Physical.Artifact.URI, line)
	}
	return l.Physical.Artifact.URI
}

// levelOf returns the level of a result, which may be the default of its rule or of the specification.
func (s *reader) levelOf(key resultKey) string {
	for _, level := range []string{key.level, s.defaults[key.rule]} {
		if slices.Contains(levels, level) {
			return level
		}
	}
	return "warning" // the default (SARIF 2.1.0, section 3.27.10)
}

// readInvocation keeps the end time of an invocation, or else its start time (SARIF 2.1.0, sections 3.20.7 and 3.20.8), if it is the
// latest.
func (s *reader) readInvocation() error {
	var invocation struct{ StartTimeUTC, EndTimeUTC string }
	err := s.stream.Decode(&invocation)
	date, name := outline.Time(invocation.EndTimeUTC), "ended"
	if date.IsZero() {
		date, name = outline.Time(invocation.StartTimeUTC), "started"
	}
	if date.After(s.date) {
		s.date, s.dateName = date, name
	}
	return err
}

// outline returns the outline of the log, with the number of results of each level.
func (s *reader) outline() *outline.Outline {
	byLevel := map[string]int{}
	byRule := map[resultKey]int{}
	for key, n := range s.results {
		key.level = s.levelOf(key)
		byLevel[key.level] += n
		byRule[key] += n
	}
	counts := make([]outline.Count, len(levels))
	for i, level := range levels {
		counts[i] = outline.Count{Name: level, N: byLevel[level]}
	}
	totals := slices.Clone(counts) // before a name is changed for the summary
	counts[len(levels)-1].Name = "other finding"
	o := &outline.Outline{
		Name: strings.Join(s.tools, ", "), Created: s.date, Summary: outline.Counts("no findings", true, counts...),
	}
	if s.suppressed > 0 {
		o.Summary += fmt.Sprintf(", %d suppressed", s.suppressed)
	}
	o.AddField("tool", o.Name)
	if !s.date.IsZero() {
		o.AddField(s.dateName, s.date.Format(time.RFC3339))
	}
	o.AddField("findings", o.Summary)
	if s.list && len(s.all) > 0 {
		o.Totals = totals
		s.addRows(o)
		return o
	}
	for _, key := range lists.Keys(byRule, func(a, b resultKey) int {
		return cmp.Or(cmp.Compare(slices.Index(levels, a.level), slices.Index(levels, b.level)), cmp.Compare(byRule[b], byRule[a]),
			cmp.Compare(a.rule, b.rule))
	}) {
		o.Columns = []string{"LEVEL", "COUNT", "RULE", "ABOUT"}
		o.Rows = append(o.Rows, []string{key.level, fmt.Sprint(byRule[key]), key.rule, s.texts[key.rule]})
	}
	return o
}

// addRows adds a row for each kept result, most severe first.
func (s *reader) addRows(o *outline.Outline) {
	for i, r := range s.all {
		s.all[i].level = s.levelOf(r.resultKey)
	}
	lists.Sort(s.all, func(a, b finding) int {
		return cmp.Compare(slices.Index(levels, a.level), slices.Index(levels, b.level))
	})
	o.Columns = []string{"LEVEL", "RULE", "PLACE", "ABOUT"}
	for _, r := range s.all {
		o.Rows = append(o.Rows, []string{r.level, r.rule, r.place, cmp.Or(r.text, s.texts[r.rule])})
	}
}

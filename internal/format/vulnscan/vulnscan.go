// Package vulnscan summarizes the JSON reports of the vulnerability scanners Trivy and Grype.
package vulnscan

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

// The limits of a report.
const (
	maxRead = 512 << 20 // bytes
	maxPart = 1 << 20   // bytes of a value held in memory, such as a finding
)

// severities are the severities of both scanners, most severe first.
var severities = []string{"critical", "high", "medium", "low", "negligible", "unknown"}

// finding is a vulnerability in a package, or another problem in a file.
type finding struct{ severity, id, where, fixed string }

// reader collects the parts of a report.
type reader struct {
	stream   *jsonwalk.Stream
	tool     string
	about    string // the name of the scanned target
	created  time.Time
	counts   map[string]int   // numbers of findings by severity
	findings map[finding]bool // at most outline.MaxRows
}

// Read summarizes a report. It holds one finding at a time in memory, and at most outline.MaxRows rows.
func Read(r io.Reader) (*outline.Outline, error) {
	s := &reader{
		stream: jsonwalk.NewStream(bom.Skip(io.LimitReader(r, maxRead)), maxPart),
		counts: map[string]int{}, findings: map[finding]bool{},
	}
	if err := s.stream.Object(s.readField); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if s.tool == "" {
		return nil, errors.New("not a Trivy or Grype report")
	}
	return s.outline(), nil
}

// readField reads a field of the report. The two formats have no field in common.
func (s *reader) readField(key string) error {
	switch key {
	case "ArtifactName":
		s.tool = "Trivy"
		return s.stream.Decode(&s.about)
	case "CreatedAt":
		var at string
		err := s.stream.Decode(&at)
		s.created = outline.Time(at)
		return err
	case "Results":
		return s.stream.Array(func() error { return s.stream.Object(s.readTrivyResult) })
	case "matches":
		return s.stream.Array(s.readGrypeMatch)
	case "source":
		var source struct{ Target anyTarget }
		err := s.stream.Decode(&source)
		s.about = source.Target.name
		return err
	case "descriptor":
		var d struct{ Name, Timestamp string }
		err := s.stream.Decode(&d)
		if d.Name == "grype" {
			s.tool, s.created = "Grype", outline.Time(d.Timestamp)
		}
		return err
	}
	return s.stream.Skip()
}

// anyTarget is the path of a directory or file, or the description of an image.
type anyTarget struct{ name string }

// UnmarshalJSON accepts a value of any type.
func (t *anyTarget) UnmarshalJSON(data []byte) error {
	t.name = jsonwalk.Text(data, "userInput")
	return nil
}

// readTrivyResult reads a field of Trivy's result for one file.
func (s *reader) readTrivyResult(key string) error {
	switch key {
	case "Vulnerabilities", "Misconfigurations", "Secrets", "Licenses":
		return s.stream.Array(s.readTrivyFinding)
	}
	return s.stream.Skip()
}

// readTrivyFinding reads a Trivy finding. It ignores a misconfiguration test that passed.
func (s *reader) readTrivyFinding() error {
	var f struct{ VulnerabilityID, ID, RuleID, Name, PkgName, InstalledVersion, FixedVersion, Severity, Status string }
	if err := s.stream.Decode(&f); err != nil || f.Status == "PASS" {
		return err
	}
	s.add(finding{f.Severity, cmp.Or(f.VulnerabilityID, f.ID, f.RuleID, f.Name), strings.TrimSpace(f.PkgName + " " + f.InstalledVersion), f.FixedVersion})
	return nil
}

// readGrypeMatch reads a Grype finding: a vulnerability and the package that has it.
func (s *reader) readGrypeMatch() error {
	var m struct {
		Vulnerability struct {
			ID, Severity string
			Fix          struct{ Versions []string }
		}
		Artifact struct{ Name, Version string }
	}
	if err := s.stream.Decode(&m); err != nil {
		return err
	}
	v := m.Vulnerability
	s.add(finding{v.Severity, v.ID, strings.TrimSpace(m.Artifact.Name + " " + m.Artifact.Version), strings.Join(v.Fix.Versions, ", ")})
	return nil
}

// add counts a finding, and keeps it for a row unless there are outline.MaxRows.
func (s *reader) add(f finding) {
	f.severity = strings.ToLower(f.severity)
	if !slices.Contains(severities, f.severity) {
		f.severity = "unknown"
	}
	s.counts[f.severity]++
	if len(s.findings) < outline.MaxRows {
		s.findings[finding{f.severity, outline.Clip(f.id), outline.Clip(f.where), outline.Clip(f.fixed)}] = true
	}
}

// outline returns the outline of the report, with the number of findings of each severity.
func (s *reader) outline() *outline.Outline {
	counts := make([]outline.Count, len(severities))
	for i, severity := range severities {
		counts[i] = outline.Count{Name: severity, N: s.counts[severity]}
	}
	o := &outline.Outline{Name: s.tool, Created: s.created, Summary: outline.Counts("no findings", false, counts...)}
	o.AddField("tool", s.tool)
	o.AddField("about", outline.Clip(s.about))
	if !s.created.IsZero() {
		o.AddField("created", s.created.Format(time.RFC3339))
	}
	o.AddField("findings", o.Summary)
	for _, f := range lists.Keys(s.findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(slices.Index(severities, a.severity), slices.Index(severities, b.severity)), cmp.Compare(a.id, b.id),
			cmp.Compare(a.where, b.where), cmp.Compare(a.fixed, b.fixed))
	}) {
		o.Columns = []string{"SEVERITY", "ID", "FOUND IN", "FIXED IN"}
		o.Rows = append(o.Rows, []string{f.severity, f.id, f.where, f.fixed})
	}
	return o
}

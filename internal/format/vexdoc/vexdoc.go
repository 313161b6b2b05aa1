// Package vexdoc summarizes documents about the vulnerabilities of a product: OpenVEX, CSAF, and CycloneDX VEX.
package vexdoc

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/lists"
)

// The limits of a document.
const (
	maxRead  = 256 << 20 // bytes
	maxPart  = 1 << 20   // bytes of a value held in memory, such as a statement
	maxLevel = 32        // levels of nested product branches in CSAF
)

// statuses are the VEX statuses, most urgent first.
var statuses = []string{"affected", "under_investigation", "fixed", "not_affected", "unknown"}

// statement is the status of one vulnerability, and the reason for it.
type statement struct{ id, status, why string }

// reader collects the parts of a document.
type reader struct {
	stream     *jsonwalk.Stream
	format     string
	id         string
	created    time.Time
	statements map[statement]int // the number of products of each
	more       int               // statements beyond outline.MaxRows

	list     bool // keep the first outline.MaxRows products
	products []productStatement
	totals   map[string]int    // of products by status
	names    map[string]string // of products, by their identifiers in CSAF
	level    int               // the depth of the current branch of products
}

// productStatement is a statement about one product.
type productStatement struct {
	statement
	product string
}

// Read summarizes a document. It holds one statement at a time in memory, and at most outline.MaxRows rows.
func Read(r io.Reader) (*outline.Outline, error) { return read(r, false) }

// ReadAll is like Read, but returns a row for each product of a statement, at most outline.MaxRows rows.
func ReadAll(r io.Reader) (*outline.Outline, error) { return read(r, true) }

func read(r io.Reader, list bool) (*outline.Outline, error) {
	s := &reader{stream: jsonwalk.NewStream(bom.Skip(io.LimitReader(r, maxRead)), maxPart), statements: map[statement]int{}, list: list, names: map[string]string{}, totals: map[string]int{}}
	if err := s.stream.Object(s.readField); err != nil {
		return nil, fmt.Errorf("reading VEX: %w", err)
	}
	if s.format == "" {
		return nil, errors.New("not an OpenVEX, CSAF, or CycloneDX document")
	}
	return s.outline(), nil
}

// readField reads a field of the document. No two formats have a field with the same name and different meanings.
func (s *reader) readField(key string) error {
	switch key {
	case "@context":
		return s.readText(func(context string) {
			if version, ok := strings.CutPrefix(context, "https://openvex.dev/ns"); ok {
				s.format = strings.TrimSpace("OpenVEX " + strings.TrimPrefix(strings.Trim(version, "/"), "v"))
			}
		})
	case "bomFormat":
		return s.readText(func(format string) {
			if format == "CycloneDX" {
				s.format = format
			}
		})
	case "@id", "serialNumber":
		return s.readText(func(id string) { s.id = outline.Clip(id) })
	case "timestamp":
		return s.readText(func(at string) { s.created = outline.Time(at) })
	case "metadata":
		var metadata struct{ Timestamp string }
		err := s.stream.Decode(&metadata)
		s.created = outline.Time(metadata.Timestamp)
		return err
	case "document":
		return s.readCSAF()
	case "product_tree":
		return s.stream.Object(s.readProductTree)
	case "statements":
		return s.stream.Array(s.readOpenVEX)
	case "vulnerabilities":
		return s.stream.Array(s.readVulnerability)
	}
	return s.stream.Skip()
}

// readText reads a string and calls set with it, or with "" for a value of another type.
func (s *reader) readText(set func(string)) error {
	var text string
	err := s.stream.Decode(&text)
	set(text)
	return err
}

// readCSAF reads the version, the ID, and the date from the field "document" of CSAF.
func (s *reader) readCSAF() error {
	var d struct {
		Version  string `json:"csaf_version"`
		Tracking struct {
			ID      string
			Current string `json:"current_release_date"`
		}
	}
	err := s.stream.Decode(&d)
	if d.Version != "" {
		s.format, s.id, s.created = outline.Clip("CSAF "+d.Version), outline.Clip(d.Tracking.ID), outline.Time(d.Tracking.Current)
	}
	return err
}

// anyText is a string, or an object with a name.
type anyText struct{ name string }

// UnmarshalJSON accepts a value of any type.
func (t *anyText) UnmarshalJSON(data []byte) error {
	t.name = jsonwalk.Text(data, "name", "@id", "ref")
	return nil
}

// readOpenVEX reads a statement of OpenVEX.
func (s *reader) readOpenVEX() error {
	var v struct {
		Vulnerability anyText
		Status        string
		Justification string
		Products      []anyText
	}
	err := s.stream.Decode(&v)
	s.add(statement{v.Vulnerability.name, v.Status, v.Justification}, v.Products)
	return err
}

// states maps CycloneDX states to VEX statuses (CycloneDX 1.6, vulnerability analysis).
var states = map[string]string{
	"exploitable": "affected", "in_triage": "under_investigation", "resolved": "fixed", "resolved_with_pedigree": "fixed",
	"not_affected": "not_affected", "false_positive": "not_affected",
}

// readVulnerability reads a vulnerability in CycloneDX or CSAF.
func (s *reader) readVulnerability() error {
	var v struct {
		ID, CVE  string
		Analysis struct{ State, Justification string }
		Affects  []anyText
		IDs      []struct{ Text string }
		Products map[string][]anyText `json:"product_status"`
		Flags    []flag
	}
	if err := s.stream.Decode(&v); err != nil {
		return err
	}
	id := cmp.Or(v.ID, v.CVE)
	if id == "" && len(v.IDs) > 0 {
		id = v.IDs[0].Text
	}
	if v.Products == nil {
		s.add(statement{id, states[v.Analysis.State], v.Analysis.Justification}, v.Affects)
		return nil
	}
	// The order must be the same in each run: it decides which products are kept if there are too many.
	for _, group := range []string{"known_affected", "known_not_affected", "fixed", "under_investigation"} {
		status := strings.TrimPrefix(group, "known_")
		products := groupByReason(v.Products[group], status, v.Flags)
		for _, why := range slices.Sorted(maps.Keys(products)) {
			s.add(statement{id, status, why}, products[why])
		}
	}
	return nil
}

// flag is the reason in CSAF why products are not affected.
type flag struct {
	Label    string
	Products []string `json:"product_ids"`
	Groups   []string `json:"group_ids"` // if both lists are empty, the flag applies to all products
}

// groupByReason groups products by the reason for their status. Only the status not_affected has reasons.
func groupByReason(products []anyText, status string, flags []flag) map[string][]anyText {
	reasons, all := map[string]string{}, ""
	if status == "not_affected" {
		for _, f := range flags {
			if len(f.Products)+len(f.Groups) == 0 {
				all = f.Label
			}
			for _, id := range f.Products {
				reasons[id] = f.Label
			}
		}
	}
	by := map[string][]anyText{}
	for _, p := range products {
		reason := cmp.Or(reasons[p.name], all)
		by[reason] = append(by[reason], p)
	}
	return by
}

// readProductTree reads product names from a field of a CSAF product tree or of one of its branches.
func (s *reader) readProductTree(key string) error {
	switch {
	case !s.list || s.level > maxLevel:
		return s.stream.Skip()
	case key == "branches":
		s.level++
		defer func() { s.level-- }()
		return s.stream.Array(func() error { return s.stream.Object(s.readProductTree) })
	case key == "full_product_names", key == "relationships":
		return s.stream.Array(s.readProduct)
	case key == "product":
		return s.readProduct()
	}
	return s.stream.Skip()
}

// readProduct reads the name of a product, or of a relationship, which combines two products.
func (s *reader) readProduct() error {
	type product struct {
		ID   string `json:"product_id"`
		Name string
	}
	var p struct {
		product
		FullName product `json:"full_product_name"`
	}
	err := s.stream.Decode(&p)
	for _, p := range []product{p.product, p.FullName} {
		if p.ID != "" && p.Name != "" && len(s.names) < outline.MaxRows {
			s.names[outline.Clip(p.ID)] = outline.Clip(p.Name)
		}
	}
	return err
}

// add counts a statement about products. A statement beyond outline.MaxRows is counted in more.
func (s *reader) add(about statement, products []anyText) {
	if !slices.Contains(statuses, about.status) {
		about.status = "unknown"
	}
	about.id, about.why = outline.Clip(about.id), outline.Clip(about.why)
	if _, known := s.statements[about]; !known && len(s.statements) >= outline.MaxRows {
		s.more++
		return
	}
	s.statements[about] += len(products)
	if len(products) == 0 {
		products = []anyText{{}}
	}
	s.totals[about.status] += len(products)
	for _, p := range products {
		if s.list && len(s.products) < outline.MaxRows {
			s.products = append(s.products, productStatement{about, outline.Clip(p.name)})
		}
	}
}

// outline returns the outline of the document, with the number of statements of each status.
func (s *reader) outline() *outline.Outline {
	byStatus := map[string]int{}
	for about := range s.statements {
		byStatus[about.status]++
	}
	counts := make([]outline.Count, len(statuses), len(statuses)+1)
	for i, status := range statuses {
		counts[i] = outline.Count{Name: strings.ReplaceAll(status, "_", " "), N: byStatus[status]}
	}
	o := &outline.Outline{Name: s.id, Created: s.created, Summary: outline.Counts("no statements", false, append(counts, outline.Count{Name: "more", N: s.more})...)}
	o.AddField("format", s.format)
	o.AddField("id", s.id)
	if !s.created.IsZero() {
		o.AddField("created", s.created.Format(time.RFC3339))
	}
	o.AddField("statements", o.Summary)
	for i, p := range s.products {
		s.products[i].product = cmp.Or(s.names[p.product], p.product)
	}
	if s.list && len(s.products) > 0 {
		lists.Sort(s.products, func(a, b productStatement) int {
			return cmp.Or(a.compare(b.statement), cmp.Compare(a.product, b.product))
		})
		o.Columns = []string{"STATUS", "VULNERABILITY", "PRODUCT", "WHY"}
		for _, status := range statuses {
			o.Totals = append(o.Totals, outline.Count{Name: status, N: s.totals[status]})
		}
		for _, p := range s.products {
			o.Rows = append(o.Rows, []string{p.status, p.id, p.product, p.why})
		}
		return o
	}
	for _, about := range lists.Keys(s.statements, statement.compare) {
		o.Columns = []string{"STATUS", "VULNERABILITY", "PRODUCTS", "WHY"}
		o.Rows = append(o.Rows, []string{about.status, about.id, fmt.Sprint(s.statements[about]), about.why})
	}
	return o
}

// compare orders statements: the most urgent status first, then by ID and reason.
func (s statement) compare(other statement) int {
	return cmp.Or(cmp.Compare(slices.Index(statuses, s.status), slices.Index(statuses, other.status)), cmp.Compare(s.id, other.id), cmp.Compare(s.why, other.why))
}

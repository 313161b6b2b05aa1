package view

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/versions"
	"github.com/davit-oci/davit/pull/read"
)

// Table holds rows of a document, and the query strings of links to others.
type Table struct {
	Noun    string // for a row, such as "finding"
	Path    string // of the page with all rows
	Query   string // words that all rows contain
	Columns []Column
	Rows    [][]string
	Found   int    // rows that match Query
	Next    string // query string of the next rows; empty if these are the last
	Left    int    // rows of the document that were not kept when it was read

	totals []outline.Count // of all rows, by the first column; nil if not counted
}

// Column is a column of a table.
type Column struct {
	Name     string
	Sort     string // query string that sorts by the column
	Sorted   string // "ascending", "descending", or empty
	IsNumber bool
}

// ordered are the columns whose values are sorted as in the document, which lists the most important first.
var ordered = []string{"Level", "Severity", "Status"}

// rowsOf returns the components, findings, or statements in a document as rows.
func rowsOf(doc *read.Document) Table {
	t := Table{Noun: "row"}
	switch {
	case doc.SBOM != nil:
		t.Noun, t.Columns = "component", []Column{{Name: "Name"}, {Name: "Version"}, {Name: "License"}}
		for _, c := range doc.SBOM.List {
			t.Rows = append(t.Rows, []string{c.Name, c.Version, c.License})
		}
		t.Left = doc.SBOM.Components - len(t.Rows)
	case doc.Outline != nil:
		for _, name := range doc.Outline.Columns {
			lower := strings.ToLower(name)
			t.Columns = append(t.Columns, Column{Name: name[:1] + lower[1:], IsNumber: lower == "products"})
		}
		t.Rows, t.totals = doc.Outline.Rows, doc.Outline.Totals
		for _, total := range t.totals {
			t.Left += total.N
		}
		t.Left = max(0, t.Left-len(t.Rows))
		switch {
		case t.column("Product") >= 0:
			t.Noun = "statement"
		case t.column("Level") >= 0, t.column("Severity") >= 0:
			t.Noun = "finding"
		}
	}
	return t
}

// column returns the index of a column, or -1.
func (t *Table) column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}

// NewTable returns the rows that match a query, at most limit. It returns nil for a document without rows.
func NewTable(doc *read.Document, path string, query url.Values, limit int) *Table {
	t := rowsOf(doc)
	if len(t.Rows) == 0 {
		return nil
	}
	t.Path, t.Query = path, query.Get("q")
	t.Rows = slices.Clone(t.Rows)
	words := strings.Fields(strings.ToLower(t.Query))
	t.Rows = lists.Delete(t.Rows, func(row []string) bool {
		text := strings.ToLower(strings.Join(row, "\n"))
		return slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	})
	t.sort(query.Get("sort"))
	t.Found = len(t.Rows)
	from, err := strconv.Atoi(query.Get("from"))
	if err != nil || from < 0 {
		from = 0
	}
	t.Rows = t.Rows[min(from, t.Found):]
	if len(t.Rows) > limit {
		t.Rows = t.Rows[:limit]
		t.Next = t.link(query.Get("sort"), from+limit)
	}
	return &t
}

// link returns the query string for the same rows, sorted by a column and starting at an index.
func (t *Table) link(sort string, from int) string {
	values := url.Values{}
	for name, value := range map[string]string{"q": t.Query, "sort": sort} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if from > 0 {
		values.Set("from", strconv.Itoa(from))
	}
	return "?" + values.Encode()
}

// sort sorts the rows by the column with a name, descending if "-" precedes it. It sets the links that sort by each column.
func (t *Table) sort(by string) {
	name, descending := strings.CutPrefix(by, "-")
	for i := range t.Columns {
		c := &t.Columns[i]
		key := strings.ToLower(c.Name)
		c.Sort = t.link(key, 0)
		if key != name {
			continue
		}
		c.Sorted = "descending"
		if !descending {
			c.Sorted, c.Sort = "ascending", t.link("-"+key, 0)
		}
		t.sortBy(i, descending)
	}
}

// sortBy sorts the rows by column i.
func (t *Table) sortBy(i int, descending bool) {
	rank := map[string]int{} // of the values of an ordered column
	if slices.Contains(ordered, t.Columns[i].Name) {
		for _, row := range t.Rows {
			if _, known := rank[row[i]]; !known {
				rank[row[i]] = len(rank)
			}
		}
	}
	lists.Sort(t.Rows, func(a, b []string) int {
		c := cmp.Or(cmp.Compare(rank[a[i]], rank[b[i]]), versions.Compare(strings.ToLower(a[i]), strings.ToLower(b[i])), cmp.Compare(a[i], b[i]))
		if descending {
			return -c
		}
		return c
	})
}

// levelBars returns a chart that counts findings by level, or statements by status. Other tables have no such chart.
func (t *Table) levelBars() (caption string, bars []Bar) {
	if len(t.Columns) == 0 || !slices.Contains(ordered, t.Columns[0].Name) {
		return "", nil
	}
	totals := t.totals
	if totals == nil {
		totals = t.countRows()
	}
	most := 0
	for _, total := range totals {
		most = max(most, total.N)
	}
	for _, total := range totals[:min(len(totals), maxBars)] {
		if total.N > 0 {
			bars = append(bars, newBar(total.Name, int64(total.N), int64(most)))
		}
	}
	return strings.ToUpper(t.Noun[:1]) + t.Noun[1:] + "s by " + strings.ToLower(t.Columns[0].Name), bars
}

// countRows counts the rows by the first column.
func (t *Table) countRows() []outline.Count {
	var totals []outline.Count
	for _, row := range t.Rows {
		i := slices.IndexFunc(totals, func(total outline.Count) bool { return total.Name == row[0] })
		if i < 0 {
			i = len(totals)
			totals = append(totals, outline.Count{Name: row[0]})
		}
		totals[i].N++
	}
	return totals
}

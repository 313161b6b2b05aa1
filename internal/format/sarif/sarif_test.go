package sarif_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/davit-oci/davit/internal/format/sarif"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, log, tools, summary, rows string }{
		{"levels", `{"runs":[{"results":[{"ruleId":"a","level":"note"},{"ruleId":"b","level":"error"},{"ruleId":"b","level":"error"}],"tool":{"driver":{"name":"T"}}}]}`,
			"T", "2 errors, 1 note", "[[error 2 b ] [note 1 a ]]"},
		{"level of a rule listed after the results", `{"runs":[{"results":[{"ruleId":"a"},{"rule":{"id":"b"}}],"tool":{"driver":{"name":"T","rules":[{"id":"a","defaultConfiguration":{"level":"error"},"shortDescription":{"text":"A"}}]}}}]}`,
			"T", "1 error, 1 warning", "[[error 1 a A] [warning 1 b ]]"},
		{"passed and suppressed results", `{"runs":[{"tool":{"driver":{"name":"T"}},"results":[{"ruleId":"a","kind":"pass"},{"ruleId":"b","suppressions":[{"kind":"inSource"}]},{"ruleId":"c","suppressions":[{"status":"rejected"}]}]}]}`,
			"T", "1 warning, 1 other finding, 1 suppressed", "[[warning 1 c ] [none 1 a ]]"},
		{"two tools without results", `{"runs":[{"tool":{"driver":{"name":"T"}},"results":[]},{"tool":{"driver":{"name":"U"}}}]}`, "T, U", "no findings", "[]"},
		{"values of other types", `{"runs":[7,{"tool":[],"results":{"a":1}},{"results":["x",{"ruleId":4}]}],"version":[[]]}`, "", "2 warnings", "[[warning 2  ]]"},
	} {
		o, err := sarif.Read(strings.NewReader(test.log))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if rows := fmt.Sprint(o.Rows); o.Name != test.tools || o.Summary != test.summary || rows != test.rows {
			t.Errorf("%s: got %q, %q, %s, want %q, %q, %s", test.name, o.Name, o.Summary, rows, test.tools, test.summary, test.rows)
		}
	}
	for _, log := range []string{"", "[]", "{}", `{"runs":[`, `{"runs":[{"tool":{"driver":{"name":"` + strings.Repeat("x", 2<<20) + `"}}}]}`} {
		if o, err := sarif.Read(strings.NewReader(log)); err == nil {
			t.Errorf("%.40s: got %+v, want an error", log, o)
		}
	}
}

// TestReadAll checks that ReadAll returns a row for each result, and that the totals include results without a row.
func TestReadAll(t *testing.T) {
	t.Parallel()
	const log = `{"runs":[{"results":[{"ruleId":"a","message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":3}}}]},
		{"ruleId":"b","level":"error","locations":[{"physicalLocation":{"artifactLocation":{"uri":"b"}}},7]},{"ruleId":"a","locations":[]}%s],
		"tool":{"driver":{"rules":[{"id":"a","defaultConfiguration":{"level":"note"},"shortDescription":{"text":"A"}}]}}}]}`
	o, err := sarif.ReadAll(strings.NewReader(fmt.Sprintf(log, "")))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(o.Summary, o.Rows, o.Totals), "1 error, 2 notes[[error b b ] [note a a.go:3 m] [note a  A]] [{error 1} {warning 0} {note 2} {none 0}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	o, err = sarif.ReadAll(strings.NewReader(fmt.Sprintf(log, strings.Repeat(`,{"level":"none"}`, 12_000))))
	if err != nil || len(o.Rows) != 10_000 || o.Totals[3].N != 12_000 {
		t.Errorf("got %d rows, totals %v, %v, want 10000 rows and 12000 results of level none", len(o.Rows), o.Totals, err)
	}
}

// TestReadDate checks that the outline has the latest time of the invocations: the end of each or, if that is missing, the start.
func TestReadDate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ invocations, want string }{
		{`{"endTimeUtc":"2026-02-01T10:00:00Z"},{"endTimeUtc":"2026-02-01T11:00:00.5Z"},{"endTimeUtc":"no"}`, "ended 2026-02-01T11:00:00Z"},
		{`{"startTimeUtc":"2026-02-01T10:00:00Z","endTimeUtc":"2026-02-01T10:05:00Z"}`, "ended 2026-02-01T10:05:00Z"},
		{`{"executionSuccessful":true,"startTimeUtc":"2026-02-01T10:00:00.000Z"}`, "started 2026-02-01T10:00:00Z"},
		{`{"startTimeUtc":"2026-02-01T10:00:00Z","endTimeUtc":"no"}`, "started 2026-02-01T10:00:00Z"},
		{`{"endTimeUtc":"2026-02-01T10:00:00Z"},{"startTimeUtc":"2026-02-02T10:00:00Z"}`, "started 2026-02-02T10:00:00Z"},
		{`{"startTimeUtc":"no"},{}`, ""},
	} {
		o, err := sarif.Read(strings.NewReader(`{"runs":[{"invocations":[` + test.invocations + `]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range o.Fields {
			if f.Name == "ended" || f.Name == "started" {
				got = f.Name + " " + f.Value
			}
		}
		name, date, _ := strings.Cut(test.want, " ")
		if got != test.want || o.Created.IsZero() != (name == "") || name != "" && o.Created.Format(time.RFC3339) != date {
			t.Errorf("%s: got %q, created %v, want %q", test.invocations, got, o.Created, test.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"runs":[{"tool":{"driver":{"name":"T","rules":[{"id":"a"}]}},"results":[{"ruleId":"a","level":"error"}]}]}`)
	f.Add(`{"runs":[{"results":[{"kind":"pass"},{"suppressions":[{}]}]}]}`)
	f.Fuzz(func(t *testing.T, log string) {
		o, err := sarif.Read(strings.NewReader(log))
		if err == nil && (o.Summary == "" || len(o.Name) > 20*210) {
			t.Errorf("got %+v, want a summary and a name of at most 20 tools", o)
		}
	})
}

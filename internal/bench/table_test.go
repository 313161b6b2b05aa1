package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is the cost of one workload for one client.
type row struct {
	workload, client string
	sample                   // medians; the largest peak
	ratio            float64 // of davit's wall time to that of the first other client; 0: no other client
	note             string  // the goal, or the error
}

// table collects rows.
type table struct{ rows []row }

// add adds a row with the medians of the samples of each client. The first client is davit. Its row gets the note.
func (t *table) add(workload, note string, names []string, samples [][]sample) {
	var wall []time.Duration
	first := len(t.rows)
	for i, name := range names {
		r := row{workload: workload, client: name, sample: median(samples[i])}
		if i == 0 {
			r.note = note
		}
		if r.err != nil {
			r.note = "fails: " + lastLine(r.err)
		}
		if r.err == nil {
			wall = append(wall, r.wall)
		}
		t.rows = append(t.rows, r)
	}
	if len(wall) > 1 && t.rows[first+1].err == nil {
		t.rows[first].ratio = wall[0].Seconds() / wall[1].Seconds()
	}
}

// median returns the median of each figure, the largest peak, and the error of a failed run.
func median(samples []sample) sample {
	var m sample
	of := func(figure func(sample) int64) int64 {
		all := make([]int64, len(samples))
		for i, s := range samples {
			all[i] = figure(s)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	m.wall = time.Duration(of(func(s sample) int64 { return int64(s.wall) }))
	m.cpu = time.Duration(of(func(s sample) int64 { return int64(s.cpu) }))
	m.server = time.Duration(of(func(s sample) int64 { return int64(s.server) }))
	m.sent = of(func(s sample) int64 { return s.sent })
	m.received = of(func(s sample) int64 { return s.received })
	m.requests = int(of(func(s sample) int64 { return int64(s.requests) }))
	m.connections = int(of(func(s sample) int64 { return int64(s.connections) }))
	for _, s := range samples {
		m.peak = max(m.peak, s.peak)
		if s.err != nil {
			m.err = s.err
		}
	}
	return m
}

// write prints the rows, if there are any.
func (t *table) write(w io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "workload\tclient\twall s\tratio\tcpu s\tregistry s\tpeak MiB\tsent MB\treceived MB\trequests\tconns\t  ")
	last := ""
	for _, r := range t.rows {
		name := r.workload
		if name == last {
			name = ""
		}
		last = r.workload
		fmt.Fprintf(tw, "%s\t%s\t%.3f\t%s\t%.2f\t%.2f\t%s\t%s\t%s\t%d\t%d\t  %s\n", name, r.client, r.wall.Seconds(), number(r.ratio),
			r.cpu.Seconds(), r.server.Seconds(), number(float64(r.peak)/(1<<20)),
			number(float64(r.sent)/1e6), number(float64(r.received)/1e6), r.requests, r.connections, r.note)
	}
	_ = tw.Flush()
}

// number formats a number with few digits, and 0 as "-".
func number(f float64) string {
	switch {
	case f == 0:
		return "-"
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	default:
		return fmt.Sprintf("%.0f", f)
	}
}

// lastLine returns the last line of an error, which ends with the output of a program.
func lastLine(err error) string {
	text := strings.TrimSpace(err.Error())
	return text[strings.LastIndex(text, "\n")+1:]
}

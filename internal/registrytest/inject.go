package registrytest

import "github.com/davit-oci/davit/internal/registrytest/faults"

// injected is a fault and the requests to which it applies.
type injected struct {
	op    string
	when  faults.When
	fault faults.Fault
	count int
}

// Inject applies a fault to the requests of an operation that when selects. The operation is "GET blob", "PATCH upload", a
// method or class alone, or "" for all requests. A later fault wraps the earlier ones.
func (g *Registry) Inject(op string, when faults.When, fault faults.Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, &injected{op: op, when: when, fault: fault})
}

// Heal removes all faults.
func (g *Registry) Heal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
}

// nextFaults counts a request of an operation, and returns the faults that apply to it.
func (g *Registry) nextFaults(op string) []faults.Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	var due []faults.Fault
	for _, in := range g.faults {
		if !matchAny([]string{in.op}, op) {
			continue
		}
		in.count++
		if in.when(in.count) {
			due = append(due, in.fault)
		}
	}
	return due
}

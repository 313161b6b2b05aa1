package registrytest

import "github.com/davit-oci/davit/internal/registrytest/faults"

// injected is a fault and the requests that meet it.
type injected struct {
	op    string
	when  faults.When
	fault faults.Fault
	count int
}

// Inject makes requests of an operation ("GET blob", "PATCH upload", or a method or class alone, or "" for all) meet a
// fault. A later fault wraps the earlier ones.
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

// due returns the faults that a request meets.
func (g *Registry) due(op string) []faults.Fault {
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

package project

import (
	"strings"

	"github.com/davit-oci/davit/internal/lazy"
)

// The values that docker compose parses after it has checked the schema: durations (go-str2duration), sizes (RAMInBytes of
// go-units), and ports (nat of go-connections).
var (
	duration = lazy.Regexp(`^(0|([0-9]+(\.[0-9]+)?(w|d|h|m|s|ms|us|µs|ns))+)$`)
	size     = lazy.Regexp(`^-?[0-9]+(\.[0-9]+)* ?[kKmMgGtTpP]?[iI]?[bB]?$`)
	port     = lazy.Regexp(`^(([0-9.]+|\[?[0-9a-fA-F:.]+\]?):)?(([0-9]+(-[0-9]+)?)?:)?[0-9]+(-[0-9]+)?(/(tcp|udp|sctp|TCP|UDP|SCTP))?$`)
)

// values lists the fields of a service that must be durations or sizes, as keys joined by dots.
var values = [...]struct{ what, fields string }{
	{"duration", `stop_grace_period healthcheck.interval healthcheck.timeout healthcheck.start_period healthcheck.start_interval
		deploy.restart_policy.delay deploy.restart_policy.window deploy.update_config.delay deploy.update_config.monitor
		deploy.rollback_config.delay deploy.rollback_config.monitor`},
	{"size", `mem_limit mem_reservation memswap_limit shm_size build.shm_size deploy.resources.limits.memory
		deploy.resources.reservations.memory`},
}

// checkValues reports the values of the service that docker compose can't parse.
func (s *service) checkValues() {
	for _, v := range values {
		parse := duration
		if v.what == "size" {
			parse = size
		}
		for _, keys := range strings.Fields(v.fields) {
			value := Text(valueAt(s.Model, strings.Split(keys, ".")))
			if value != "" && !strings.Contains(value, "$") && !parse().MatchString(value) {
				s.refuse(keys, "has the %s %q in %s, which docker compose can't read", v.what, value, keys)
			}
		}
	}
	for _, item := range List(s.Model["ports"]) {
		if value := Text(item); value != "" && !strings.Contains(value, "$") && !port().MatchString(value) {
			s.report(s.below("ports", value), "service %q has the port %q, which docker compose can't read", s.name, value)
		}
	}
}

// valueAt returns the value at a path of keys, or nil.
func valueAt(m Model, keys []string) any {
	for len(keys) > 1 {
		m, _ = m[keys[0]].(Model)
		keys = keys[1:]
	}
	return m[keys[0]]
}

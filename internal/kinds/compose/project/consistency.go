package project

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/kinds/compose/yamlnode"
)

// CheckConsistency returns what docker compose would refuse in a model. It performs the most common checks of compose-go's
// checkConsistency and validation. If partial is set, it checks each service only by itself: files that are not known may define the rest.
func CheckConsistency(m Model, partial bool) []yamlnode.Fault {
	c := &checker{model: m, enabled: Model{}}
	for _, section := range [...]string{"configs", "secrets"} {
		c.checkContents(section)
	}
	volumes, _ := m["volumes"].(Model)
	for _, name := range Sorted(volumes) {
		if volume, ok := volumes[name].(Model); ok && volume["external"] == true {
			for _, key := range Sorted(volume) {
				if key != "name" && key != "external" && !strings.HasPrefix(key, "x-") {
					c.report([]string{"volumes", name, key}, "volume %q is external, and has the key %q, which docker compose refuses", name, key)
				}
			}
		}
	}
	services, _ := m["services"].(Model)
	for name, service := range services {
		if s, ok := service.(Model); ok && len(List(s["profiles"])) == 0 {
			c.enabled[name] = s
		}
	}
	for _, name := range Sorted(c.enabled) {
		s := &service{checker: c, name: name, Model: c.enabled[name].(Model)}
		s.check()
		if !partial {
			s.checkComplete()
		}
	}
	c.checkCycles()
	return c.faults
}

// checker collects the faults of a model.
type checker struct {
	model   Model
	enabled Model // the services without profiles
	faults  []yamlnode.Fault
}

func (c *checker) report(at []string, format string, args ...any) {
	c.faults = append(c.faults, yamlnode.Fault{At: at, Message: fmt.Sprintf(format, args...), OfKey: true})
}

// defines reports whether a section of the model has a name. It also returns true if the name contains a variable, because its value is unknown.
func (c *checker) defines(section, name string) bool {
	defined, _ := c.model[section].(Model)
	return isDefined(defined, name)
}

// Sorted returns the keys of a model in order, so that errors do not depend on the order of a map.
func Sorted(m Model) []string { return slices.Sorted(maps.Keys(m)) }

// checkContents checks the sources of configs or secrets.
func (c *checker) checkContents(section string) {
	keys := []string{"file", "environment"}
	if section == "configs" {
		keys = append(keys, "content")
	}
	one := strings.TrimSuffix(section, "s")
	entries, _ := c.model[section].(Model)
	for _, name := range Sorted(entries) {
		entry, ok := entries[name].(Model)
		if !ok {
			continue // reported by the schema
		}
		var found []string
		for _, key := range keys {
			if entry[key] != nil {
				found = append(found, key)
			}
		}
		switch {
		case len(found) > 1:
			c.report([]string{section, name}, "%s %q has %s; docker compose accepts only one of them", one, name, strings.Join(found, " and "))
		case len(found) == 0 && entry["driver"] == nil && entry["external"] == nil:
			c.report([]string{section, name}, "%s %q has none of %s; docker compose requires one", one, name, strings.Join(keys, ", "))
		}
	}
}

// service is a service while it is checked.
type service struct {
	*checker
	Model
	name string
}

// refuse reports a fault below keys, which are joined by dots.
func (s *service) refuse(keys, format string, args ...any) {
	s.report(s.below(strings.Split(keys, ".")...), "service %q "+format, append([]any{s.name}, args...)...)
}

// below returns a path in the service.
func (s *service) below(keys ...string) []string {
	return yamlnode.Below([]string{"services", s.name}, keys...)
}

// check checks the service by itself.
func (s *service) check() {
	build, _ := s.Model["build"].(Model)
	deploy, _ := s.Model["deploy"].(Model)
	health, _ := s.Model["healthcheck"].(Model)
	tests := List(health["test"])
	_, isList := health["test"].([]any)
	scale, replicas := s.Model["scale"], deploy["replicas"]
	if build["dockerfile"] != nil && build["dockerfile_inline"] != nil {
		s.refuse("build", "has a dockerfile and dockerfile_inline; docker compose accepts only one of them")
	}
	if s.Model["network_mode"] != nil && len(names(s.Model["networks"])) > 0 {
		s.refuse("network_mode", "has network_mode and networks; docker compose accepts only one of them")
	}
	if isList && len(tests) > 0 && !slices.Contains([]any{"CMD", "CMD-SHELL", "NONE"}, tests[0]) {
		s.refuse("healthcheck.test", "has a healthcheck whose test begins with %q; docker compose requires CMD, CMD-SHELL, or NONE", tests[0])
	}
	if isNumber(scale) && isNumber(replicas) && scale != replicas {
		s.refuse("scale", "has scale %v but deploy.replicas %v; docker compose requires them to be equal", scale, replicas)
	}
	s.checkValues()
}

func isNumber(value any) bool {
	_, ok := value.(json.Number)
	return ok
}

// checkComplete checks that everything the service refers to is defined.
func (s *service) checkComplete() {
	if len(names(s.Model["build"])) == 0 && Text(s.Model["image"]) == "" && s.Model["provider"] == nil && s.Model["extends"] == nil {
		s.refuse("image", "has neither an image nor a build section, which docker compose refuses")
	}
	for _, what := range [...]struct{ one, section string }{
		{"network", "networks"}, {"volume", "volumes"}, {"config", "configs"}, {"secret", "secrets"}, {"model", "models"},
	} {
		for _, name := range namesUsed(s.Model, what.section) {
			if what.one != "network" || name != "default" {
				s.require(what.section, name, "refers to the "+what.one, what.section)
			}
		}
	}
	build, _ := s.Model["build"].(Model)
	for _, name := range sourceNames(build["secrets"]) {
		s.require("secrets", name, "is built with the secret", "build", "secrets")
	}
	needs := dependencies(s.Model)
	for _, name := range Sorted(needs) {
		defined := s.defines("services", name)
		if isDefined(s.enabled, name) || defined && needs[name] == "" {
			continue
		}
		reason := "which is not defined"
		if defined {
			reason = "which only has inactive profiles"
		}
		s.report(s.below(cmp.Or(Text(needs[name]), "depends_on"), name), "service %q depends on the service %q, %s", s.name, name, reason)
	}
}

// require reports a name that the service uses, in the list or mapping at keys, if the section of that name does not define it.
func (s *service) require(section, name, use string, keys ...string) {
	if !s.defines(section, name) {
		s.report(s.below(append(keys, name)...), "service %q %s %q, which is not defined under %s", s.name, use, name, section)
	}
}

func isDefined(m Model, name string) bool {
	_, ok := m[name]
	return ok || strings.Contains(name, "$")
}

// namesUsed lists the names in a section to which a service refers.
func namesUsed(s Model, section string) []string {
	switch section {
	case "volumes":
		var found []string
		mounts, _ := s["volumes"].(Model)
		for _, target := range Sorted(mounts) {
			if source := Text(mounts[target]); source != "" {
				found = append(found, source)
			}
		}
		return found
	case "configs", "secrets":
		return sourceNames(s[section])
	}
	found := names(s[section])
	slices.Sort(found)
	return found
}

// sourceNames lists the names of configs or secrets in the short or the long form.
func sourceNames(value any) []string {
	var found []string
	for _, item := range List(value) {
		if long, ok := item.(Model); ok {
			item = long["source"]
		}
		if name := Text(item); name != "" {
			found = append(found, name)
		}
	}
	return found
}

// dependencies lists the services that a service depends on, each with the key that names it, or "" for a dependency that is optional.
func dependencies(s Model) Model {
	needs := Model{}
	dependsOn, _ := s["depends_on"].(Model)
	for name, how := range dependsOn {
		if long, _ := how.(Model); long["required"] == false {
			needs[name] = ""
		} else {
			needs[name] = "depends_on"
		}
	}
	add := func(key, name string) {
		if _, ok := needs[name]; !ok {
			needs[name] = key
		}
	}
	for _, link := range List(s["links"]) {
		name, _, _ := strings.Cut(Text(link), ":")
		add("links", name)
	}
	for _, from := range List(s["volumes_from"]) {
		if name, _, _ := strings.Cut(Text(from), ":"); name != "container" {
			add("volumes_from", name)
		}
	}
	for _, key := range [...]string{"network_mode", "ipc", "pid", "uts", "cgroup"} {
		if name, ok := strings.CutPrefix(Text(s[key]), "service:"); ok {
			add(key, name)
		}
	}
	return needs
}

// checkCycles reports services that depend on each other in a cycle.
func (c *checker) checkCycles() {
	done := map[string]bool{}
	var visit func(name string, chain []string)
	visit = func(name string, chain []string) {
		if i := slices.Index(chain, name); i >= 0 {
			c.report([]string{"services", chain[len(chain)-1], "depends_on", name},
				"the services depend on each other in a cycle: %s", strings.Join(append(chain[i:], name), " → "))
			return
		}
		s, ok := c.enabled[name].(Model)
		if !ok || done[name] {
			return
		}
		for _, next := range Sorted(dependencies(s)) {
			visit(next, append(slices.Clip(chain), name))
		}
		done[name] = true
	}
	for _, name := range Sorted(c.enabled) {
		visit(name, nil)
	}
}

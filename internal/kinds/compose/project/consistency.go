package project

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CheckConsistency returns the first error in a model that docker compose would refuse. It performs the most common checks of
// compose-go's checkConsistency and validation. If remote is set, it checks each service only by itself: remote files may define
// the rest.
func CheckConsistency(m Model, remote bool) error {
	services, _ := m["services"].(Model)
	for _, section := range [...]string{"configs", "secrets"} {
		if err := checkContents(m, section); err != nil {
			return err
		}
	}
	volumes, _ := m["volumes"].(Model)
	for _, name := range Sorted(volumes) {
		if volume, ok := volumes[name].(Model); ok && volume["external"] == true {
			for _, key := range Sorted(volume) {
				if key != "name" && key != "external" && !strings.HasPrefix(key, "x-") {
					return fmt.Errorf("volume %q is external, and has the key %q, which docker compose refuses", name, key)
				}
			}
		}
	}
	enabled := Model{}
	for name, service := range services {
		if s, ok := service.(Model); ok && len(List(s["profiles"])) == 0 {
			enabled[name] = s
		}
	}
	for _, name := range Sorted(enabled) {
		s := enabled[name].(Model)
		if err := checkService(s); err != nil {
			return fmt.Errorf("service %q %w", name, err)
		}
		if remote {
			continue
		}
		if err := checkComplete(s, m, enabled); err != nil {
			return fmt.Errorf("service %q %w", name, err)
		}
	}
	return checkCycles(enabled)
}

// Sorted returns the keys of a model in order, so that errors do not depend on the order of a map.
func Sorted(m Model) []string { return slices.Sorted(maps.Keys(m)) }

// checkContents checks the sources of configs or secrets.
func checkContents(m Model, section string) error {
	keys := []string{"file", "environment"}
	if section == "configs" {
		keys = append(keys, "content")
	}
	entries, _ := m[section].(Model)
	for _, name := range Sorted(entries) {
		entry, _ := entries[name].(Model)
		found := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return entry[key] == nil })
		switch {
		case len(found) > 1:
			return fmt.Errorf("%s %q has %s; docker compose accepts only one of them", strings.TrimSuffix(section, "s"), name, strings.Join(found, " and "))
		case len(found) == 0 && entry["driver"] == nil && entry["external"] == nil:
			return fmt.Errorf("%s %q has none of %s; docker compose requires one", strings.TrimSuffix(section, "s"), name, strings.Join(keys, ", "))
		}
	}
	return nil
}

// checkService checks a service by itself.
func checkService(s Model) error {
	build, _ := s["build"].(Model)
	deploy, _ := s["deploy"].(Model)
	health, _ := s["healthcheck"].(Model)
	tests := List(health["test"])
	_, isList := health["test"].([]any)
	scale, replicas := s["scale"], deploy["replicas"]
	switch {
	case build["dockerfile"] != nil && build["dockerfile_inline"] != nil:
		return fmt.Errorf("has a dockerfile and dockerfile_inline; docker compose accepts only one of them")
	case s["network_mode"] != nil && len(names(s["networks"])) > 0:
		return fmt.Errorf("has network_mode and networks; docker compose accepts only one of them")
	case isList && len(tests) > 0 && !slices.Contains([]any{"CMD", "CMD-SHELL", "NONE"}, tests[0]):
		return fmt.Errorf("has a healthcheck whose test begins with %q; docker compose requires CMD, CMD-SHELL, or NONE", tests[0])
	case isNumber(scale) && isNumber(replicas) && scale != replicas:
		return fmt.Errorf("has scale %v but deploy.replicas %v; docker compose requires them to be equal", scale, replicas)
	}
	return checkValues(s)
}

func isNumber(value any) bool {
	_, ok := value.(json.Number)
	return ok
}

// checkComplete checks that everything a service refers to is defined.
func checkComplete(s, m, enabled Model) error {
	if len(names(s["build"])) == 0 && Text(s["image"]) == "" && s["provider"] == nil && s["extends"] == nil {
		return fmt.Errorf("has neither an image nor a build section, which docker compose refuses")
	}
	for _, what := range [...]struct{ one, section string }{
		{"network", "networks"}, {"volume", "volumes"}, {"config", "configs"}, {"secret", "secrets"}, {"model", "models"},
	} {
		for _, name := range namesUsed(s, what.section) {
			if defined, _ := m[what.section].(Model); !isDefined(defined, name) && (what.one != "network" || name != "default") {
				return fmt.Errorf("refers to the %s %q, which is not defined under %s", what.one, name, what.section)
			}
		}
	}
	build, _ := s["build"].(Model)
	for _, name := range sourceNames(build["secrets"]) {
		if defined, _ := m["secrets"].(Model); !isDefined(defined, name) {
			return fmt.Errorf("is built with the secret %q, which is not defined under secrets", name)
		}
	}
	needs := dependencies(s)
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		services, _ := m["services"].(Model)
		if !isDefined(enabled, name) && (needs[name] || !isDefined(services, name)) {
			if isDefined(services, name) {
				return fmt.Errorf("depends on the service %q, which only has inactive profiles", name)
			}
			return fmt.Errorf("depends on the service %q, which is not defined", name)
		}
	}
	return nil
}

// isDefined reports whether m has a key with this name. It also returns true if the name contains a variable, because its value is unknown.
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

// dependencies lists the services that a service depends on, and whether they are required.
func dependencies(s Model) map[string]bool {
	needs := map[string]bool{}
	dependsOn, _ := s["depends_on"].(Model)
	for name, how := range dependsOn {
		long, _ := how.(Model)
		needs[name] = long["required"] != false
	}
	add := func(name string) {
		if _, ok := needs[name]; !ok {
			needs[name] = true
		}
	}
	for _, link := range List(s["links"]) {
		name, _, _ := strings.Cut(Text(link), ":")
		add(name)
	}
	for _, from := range List(s["volumes_from"]) {
		if name, _, _ := strings.Cut(Text(from), ":"); name != "container" {
			add(name)
		}
	}
	for _, key := range [...]string{"network_mode", "ipc", "pid", "uts", "cgroup"} {
		if name, ok := strings.CutPrefix(Text(s[key]), "service:"); ok {
			add(name)
		}
	}
	return needs
}

// checkCycles returns an error if services depend on each other in a cycle.
func checkCycles(services Model) error {
	done := map[string]bool{}
	var visit func(name string, chain []string) error
	visit = func(name string, chain []string) error {
		if i := slices.Index(chain, name); i >= 0 {
			return fmt.Errorf("the services depend on each other in a cycle: %s", strings.Join(append(chain[i:], name), " → "))
		}
		s, ok := services[name].(Model)
		if !ok || done[name] {
			return nil
		}
		for _, next := range slices.Sorted(maps.Keys(dependencies(s))) {
			if err := visit(next, append(slices.Clip(chain), name)); err != nil {
				return err
			}
		}
		done[name] = true
		return nil
	}
	for _, name := range Sorted(services) {
		if err := visit(name, nil); err != nil {
			return err
		}
	}
	return nil
}

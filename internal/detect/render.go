package detect

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/manifest"
	"gopkg.in/yaml.v3"
)

// render writes the davit.yaml.
func (s *starter) render() []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What davit packs from this directory. Try it: davit check, then davit push --dry-run.\n")
	line("kind: %s%s", s.kind, formatComment(s.main.evidence))
	if s.named {
		line("# name and version are in the files")
	} else {
		line("name: %s", quote(s.title()))
		line("# version: 1.0.0")
	}
	line("# tags: [latest] # besides the tag of the target")
	line("# annotations:")
	line("#   org.opencontainers.image.licenses: Apache-2.0")
	line("#   org.opencontainers.image.source: https://example.com/repository")
	s.renderConfig(line)
	layers := s.main.layers()
	if s.isNamedAfterPlatforms() {
		line("\nplatforms: # one image for each, under one index")
		for _, l := range layers {
			line("  - {platform: %s, layers: [%s]}", manifest.ImagePlatformIn(l.Path), quote(l.Path))
		}
		layers = nil
	} else {
		line("\nlayers: # files, directories and globs; see davit kinds %s", s.kind)
	}
	for _, l := range layers {
		if l.As != "" {
			line("  - {path: %s, as: %s}", quote(l.Path), l.As)
			continue
		}
		line("  - %s%s", quote(l.Path), formatComment(s.roleName(l.Path)))
	}
	for _, p := range s.dropped {
		line("  # - %s # left out", quote(p))
	}
	alternatives := s.listAlternatives()
	for _, p := range s.left {
		if !slices.Contains(alternatives, p) {
			line("  # - %s # has no role in this kind", quote(p))
		}
	}
	if len(alternatives) > 0 {
		line("# platforms: # instead of layers: one artifact for each platform, under one index")
		for _, p := range append(s.main.used[:1:1], alternatives...) {
			line("#   - {platform: OS/ARCH, layers: [%s]}", quote(p))
		}
	}
	s.renderReferrers(line)
	return b.Bytes()
}

// isNamedAfterPlatforms reports whether an image is of directories that are each named after another platform.
func (s *starter) isNamedAfterPlatforms() bool {
	seen := map[string]bool{"": true}
	for _, name := range s.main.used {
		platform := manifest.ImagePlatformIn(name)
		if seen[platform] {
			return false
		}
		seen[platform] = true
	}
	return s.main.kind.Name == "image" && len(s.main.used) > 1
}

// listAlternatives lists further files that show a kind that takes only one: they may be for other platforms.
func (s *starter) listAlternatives() []string {
	var found []string
	for _, entry := range s.entries {
		r, ok := s.table.FindRole(s.main.kind, entry, "")
		if _, most := roles.Bounds(s.main.kind, r.Role); ok && r.Tells && most == 1 && !entry.IsDir() && slices.Contains(s.left, entry.Path) {
			found = append(found, entry.Path)
		}
	}
	return found
}

// renderConfig shows the config fields that the kind has.
func (s *starter) renderConfig(line func(string, ...any)) {
	fields, _ := s.main.kind.Config.Schema["properties"].(map[string]any)
	if len(fields) == 0 {
		return
	}
	line("# config: # overrides the values read from the files; see davit schema %s", s.kind)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, _ := fields[name].(map[string]any)
		description, _ := field["description"].(string)
		line("#   %s:%s", quote(name), formatComment(description))
	}
}

func (s *starter) renderReferrers(line func(string, ...any)) {
	if len(s.referrers) == 0 {
		line("\n# referrers: # packed, pushed and attached together with this artifact")
		line("#   - {kind: sbom, layers: [sbom.spdx.json]}")
		return
	}
	line("\nreferrers: # packed, pushed and attached together with this artifact")
	for _, r := range s.referrers {
		line("  - {kind: %s, layers: [%s]}%s", r.kind.Name, quote(r.used[0]), formatComment(r.evidence))
	}
}

// title returns the directory's name, or else that of the file that shows the kind.
func (s *starter) title() string {
	if s.name != "." && s.name != ".." && s.name != "/" {
		return s.name
	}
	for _, entry := range s.entries {
		if r, ok := s.table.FindRole(s.main.kind, entry, ""); ok && r.Tells {
			return strings.TrimSuffix(path.Base(entry.Path), path.Ext(entry.Path))
		}
	}
	return s.main.kind.Name
}

// roleName returns the role of an entry if the kind has more than one.
func (s *starter) roleName(name string) string {
	if len(s.main.kind.Roles()) < 2 {
		return ""
	}
	if role := s.roles[name]; role != "" {
		return role
	}
	for _, entry := range append(s.entries, s.dir) {
		if r, ok := s.table.FindRole(s.main.kind, entry, ""); ok && entry.Path == name {
			return r.Role
		}
	}
	return ""
}

// formatComment formats text as a comment at the end of a line.
func formatComment(text string) string {
	if text == "" {
		return ""
	}
	return " # " + strings.Join(strings.Fields(text), " ")
}

// quote quotes a string if YAML requires it.
func quote(s string) string {
	encoded, err := yaml.Marshal(s)
	if err != nil || bytes.ContainsAny(encoded[:len(encoded)-1], "\n") || strings.ContainsAny(s, ",[]{}") {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(encoded))
}

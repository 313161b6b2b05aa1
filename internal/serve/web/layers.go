package web

import (
	"net/url"
	"strings"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/term/fields"
	"github.com/davit-oci/davit/pull/inspect"
)

// maxFields is how many fields of a config the first page of an artifact shows.
const maxFields = 60

// configFields returns what the config of an artifact says.
func configFields(info *inspect.Info) []field {
	if info.Config == nil {
		return nil
	}
	all, _ := fields.Of(info.Config.Content)
	var list []field
	for _, f := range all[:min(len(all), maxFields)] {
		list = append(list, field(f))
	}
	return list
}

// layerRows describes the layers of an artifact, with the steps that made those of an image.
func layerRows(info *inspect.Info, p place) []layerRow {
	var steps []fields.Step
	if info.Config != nil {
		_, history := fields.Of(info.Config.Content)
		for _, s := range history {
			if !s.Empty {
				steps = append(steps, s)
			}
		}
	}
	var rows []layerRow
	for i, l := range info.Layers {
		row := layerRow{Name: l.Name, Role: l.Role, MediaType: l.MediaType, Digest: l.Digest, Size: l.Size}
		if len(steps) == len(info.Layers) {
			row.History = steps[i].Text
		}
		if l.Name != "" && !strings.Contains(l.MediaType, "tar") {
			row.Path = PathTo(p.repository, "@", info.Digest.String()) + escapePath("/file/"+l.Name)
		}
		rows = append(rows, row)
	}
	return rows
}

// escapePath escapes a path for an address.
func escapePath(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// unescapePath returns the path that an address has, or the address itself if it is malformed.
func unescapePath(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}

// command is a command to copy.
type command struct{ ID, Text string }

// commandsFor returns commands for an artifact by its digest: davit's, and those of the native clients of its kind for a
// registry.
func commandsFor(name string, info *inspect.Info) []command {
	ref := name + "@" + info.Digest.String()
	texts := []string{"davit pull " + quote(ref), "davit verify " + quote(ref)}
	if !isPath(name) {
		k, _ := kinds.Lookup(info.Kind)
		for _, native := range append(k.Native, "oras pull {ref}") {
			texts = append(texts, strings.NewReplacer("{ref}", ref).Replace(native))
		}
	}
	var commands []command
	for i, text := range texts {
		commands = append(commands, command{"command-" + string(rune('a'+i)), text})
	}
	return commands
}

// isPath reports whether commands call something by its path.
func isPath(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~") || strings.HasPrefix(name, `\`)
}

// quote quotes an argument for a shell if it needs that.
func quote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@+~") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

package view

import (
	"strings"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/pull/inspect"
)

// Command is a command that a page shows to be copied.
type Command struct{ ID, Text string }

// Commands returns commands for an artifact by its digest: those of davit and, for a registry, of the native clients of its kind.
func Commands(name string, info *inspect.Info) []Command {
	ref := name + "@" + info.Digest.String()
	texts := []string{shell.Command("davit", "pull", ref), shell.Command("davit", "verify", ref)}
	if !isPath(name) {
		k, _ := kinds.Lookup(info.Kind)
		for _, native := range append(k.Native, "oras pull {ref}") {
			words := strings.Fields(native)
			for i, word := range words {
				words[i] = strings.ReplaceAll(word, "{ref}", ref)
			}
			texts = append(texts, shell.Command(words...))
		}
	}
	var commands []Command
	for i, text := range texts {
		commands = append(commands, Command{"command-" + string(rune('a'+i)), text})
	}
	return commands
}

// isPath reports whether a name is a path, rather than a repository of a registry.
func isPath(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~") || strings.HasPrefix(name, `\`)
}

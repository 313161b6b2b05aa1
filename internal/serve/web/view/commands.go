package view

import (
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/pull/inspect"
)

// Command is a command that a page shows to be copied.
type Command struct{ ID, Text string }

// Address is a repository as commands name it.
type Address struct {
	Name      string // HOST/REPOSITORY, or the path of a layout
	Tag       string // of the artifact; empty if unknown
	PlainHTTP bool   // the registry is reached by plain HTTP
}

// Commands returns commands for an artifact by its digest: those of davit and, for a registry, of the native clients of its kind.
func Commands(at Address, info *inspect.Info) []Command {
	ref := at.Name + "@" + info.Digest.String()
	tagged := at.Name + ":" + at.Tag + "@" + info.Digest.String()
	texts := []string{at.Command("davit", "pull", ref), at.Command("davit", "verify", ref)}
	if !isPath(at.Name) {
		k, _ := kinds.Lookup(info.Kind)
		for _, native := range append(k.Native, "oras pull {ref}") {
			if at.Tag == "" && strings.Contains(native, "{tagged}") {
				continue
			}
			words := strings.Fields(native)
			for i, word := range words {
				words[i] = strings.NewReplacer("{ref}", ref, "{tagged}", tagged).Replace(word)
			}
			texts = append(texts, at.Command(words...))
		}
	}
	var commands []Command
	for i, text := range texts {
		commands = append(commands, Command{"command-" + string(rune('a'+i)), text})
	}
	return commands
}

// Command returns a command line about artifacts of a. If the client needs flags for plain HTTP, they follow its subcommands.
func (a Address) Command(words ...string) string {
	if a.PlainHTTP {
		host, _, _ := strings.Cut(a.Name, "/")
		at := slices.IndexFunc(words, func(word string) bool { return word[0] == '-' || strings.Contains(word, a.Name) })
		words = slices.Concat(words[:at], kinds.PlainHTTPFlags(words[0], words[1], host, reference.IsLoopback(host)), words[at:])
	}
	return shell.Command(words...)
}

// isPath reports whether a name is a path, rather than a repository of a registry.
func isPath(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~") || strings.HasPrefix(name, `\`)
}

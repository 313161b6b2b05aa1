package kindwords_test

import (
	"testing"

	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kindwords"
)

func TestSuggest(t *testing.T) {
	t.Parallel()
	var names []string
	for _, k := range kinds.All() {
		names = append(names, k.Name)
	}
	for typed, want := range map[string]string{
		"sarif": "report", "chart": "helm", "gguf": "model", "SPDX": "sbom", "devcontainer": "feature", "terraform": "opentofu-module",
		"modle": "model", "runbok": "runbook",
	} {
		if got := kindwords.Suggest(typed, names); got != `did you mean "`+want+`"?` {
			t.Errorf("%s: got %q, want %s", typed, got, want)
		}
	}
	if got := kindwords.Suggest("nosuchthing", names); got != "" {
		t.Errorf("nosuchthing: got %q, want no suggestion", got)
	}
	if got := kindwords.Suggest("sarif", []string{"sbom"}); got != "" {
		t.Errorf("a word of a kind that is not in names: got %q, want no suggestion", got)
	}
}

// TestWords checks that every word belongs to a kind, is not the name of a kind, and occurs only once.
func TestWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for kind, list := range kindwords.All() {
		if _, ok := kinds.Lookup(kind); !ok {
			t.Errorf("%q is not a kind", kind)
		}
		for _, word := range list {
			if _, ok := kinds.Lookup(word); ok || seen[word] {
				t.Errorf("%s: %q is a kind, or occurs twice", kind, word)
			}
			seen[word] = true
		}
	}
}

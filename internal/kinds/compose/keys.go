package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/kinds/compose/composespec"
	"github.com/davit-oci/davit/internal/textdist"
	"gopkg.in/yaml.v3"
)

// checkKeys returns an error for a top-level key of a compose file that docker compose does not know.
func checkKeys(file *yaml.Node) error {
	known := composespec.TopKeys()
	for i := 0; i+1 < len(file.Content); i += 2 {
		key := file.Content[i]
		if key.Tag == "!!merge" || strings.HasPrefix(key.Value, "x-") || slices.Contains(known, key.Value) {
			continue
		}
		if suggestion := textdist.Suggest(key.Value, known); strings.HasPrefix(suggestion, "did you mean") {
			return fmt.Errorf("docker compose does not know the key %q: %s", key.Value, suggestion)
		}
		return fmt.Errorf("docker compose does not know the key %q", key.Value)
	}
	return nil
}

// isNull reports whether a node exists and has no value.
func isNull(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.ScalarNode && node.Tag == "!!null"
}

// hasValue reports whether a node has the value text.
func hasValue(node *yaml.Node, text string) bool { return node != nil && node.Value == text }

package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/kinds/compose/composespec"
	"github.com/davit-oci/davit/internal/textdist"
	"gopkg.in/yaml.v3"
)

// checkKeys returns an error for the top-level keys of a compose file that docker compose does not know.
func checkKeys(file *yaml.Node) error {
	known := composespec.TopKeys()
	var faults []string
	for i := 0; i+1 < len(file.Content); i += 2 {
		key := file.Content[i]
		if key.Tag == "!!merge" || strings.HasPrefix(key.Value, "x-") || slices.Contains(known, key.Value) {
			continue
		}
		text := fmt.Sprintf("the key %q on line %d", key.Value, key.Line)
		if suggestion := textdist.DidYouMean(key.Value, known); suggestion != "" {
			text += " (" + suggestion + ")"
		}
		faults = append(faults, text)
	}
	if faults == nil {
		return nil
	}
	return errors.New("docker compose does not know " + textdist.FirstFew(faults))
}

// isNull reports whether a node exists and has no value.
func isNull(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.ScalarNode && node.Tag == "!!null"
}

// hasValue reports whether a node has the value text.
func hasValue(node *yaml.Node, text string) bool { return node != nil && node.Value == text }

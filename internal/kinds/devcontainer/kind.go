// Package devcontainer is the room of the kinds for Dev Container Features and Templates, and their collections.
package devcontainer

import (
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/mediatypes"
)

// Feature returns the kind of Dev Container Features.
func Feature() kind.Kind {
	return kind.Kind{
		Kind:   feature(),
		Derive: deriveFeature,
		Tests: map[string]compose.Test{
			"feature": {Expects: "a directory with a devcontainer-feature.json", Find: isFeature},
		},
		Sign: func(t mediatypes.Traits) bool {
			return t.ConfigType == mediatypes.DevContainer && !isCollectionOf(t) && !isTemplateOf(t)
		},
	}
}

// Template returns the kind of Dev Container Templates.
func Template() kind.Kind {
	return kind.Kind{
		Kind:   template(),
		Derive: deriveTemplate,
		Tests: map[string]compose.Test{
			"template": {Expects: "a directory with a devcontainer-template.json", Find: isTemplate},
		},
		Sign: func(t mediatypes.Traits) bool { return isTemplateOf(t) && !isCollectionOf(t) },
	}
}

// Collection returns the kind of collections of Features or Templates.
func Collection() kind.Kind {
	return kind.Kind{
		Kind:   collection(),
		Derive: deriveCollection,
		Tests: map[string]compose.Test{
			"collection": {Expects: "a directory of Dev Container Features or Templates", Find: isCollection},
		},
		Sign: isCollectionOf,
	}
}

func isCollectionOf(t mediatypes.Traits) bool {
	return t.ConfigType == mediatypes.DevContainer && t.HasLayer(mediatypes.DevContainerCollection)
}

func isTemplateOf(t mediatypes.Traits) bool {
	return t.ConfigType == mediatypes.DevContainer && t.HasTitle("devcontainer-template-")
}

package roles

import (
	"fmt"
	"path"
	"strings"

	"github.com/davit-oci/davit/mediatypes"
)

// Packings returns the hint that lists how a role can be packed; for a directory, also the roles of the kind that take any number of
// directories.
func Packings(kind mediatypes.Kind, t mediatypes.LayerType, isDir bool) string {
	hint := "one of " + listPackings(t)
	for _, other := range kind.Layers {
		if isDir && other.Role != t.Role && other.Max == 0 && IsForDirectories(other) {
			hint += fmt.Sprintf("; with as: %s, one of %s", other.Role, listPackings(other))
		}
	}
	return hint + "; or set mediaType"
}

func listPackings(t mediatypes.LayerType) string {
	var known []string
	for _, p := range mediatypes.Packings() {
		if _, ok := t.For(p); ok {
			known = append(known, string(p))
		}
	}
	return strings.Join(known, ", ")
}

// LayerAnnotations returns the annotations of a layer: those of its role, and the declared ones.
func LayerAnnotations(r Role, name string, declared map[string]string) map[string]string {
	if len(r.Annotations)+len(declared) == 0 {
		return nil
	}
	all := map[string]string{}
	for key, value := range r.Annotations {
		all[key] = strings.NewReplacer("{path}", name, "{base}", path.Base(name)).Replace(value)
	}
	for key, value := range declared {
		all[key] = value
	}
	return all
}

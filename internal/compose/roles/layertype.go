package roles

import (
	"path"
	"strings"

	"github.com/davit-oci/davit/mediatypes"
)

// Packings returns the hint that lists how a role can be packed.
func Packings(t mediatypes.LayerType) string {
	var known []string
	for _, p := range mediatypes.Packings() {
		if _, ok := t.For(p); ok {
			known = append(known, string(p))
		}
	}
	return "one of " + strings.Join(known, ", ") + "; or set mediaType"
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

package compose

import (
	"fmt"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose/roles"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// titlePrefix is the LayerType.Prefix of a tar that oras unpacks.
const titlePrefix = "{title}/"

// add applies the settings of the role and the entry to a layer, and adds the layer to the draft.
func (e *entry) add(r roles.Role, s *tree.Sample, l spec.Layer) {
	alone := l.Path == "." && len(l.Files) == 1 && e.Title == "" && r.Prefix == titlePrefix
	l.Role = r.Role
	if alone {
		l.Title, r.Prefix = l.Files[0]+l.Packing.Extension(), "" // no directory to name it after
	} else {
		l.Title = e.chooseTitle(r, l)
		if l.Packing == mediatypes.Zip && l.Dir && l.Title != "" && e.Title == "" {
			l.Title += l.Packing.Extension() // a pull does not unpack it
		}
	}
	mediaType, ok := r.For(l.Packing)
	if e.MediaType != "" {
		mediaType, ok = e.MediaType, true
	}
	if !ok && e.draft.Kind.Name != "" {
		e.report("/packing", fmt.Sprintf("kind %q does not pack role %q as %s", e.draft.Kind.Name, r.Role, l.Packing), roles.Packings(e.draft.Kind, r.LayerType, l.Dir || strings.HasPrefix(s.Path, strings.TrimSuffix(e.Path, "/")+"/")))
	}
	l.MediaType = mediaType
	if l.Packing != mediatypes.Raw {
		l.Prefix = strings.ReplaceAll(r.Prefix, "{title}", l.Title)
		l.Unpack = r.Prefix == titlePrefix && l.Packing == mediatypes.TarGzip
		l.Preserve = e.isPreserved(r)
		l.Image = e.draft.Kind.Shape != mediatypes.Artifact
		l.Follow = r.Follow && l.Dir
		l.File = r.File
	}
	l.Annotations = roles.LayerAnnotations(r, s.Path, e.LayerSpec.Annotations)
	if r.Evidence != "" && !r.Tells {
		e.draft.Notes = append(e.draft.Notes, fmt.Sprintf("%s: %s is the %s, it %s", e.draft.Kind.Name, s.Path, r.Role, r.Evidence))
	}
	e.draft.Layers = append(e.draft.Layers, &Layer{Layer: l, Type: r, Info: s.Info, At: e.at, Declared: e.LayerSpec})
}

// isPreserved reports whether a layer keeps owners, modes, and times. The entry overrides the role.
func (e *entry) isPreserved(r roles.Role) bool {
	if e.Preserve != nil {
		return *e.Preserve
	}
	return r.Preserve
}

// isSplit reports whether a layer is split. The entry overrides the role.
func (e *entry) isSplit(r roles.Role) bool {
	if e.Split != nil {
		return *e.Split
	}
	return r.Split
}

// chooseTitle returns the declared title, or else the path. For the directory of the declaration itself, this is the name of its only file,
// or else the name of the artifact or the directory.
func (e *entry) chooseTitle(r roles.Role, l spec.Layer) string {
	switch {
	case e.Title != "":
		return e.Title
	case r.Untitled:
		return ""
	case l.Path != ".":
		return l.Path
	case len(l.Files) == 1:
		return l.Files[0]
	}
	title := e.draft.Kind.Name
	for _, name := range []string{e.draft.Spec.Name, e.draft.Spec.Dir} {
		if name != "" && declare.BadTitle(name) == "" {
			title = name
		}
	}
	e.draft.Notes = append(e.draft.Notes, fmt.Sprintf("%s: packed as the directory %q", e.draft.Kind.Name, title))
	return title
}

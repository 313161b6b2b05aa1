package index

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/untrusted"
	"oras.land/oras-go/v2/errdef"
)

// AmbiguousError is the error about a tag of several manifests. errors.Is(err, artifact.ErrInvalid) and
// errors.Is(err, errdef.ErrInvalidReference) hold.
type AmbiguousError struct {
	Path  string // of the layout or archive; set by the caller, which knows it
	Tag   string
	Names []string // what each of the manifests can be found by: a full name, or its digest
}

// newAmbiguousError returns the error about a tag that all of these entries have.
func newAmbiguousError(tag string, found []Entry) *AmbiguousError {
	e := &AmbiguousError{Tag: tag}
	for _, f := range found {
		name := f.label()
		if name == tag || slices.ContainsFunc(found, func(other Entry) bool { return other.Digest != f.Digest && other.label() == name }) {
			name = f.Digest.String()
		}
		if !slices.Contains(e.Names, name) {
			e.Names = append(e.Names, name)
		}
	}
	return e
}

func (e *AmbiguousError) Error() string {
	few := textdist.FirstOf(e.Names, 2)
	if len(e.Names) == 2 {
		few = e.Names[0] + " and " + e.Names[1]
	}
	text := fmt.Sprintf("resolving %q: ambiguous tag: %s have it", untrusted.Line(e.Tag, 200), few)
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	return text
}

func (e *AmbiguousError) Unwrap() []error {
	return []error{artifact.ErrInvalid, errdef.ErrInvalidReference}
}

// label returns the name of an entry, escaped for messages.
func (e Entry) label() string { return untrusted.Line(cmp.Or(e.containerd, e.refName), 300) }

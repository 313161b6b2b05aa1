package roles

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
)

// GenericHint is the hint for a file whose content does not match its name.
const GenericHint = "fix it, or name the kind generic, which packs any file unchanged"

// CheckClaims returns an error for the files that have the name of a kind but are broken. It is for files for which no kind was found;
// otherwise, their faults are reported elsewhere.
func (t *Table) CheckClaims(samples []*tree.Sample) error {
	var problems spec.Problems
	for _, s := range samples {
		if s.Info.Mode().IsRegular() {
			problems = append(problems, t.checkClaim(s)...)
		}
	}
	return problems.Err()
}

// checkClaim returns the faults of a file that has the name of a kind. It returns nil if the content shows a kind, or if the file is valid.
func (t *Table) checkClaim(s *tree.Sample) spec.Problems {
	var problems spec.Problems
	for _, k := range t.Kinds {
		if r, ok := t.FindRole(k, s, ""); ok && r.Tells {
			return nil
		}
		if fault := t.ClaimFault(k, s); fault != nil && len(problems) == 0 {
			if problems = AlmostOfKind(s); problems != nil {
				continue
			}
			problems = spec.Problems{{File: s.Path, Message: fmt.Sprintf("it has the name of kind %q, but %v", k.Name, fault), Hint: GenericHint}}
		}
	}
	return problems
}

// ClaimFault returns the fault of a file that has the name of a kind and no role in it. It returns nil if the file is not meant for the kind.
func (t *Table) ClaimFault(k mediatypes.Kind, s *tree.Sample) error {
	i := slices.IndexFunc(k.Layers, func(l mediatypes.LayerType) bool { return claims(l, s.Path) })
	if i < 0 {
		return nil
	}
	return t.findFault(k.Layers[i], s)
}

// claims reports whether the name of a file is one that a layer type claims.
func claims(t mediatypes.LayerType, name string) bool {
	return slices.ContainsFunc(t.Claims, func(pattern string) bool { return matchPattern(pattern, path.Base(name)) })
}

// findFault returns the fault of a file that its layer type does not accept.
func (t *Table) findFault(l mediatypes.LayerType, s *tree.Sample) error {
	test := t.Tests[l.Content]
	if test.Fault != nil {
		return test.Fault(s)
	}
	f, err := s.Open()
	if err != nil {
		return nil // reported when it is packed
	}
	defer f.Close()
	err = jsonwalk.Scan(bom.Skip(f), func(string, string) bool { return true })
	if s.Info.Size() <= jsonwalk.MaxScan && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return errors.New("its JSON ends too early")
	}
	return fmt.Errorf("it is not %s", test.Expects)
}

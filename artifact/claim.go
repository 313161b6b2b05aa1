package artifact

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/davit-oci/davit/mediatypes"
)

// genericHint is what to do about a file that is not what it looks like.
const genericHint = "mend it, or name the kind generic, which packs any file as it is"

// checkClaims reports the files that claim by their names to be of some kind and are broken. It is for files that no
// kind fits: with a kind, what is wrong with them was found out already.
func (t *Table) checkClaims(samples []*sample) error {
	var problems Problems
	for _, s := range samples {
		if s.info.Mode().IsRegular() {
			problems = append(problems, t.claimProblems(s)...)
		}
	}
	return problems.Err()
}

// claimProblems says what is wrong with a file that claims a kind; nothing where it tells one, or is sound.
func (t *Table) claimProblems(s *sample) Problems {
	var problems Problems
	for _, k := range t.Kinds {
		if r, ok := t.findRole(k, s, ""); ok && r.Tells {
			return nil
		}
		if fault := t.claimFault(k, s); fault != nil && len(problems) == 0 {
			problems = Problems{{Message: fmt.Sprintf("%q has the name of kind %q, but %v", s.path, k.Name, fault), Hint: genericHint}}
		}
	}
	return problems
}

// claimFault says what is wrong with a file that has the name of a kind and no role in it; nil where it is something
// else.
func (t *Table) claimFault(k mediatypes.Kind, s *sample) error {
	i := slices.IndexFunc(k.Layers, func(l mediatypes.LayerType) bool { return claims(l, s.path) })
	if i < 0 {
		return nil
	}
	return t.faultOf(k.Layers[i], s)
}

// claims tells whether a name says that the file is of a layer type.
func claims(t mediatypes.LayerType, name string) bool {
	return slices.ContainsFunc(t.Claims, func(pattern string) bool { return matchPattern(pattern, path.Base(name)) })
}

// faultOf says what is wrong with a file that its layer type does not take.
func (t *Table) faultOf(l mediatypes.LayerType, s *sample) error {
	test := t.Tests[l.Content]
	if test.fault != nil {
		return test.fault(s)
	}
	f, err := s.open()
	if err != nil {
		return nil // told when it is packed
	}
	defer f.Close()
	err = scanJSON(withoutBOM(f), func(string, string) bool { return true })
	if s.info.Size() <= maxScan && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		return errors.New("its JSON ends too early")
	}
	return fmt.Errorf("it is not %s", test.expects)
}

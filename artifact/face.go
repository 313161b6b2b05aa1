package artifact

import (
	"io/fs"

	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/detect"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/mediatypes"
)

// Kinds returns the built-in kinds, sorted by name. The slice belongs to the caller; the maps inside are shared and must
// not be changed.
func Kinds() []mediatypes.Kind { return kinds.Data() }

// Parse reads a davit.yaml. The name identifies the file in Problems; "-" is standard input. The error is of type Problems, and
// lists all of them. A Spec returned with Problems holds the values that could be read: Compose refuses it, and reports the same
// problems together with those that it finds in the files. The Spec is nil only if nothing could be read.
func Parse(name string, data []byte) (*Spec, error) {
	return declare.Parse(kinds.Table().Catalog(), name, data)
}

// ParseKind reads a kind file: a kind that is not built in, with the fields of mediatypes.Kind. The error is of type Problems.
func ParseKind(name string, data []byte) (mediatypes.Kind, error) {
	return declare.ParseKind(kinds.Table().Catalog(), name, data)
}

// Schema returns a JSON Schema (2020-12): of davit.yaml if kind is empty, else of the config of that built-in kind.
// It fails with ErrInvalid if the kind is unknown.
func Schema(kind string) ([]byte, error) {
	if kind == "" {
		return declare.SpecSchemaJSON()
	}
	known := kinds.Table().Catalog()
	k, ok := known.Lookup(kind)
	if !ok {
		return nil, known.UnknownKind(kind)
	}
	return declare.ConfigSchema(k)
}

// Compose plans an artifact: it finds the declared files, assigns each its role in the kind, and reads the config from
// them. It writes nothing, and the same tree results in the same plan. The error is of type Problems, and lists all of them.
// Messages about links are better if the file system implements fs.ReadLinkFS, as that of os.Root does.
func Compose(fsys fs.FS, spec *Spec) (*Plan, error) { return kinds.Table().Compose(fsys, spec) }

// Detect makes a Spec of plain files and directories. The kind is the given one, or the one that the names and contents of
// the files indicate; the notes then describe the evidence. If several kinds fit, the error is an *AmbiguousError. If none
// fits, the kind is generic. A broken file whose name belongs to a kind is an error.
func Detect(fsys fs.FS, paths []string, kind string) (*Spec, []string, error) {
	return detect.Detect(kinds.Table(), fsys, paths, kind)
}

// InKind makes a Spec of the given kind for plain files and directories. The kind is built in, or ParseKind returned it.
// InKind fails with ErrInvalid if a path does not exist or a file has no role in the kind.
func InKind(fsys fs.FS, paths []string, kind mediatypes.Kind) (*Spec, error) {
	return detect.InKind(kinds.Table(), fsys, paths, kind)
}

// Starter returns a commented davit.yaml for the files of a directory, of the given kind (the path of a kind file is relative
// to the directory) or the one that the files indicate. SBOMs, runbooks, and other kinds that are mostly attached become
// referrers of the rest. Compose accepts the result unchanged. If Detect or Compose refuses the directory, so does Starter,
// with the same error, unless it can declare each file for a different platform.
func Starter(fsys fs.FS, dir, kind string) ([]byte, error) {
	return detect.Starter(kinds.Table(), fsys, dir, kind)
}

// AmbiguousError reports that several kinds fit the files, and the user must choose. errors.Is(err, ErrInvalid) holds.
type AmbiguousError = detect.AmbiguousError

// Candidate is a kind that fits, and the evidence for it.
type Candidate = detect.Candidate

// IsKindFile reports whether a kind is the path of a kind file, and not the name of a built-in kind.
func IsKindFile(kind string) bool { return declare.IsKindFile(kind) }

// KindFile returns the kind file of a kind. A built-in kind and its kind file pack the same files to the same bytes. It
// returns an error if the kind has values that YAML can't express.
func KindFile(kind mediatypes.Kind) ([]byte, error) { return declare.KindFile(kind) }

// ConfigSchema returns the JSON Schema of the field config in a davit.yaml of a kind. It returns an error if the kind has a
// schema that JSON can't express.
func ConfigSchema(kind mediatypes.Kind) ([]byte, error) { return declare.ConfigSchema(kind) }

// ReadConfig replaces the config fields of a declaration with those of a YAML or JSON file. The error is of type
// Problems, with positions in that file.
func ReadConfig(s *Spec, name string, data []byte) error { return declare.ReadConfig(s, name, data) }

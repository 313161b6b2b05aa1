package declare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/textdist"
)

// A NativeFile is a metadata file of another tool, such as Chart.yaml, and the faults in it.
type NativeFile struct {
	Reader string // the tool that reads the file
	Faults spec.Problems

	source *spec.Source
	data   []byte
}

// NewNativeFile returns a file in YAML or JSON without comments. If it can't be read as YAML, its faults have no positions.
func NewNativeFile(file string, data []byte, reader string) *NativeFile {
	// YAML, of which JSON is a part, has no tabs between tokens. In strings of JSON, they are escaped.
	doc := ReadDocument(file, bytes.ReplaceAll(data, []byte("\t"), []byte(" ")))
	return &NativeFile{Reader: reader, source: &doc.Source, data: data}
}

// Add adds a fault of the value at a JSON pointer. Inlined, it would add 4 KB to the program.
//
//go:noinline
func (f *NativeFile) Add(pointer, message string) {
	f.Faults = append(f.Faults, f.source.Problem(pointer, message, ""))
}

// AddMissing adds the fault that a required field is missing. It names a key that may be misspelled.
func (f *NativeFile) AddMissing(key string) {
	message := "it has no " + key + ", which " + f.Reader + " requires"
	var keys []string
	for pointer := range f.source.Keys {
		if name := pointer[1:]; !strings.Contains(name, "/") && name != key {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	if typo := textdist.Closest(key, keys); typo != "" {
		f.Faults = append(f.Faults, f.source.KeyProblem("/"+typo, message, fmt.Sprintf("rename %q to %q", typo, key)))
		return
	}
	f.Add("", message)
}

// AddSyntax adds an error of a parser for JSON or YAML, with its line if that is known.
func (f *NativeFile) AddSyntax(err error) {
	p := spec.Problem{File: f.source.File}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := f.data[:min(int(max(syntax.Offset-1, 0)), len(f.data))]
		p.Line, p.Column = 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n')
	} else if line, _ := yamlerror.Split(err); line > 0 {
		p.Line, p.Column = line, 1
	}
	text := strings.TrimPrefix(yamlerror.Worded(err).Error(), fmt.Sprintf("line %d: ", p.Line))
	if errors.As(err, new(*json.UnmarshalTypeError)) {
		text = "it is not a JSON object"
	}
	p.Message = f.Reader + " can't read it: " + text
	f.Faults = append(f.Faults, p)
}

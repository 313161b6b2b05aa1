// Package listing reads the declarations of native clients, which list the files to pack: the Modelfile of modctl and the
// Kitfile of kit. They apply to every kind of model.
package listing

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/modelfile"
	"github.com/davit-oci/davit/internal/tree"
)

// The roles of files in a Modelfile. They are the roles of kind modelpack.
const (
	Weights = "weights"
	Config  = "config"
	Code    = "code"
	Dataset = "dataset"
	Doc     = "doc"
)

// file is a file that a declaration lists. role is empty if the declaration does not determine the role.
type file struct{ path, role string }

// RefuseBroken reports to d the problems of each declaration that its client would reject, and returns whether it found any.
func RefuseBroken(d *compose.Draft) (found bool) {
	for _, l := range d.Layers {
		if !Governs(d, l) || l.Declared.As != "" {
			continue
		}
		var faults spec.Problems
		if path.Base(l.Source()) == "Modelfile" {
			faults = modelfileFault(d, l)
		} else {
			faults = kitfileFault(d, l)
		}
		d.Report(faults...)
		found = found || len(faults) > 0
	}
	return found
}

// problem returns an error about a declaration as a problem. If the error is a modelfile.Fault, the problem has its line.
func problem(file, hint string, err error) spec.Problem {
	var at *modelfile.Fault
	p := spec.Problem{File: file, Message: err.Error(), Hint: hint}
	if errors.As(err, &at) {
		p.Line, p.Message = at.Line, at.Err.Error()
	}
	return p
}

// Problem returns an error about a line of a Modelfile as a problem.
func Problem(by *compose.Layer, err error) error { return problem(by.Source(), "", err) }

// badPath returns why a declaration can't name a path, with a hint, or "" if the path is valid.
func badPath(declared string) (message, hint string) {
	if message, _ = declare.BadPath(declared); message == "" {
		return "", ""
	}
	if strings.Contains(message, "characters") {
		return fmt.Sprintf("names %q, which %s", declared, message), ""
	}
	return fmt.Sprintf("names %q, which is not below the directory that is packed", declared), "move or copy the file there, and write its path from there"
}

// Governs reports whether a layer is a file with the name of a declaration in the top directory of the packed files. In a
// subdirectory, such a file is packed like any other.
func Governs(d *compose.Draft, l *compose.Layer) bool {
	name := path.Base(l.Source())
	if l.Dir || name != "Modelfile" && !slices.Contains(Kitfiles, name) {
		return false
	}
	dir := path.Dir(l.Source())
	for _, whole := range d.Spec.Dirs {
		if tree.IsWithin(whole, dir) {
			return whole == dir
		}
	}
	base := path.Clean(l.Declared.Path)
	if tree.IsGlob(base) {
		base, _ = doublestar.SplitPattern(base)
	}
	return l.NamesFile() || base == dir
}

// Take replaces the layers with the files that a declaration lists, if a layer is a declaration with one of names. as maps the
// roles in a Modelfile to those of the kind. If it is nil, the names and contents of the files determine their roles.
func Take(d *compose.Draft, as map[string]string, names ...string) error {
	by := findDeclaration(d, names)
	if by == nil {
		return nil
	}
	var files []file
	var err error
	if path.Base(by.Source()) == "Modelfile" {
		var m *Modelfile
		if m, err = ReadModelfile(d, by); err == nil {
			files, err = m.filesIn(d, by)
		}
	} else {
		files, err = filesInKitfile(d, by)
	}
	if err != nil {
		return err
	}
	for i, f := range files {
		files[i].role = as[f.role]
	}
	replace(d, by, files)
	return nil
}

// findDeclaration returns the layer of a declaration with one of names, or nil otherwise. Earlier names take precedence.
func findDeclaration(d *compose.Draft, names []string) *compose.Layer {
	for _, name := range names {
		for _, l := range d.Layers {
			if path.Base(l.Source()) == name && l.Declared.As == "" && Governs(d, l) && !isOllamaLayer(d, l) {
				return l
			}
		}
	}
	return nil
}

// isOllamaLayer reports whether a layer is a Modelfile of Ollama.
func isOllamaLayer(d *compose.Draft, l *compose.Layer) bool {
	data, err := tree.ReadStart(d.FS, l.Source(), MaxModelfile)
	return err == nil && path.Base(l.Source()) == "Modelfile" && IsOllama(data)
}

// replace replaces the layers in the directory of a declaration with the files that the declaration lists. Files that already
// have a layer keep their order; the others follow, in the order of the declaration.
func replace(d *compose.Draft, by *compose.Layer, files []file) {
	listed := map[string]file{}
	for _, f := range files {
		listed[f.path] = f
	}
	declared := d.Layers
	d.Layers = nil
	for _, l := range declared {
		f, isListed := listed[l.Source()]
		switch {
		case isListed && !l.Dir && (f.role == "" || f.role == l.Role):
			d.Layers = append(d.Layers, l)
		case isListed && !l.Dir:
			d.AddFile(by, f.path, f.role)
		case !tree.IsWithin(path.Dir(by.Source()), l.Source()):
			d.Layers = append(d.Layers, l)
			continue
		default:
			continue
		}
		delete(listed, f.path)
	}
	for _, f := range files {
		if _, left := listed[f.path]; left {
			delete(listed, f.path)
			d.AddFile(by, f.path, f.role)
		}
	}
	d.DropUnnamed(by.Source(), declared)
}

// isDirectory reports whether a path is that of a directory.
func isDirectory(d *compose.Draft, name string) bool {
	info, err := fs.Stat(d.FS, path.Clean(name))
	return err == nil && info.IsDir()
}

package compose

import (
	"errors"
	"fmt"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/declare"
	"gopkg.in/yaml.v3"
)

// report adds a fault in a file, at a node unless that is nil.
func (p *composeProject) report(file string, at *yaml.Node, err error) {
	problem := spec.Problem{File: file, Message: err.Error()}
	if at != nil {
		problem.Line, problem.Column = at.Line, at.Column
	}
	var known *spec.Error
	if !errors.As(err, &problem) && errors.As(err, &known) {
		problem.Hint = known.Hint
	}
	p.faults = append(p.faults, problem)
}

// unreadable returns the fault of a file with an error of a parser.
func unreadable(file string, data []byte, err error) spec.Problem {
	native := declare.NewNativeFile(file, data, "docker compose")
	native.AddSyntax(err)
	return native.Faults[0]
}

// refuse reports a fault at a node of the file, in the part of the file that is being rewritten.
func (f *composeFile) refuse(at *yaml.Node, err error) {
	if f.inside != "" {
		err = fmt.Errorf("%s: %w", f.inside, err)
	}
	f.report(f.name, at, err)
}

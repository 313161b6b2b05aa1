// Package tekton implements the kind for Tekton bundles. Kind files can use its derive function to make a layer from each
// document of a YAML file.
package tekton

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/kinds/image"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"gopkg.in/yaml.v3"
)

// derive replaces each YAML file with a layer for each of its documents. The layer is raw, or a tar of one file with the name of the
// object. In the annotations of the role, it replaces {name}, {kind}, and {version} with the values of the object.
func derive(d *compose.Draft) (configblob.Finish, error) {
	var layers []*compose.Layer
	var faults spec.Problems
	for _, l := range d.Layers {
		own, err := split(d, l)
		if err := faults.Collect(err); err != nil {
			return nil, &spec.Error{Item: l.Source(), Err: err}
		}
		layers = append(layers, own...)
		if most := l.Type.Max; most > 0 && len(layers) > most {
			return nil, &spec.Error{Item: l.Source(), Err: fmt.Errorf("too many objects for kind %q: limit is %d", d.Kind.Name, most)}
		}
	}
	if faults != nil {
		d.Report(faults...)
		return nil, nil
	}
	d.Layers = layers
	if d.Kind.Shape == mediatypes.Image {
		return image.Kind().Derive(d)
	}
	return configblob.Constant(d.Overlay(nil))
}

// object holds the fields that identify a Kubernetes object.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
}

// separator matches the line between two YAML documents.
var separator = lazy.Regexp(`(?m)^---(?:[ \t].*)?\r?$\n?`)

// validName matches valid names of Kubernetes objects.
var validName = lazy.Regexp(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// split returns a layer for each document of a YAML file.
func split(d *compose.Draft, l *compose.Layer) ([]*compose.Layer, error) {
	if l.Packing != mediatypes.Raw && l.Packing != mediatypes.Tar {
		return nil, fmt.Errorf("a document is packed raw or as tar, not as %s", l.Packing)
	}
	data, err := tree.ReadFile(d.FS, l.Source(), tree.MaxSmallFile)
	if err != nil {
		return nil, errors.New(tree.Cause(err))
	}
	var layers []*compose.Layer
	var faults spec.Problems
	line := 0 // how many lines precede the document
	for i, text := range splitDocuments(separator(), data) {
		report := func(at int, message string) {
			faults = append(faults, spec.Problem{File: l.Source(), Line: line + max(at, 1), Column: 1, Message: fmt.Sprintf("document %d: %s", i+1, message)})
		}
		var o object
		err := yaml.Unmarshal(text, &o)
		switch {
		case err != nil:
			at, _ := yamlerror.Split(err)
			report(at, strings.TrimPrefix(yamlerror.Worded(err).Error(), fmt.Sprintf("line %d: ", at)))
		case o == (object{}): // empty, or only a comment
		case o.Kind == "" || o.APIVersion == "" || !validName().MatchString(o.Metadata.Name):
			report(1, "it lacks an apiVersion, a kind, or a valid metadata.name")
		}
		line += bytes.Count(text, []byte("\n")) + 1 // and the separator
		if err != nil || o == (object{}) || faults != nil {
			continue
		}
		own, err := o.newLayer(l, text)
		if err != nil {
			return nil, err
		}
		layers = append(layers, own)
	}
	if len(layers) == 0 && faults == nil {
		return nil, errors.New("has no object")
	}
	return layers, faults.Err()
}

// splitDocuments splits data at the matches of separator.
func splitDocuments(separator *regexp.Regexp, data []byte) [][]byte {
	var all [][]byte
	at := 0
	for _, found := range separator.FindAllIndex(data, -1) {
		all = append(all, data[at:found[0]])
		at = found[1]
	}
	return append(all, data[at:])
}

// newLayer returns the layer for the object in a document. l is the layer of the YAML file.
func (o object) newLayer(l *compose.Layer, text []byte) (*compose.Layer, error) {
	own := *l
	own.Files, own.Content, own.Path = nil, text, path.Dir(l.Source())
	if own.Title != "" {
		own.Title = path.Join(own.Path, o.Metadata.Name+".yaml")
	}
	if l.Packing == mediatypes.Tar {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		err := w.WriteHeader(&tar.Header{Name: l.Prefix + o.Metadata.Name, Mode: 0o600, Size: int64(len(text)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write(text)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			return nil, err
		}
		own.Content = b.Bytes()
	}
	own.Size = int64(len(own.Content))
	version := o.APIVersion[strings.LastIndexByte(o.APIVersion, '/')+1:]
	own.Annotations = maps.Clone(l.Annotations)
	fill := strings.NewReplacer("{name}", o.Metadata.Name, "{kind}", strings.ToLower(o.Kind), "{version}", version)
	for key, value := range own.Annotations {
		own.Annotations[key] = fill.Replace(value)
	}
	return &own, nil
}

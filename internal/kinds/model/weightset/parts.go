package weightset

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
)

// Parts holds the part that each file of a draft plays: weights, adapter, projector, and so on.
type Parts struct {
	*survey.Survey
	layers map[string]*compose.Layer // by the path of each file
}

// Find surveys the files of a draft, and reports faults to d. role is the role of weights in the kind: files to which the
// declaration assigns it are the model.
func Find(d *compose.Draft, role string) *Parts {
	addShards(d, role)
	p := &Parts{layers: map[string]*compose.Layer{}}
	t := survey.Tree{FS: d.FS}
	for _, l := range d.Layers {
		for _, name := range filesOf(d.FS, l) {
			p.layers[name] = l
			t.Paths = append(t.Paths, name)
		}
		if l.Declared.As == role && !l.Dir {
			t.Chosen = append(t.Chosen, l.Source())
		}
	}
	p.Survey = t.Survey()
	if f := cacheFault(d); f != nil {
		p.Faults = []survey.Fault{*f}
		d.ReportInstead(d.Spec.Problem("", f.Text(), f.Hint))
		return p
	}
	for _, index := range slices.Sorted(maps.Keys(p.Unread)) {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%s can't be read, so missing shards are not detected: %s", index, tree.Cause(p.Unread[index])))
	}
	for _, f := range p.Faults {
		d.Refuse(p.layers[f.Path], f.Hint, "%s", f.Text())
	}
	return p
}

// filesOf lists the files of a layer.
func filesOf(fsys fs.FS, l *compose.Layer) []string {
	switch {
	case !l.Dir && len(l.Files) > 0:
		return l.Files
	case !l.Dir:
		return []string{l.Path}
	}
	below, err := tree.FilesBelow(fsys, &l.Layer)
	if err != nil {
		return nil // reported when it is packed
	}
	for i, name := range below {
		below[i] = path.Join(l.Path, name)
	}
	return below
}

// addShards adds the remaining shards of a model if the declaration names only some of them, as Docker Model Runner does.
func addShards(d *compose.Draft, role string) {
	have := map[string]bool{}
	for _, l := range d.Layers {
		have[l.Source()] = true
	}
	isFile := func(name string) bool {
		info, err := fs.Stat(d.FS, name)
		return err == nil && info.Mode().IsRegular()
	}
	for _, l := range slices.Clone(d.Layers) {
		group, _ := weights.ShardOf(l.Source())
		if group.Count == 0 || !l.NamesFile() || l.Dir {
			continue
		}
		var added []string
		for _, name := range group.Names(isFile) {
			if !have[name] && isFile(name) {
				have[name] = true
				d.AddFile(l, name, role)
				added = append(added, name)
			}
		}
		if len(added) > 0 {
			d.Notes = append(d.Notes, fmt.Sprintf("%s: %s packed too: the other shards of %s", d.Kind.Name, textdist.FirstFew(added), l.Source()))
		}
	}
}

// Part returns the part of the file of a layer, or survey.Other for a directory.
func (p *Parts) Part(l *compose.Layer) survey.Part {
	if l.Dir || len(l.Files) > 1 {
		return survey.Other
	}
	return p.Parts[l.Source()]
}

// SortWeights moves the weights of the model before other layers of their role, because a client that supports only one file of
// weights takes the first.
func (p *Parts) SortWeights(d *compose.Draft, role string) {
	var at []int
	for i, l := range d.Layers {
		if l.Role == role {
			at = append(at, i)
		}
	}
	sorted := make([]*compose.Layer, len(at))
	for i, j := range at {
		sorted[i] = d.Layers[j]
	}
	lists.Sort(sorted, func(a, b *compose.Layer) int { return p.weightRank(a) - p.weightRank(b) })
	for i, j := range at {
		d.Layers[j] = sorted[i]
	}
}

// weightRank orders layers of weights. Training state comes last, although it has the same extensions as weights.
func (p *Parts) weightRank(l *compose.Layer) int {
	switch {
	case len(p.Model.Paths) > 0 && l.Source() == p.Model.Paths[0]:
		return -1 // the file beside the config of the model, not a module in a subdirectory
	case p.Part(l) == survey.Weights:
		return 0
	case survey.IsTrainingState(l.Source()):
		return 2
	}
	return 1
}

// AddNotes adds notes to d about which set is the model and which parts the other files play. leftOut means that the other
// weights are not packed.
func (p *Parts) AddNotes(d *compose.Draft, leftOut bool) {
	fate := "packed too, but the config does not describe them"
	if leftOut {
		fate = "left out"
	}
	note := func(format string, args ...any) {
		d.Notes = append(d.Notes, d.Kind.Name+": "+fmt.Sprintf(format, args...))
	}
	if len(p.Others) > 0 {
		var others []string
		for _, set := range p.Others {
			others = append(others, setName(set))
		}
		note("the model is %s; other weights %s: %s (to choose another, name its files or exclude this one)", setName(p.Model), fate, textdist.FirstFew(others))
	}
	for _, part := range partNotes {
		all := p.listPart(part.part)
		if part.description != "" && leftOut {
			all = slices.DeleteFunc(all, func(name string) bool { return slices.Contains(d.Layers, p.layers[name]) })
		}
		if part.description != "" && len(all) > 0 {
			note("%s: %s, not the model, %s", textdist.FirstFew(all), part.description, strings.Split(fate, ",")[0])
		} else if others := p.listPart(part.other); part.description == "" && len(others) > 0 {
			note("the %s is %s; packed as files: %s (to choose another, exclude this one)", part.name, strings.Join(all, ""), textdist.FirstFew(others))
		}
	}
	d.Notes = slices.DeleteFunc(d.Notes, func(n string) bool { // notes that a content test made about a projector that was not chosen
		return slices.ContainsFunc(p.listPart(survey.OtherProjector), func(name string) bool {
			return strings.HasPrefix(n, d.Kind.Name+": "+name+" is the projector,")
		})
	})
}

// WeightsIn lists the weights in the files of a layer.
func (p *Parts) WeightsIn(l *compose.Layer) []string {
	var names []string
	for name, of := range p.layers {
		if of == l && p.Parts[name].IsWeights() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// partNotes lists the parts about which AddNotes adds notes, in this order. It has a description for parts that are never the model,
// and a name for parts that are chosen among several files. The files that are not chosen have the part other.
var partNotes = []struct {
	part, other       survey.Part
	description, name string
}{
	{part: survey.Adapter, description: "an adapter"},
	{part: survey.Imatrix, description: "an importance matrix"},
	{part: survey.Projector, other: survey.OtherProjector, name: "projector"},
	{part: survey.Template, other: survey.OtherTemplate, name: "chat template"},
}

// listPart lists the files that are this part of the model.
func (p *Parts) listPart(part survey.Part) []string {
	var names []string
	for name, own := range p.Parts {
		if own == part {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// setName returns the first file of a set, with the number of files if there are several.
func setName(set survey.Set) string {
	if len(set.Paths) == 1 {
		return set.Paths[0]
	}
	return fmt.Sprintf("%s (%d files)", set.Paths[0], len(set.Paths))
}

// Rest lists the first few projectors, adapters, and importance matrices, for a message that no model was found.
func (p *Parts) Rest() string {
	all := slices.Concat(p.listPart(survey.Projector), p.listPart(survey.OtherProjector), p.listPart(survey.Adapter), p.listPart(survey.Imatrix))
	return textdist.FirstFew(all)
}

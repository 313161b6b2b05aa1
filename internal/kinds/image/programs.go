package image

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/elf"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/tree"
)

// These limits keep the search for programs in a large file system shorter than packing it.
const (
	maxSearched = 4000 // files and directories of a layer
	maxPrograms = 200  // programs of a layer
)

// programs maps the paths of programs in the directory of a layer to the processors that they are for.
type programs map[string]string

// findPrograms finds the first programs and shared libraries in the directory of a layer.
func findPrograms(fsys fs.FS, l *compose.Layer) programs {
	found, searched := programs{}, 0
	head := make([]byte, elf.HeadSize)
	_ = fs.WalkDir(fsys, l.Path, func(name string, entry fs.DirEntry, err error) error { // packing the layer reports errors
		if searched++; searched > maxSearched || len(found) == maxPrograms {
			return fs.SkipAll
		}
		below := tree.Below(l.Path, name)
		switch {
		case err != nil:
			return nil
		case name != l.Path && l.Exclude != nil && l.Exclude(below, entry.IsDir()):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular():
			if f, err := fsys.Open(name); err == nil {
				n, _ := io.ReadFull(f, head)
				f.Close()
				if processor := elf.Architecture(head[:n]); processor != "" {
					found[below] = processor
				}
			}
		}
		return nil
	})
	return found
}

// processor returns the processor that most of the programs are for, or "" without programs.
func (p programs) processor() string {
	count, most := map[string]int{}, ""
	for _, processor := range p {
		count[processor]++
	}
	for _, processor := range lists.Keys(count, strings.Compare) {
		if count[processor] > count[most] {
			most = processor
		}
	}
	return most
}

// clash returns the first path at which two directories have programs that no processor runs both, or "".
func (p programs) clash(other programs) string {
	for _, name := range lists.Keys(p, strings.Compare) {
		if one, two := p[name], other[name]; two != "" && !elf.Runs(one, two) && !elf.Runs(two, one) {
			return name
		}
	}
	return ""
}

// searched is a directory, the platform that it is named after, or "", and its programs.
type searched struct {
	*compose.Layer
	platform string
	programs programs
}

// checkPrograms reports layers for two platforms: directories that have the same program for different processors, because the second one
// replaces the program of the first, and those that are named after different platforms. They are an error, unless they are declared as layers
// of one image. A single layer with programs that the processor of the image does not run is a warning; ownPlatform is false if the platform is
// that of the base.
func checkPrograms(d *compose.Draft, config map[string]any, ownPlatform bool) {
	var found []searched
	for _, l := range d.Layers {
		if l.Dir && !l.Archive {
			found = append(found, searched{l, manifest.ImagePlatformIn(l.Path), findPrograms(d.FS, l)})
		}
	}
	for i, two := range found {
		for _, one := range found[:i] {
			problem := one.clash(two)
			if problem == "" {
				continue
			}
			if d.Spec.Source() != nil {
				d.Warnings = append(d.Warnings, d.Kind.Name+": "+problem)
				return
			}
			d.Refuse(two.Layer, declarePlatforms(d, found), "%s: an image is for one platform", problem)
			return
		}
	}
	for _, l := range found {
		if ownPlatform {
			warnOfForeign(d, l, config)
		}
	}
}

// clash returns the reason why two layers are for different platforms, or "".
func (s searched) clash(two searched) string {
	if name := s.programs.clash(two.programs); name != "" {
		return fmt.Sprintf("%s in %q is for %s, and replaces the one in %q, which is for %s", name, two.Path, two.programs[name], s.Path, s.programs[name])
	}
	if s.platform == "" || two.platform == "" || s.platform == two.platform {
		return ""
	}
	return fmt.Sprintf("%q is named after %s, and %q after %s", two.Path, two.platform, s.Path, s.platform)
}

// declarePlatforms returns a hint with a declaration of an image for each layer that has programs or is named after a platform.
func declarePlatforms(d *compose.Draft, found []searched) string {
	var platforms []string
	for _, l := range found {
		platform, processor := l.platform, l.programs.processor()
		if processor != "" && manifest.PlatformIn(platform).Architecture != processor {
			platform = "linux/" + processor
		}
		if platform != "" {
			platforms = append(platforms, fmt.Sprintf("{platform: %s, layers: [%s]}", platform, quote(l.Path)))
		}
	}
	where := "beside them"
	if d.Spec.Dir != "" {
		where = fmt.Sprintf("in %q", d.Spec.Dir)
	}
	return fmt.Sprintf("for an index of both, write a davit.yaml %s: {kind: %s, platforms: [%s]}", where, d.Kind.Name, strings.Join(platforms, ", "))
}

// quote quotes a path that is not plain text in a YAML list.
func quote(path string) string {
	if strings.ContainsAny(path, ",[]{}:#&*!|>'\"%@`?") {
		return strconv.Quote(path)
	}
	return path
}

// warnOfForeign warns of a directory with programs, none of which the processor of the image runs.
func warnOfForeign(d *compose.Draft, l searched, config map[string]any) {
	own, _ := config["architecture"].(string)
	names := lists.Keys(l.programs, strings.Compare)
	for _, name := range names {
		if elf.Runs(own, l.programs[name]) {
			return
		}
	}
	if len(names) > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%s: %s is for %s, and the image for %v/%s; platforms:, or architecture: in config:, sets another in davit.yaml",
			d.Kind.Name, path.Join(l.Path, names[0]), l.programs[names[0]], config["os"], own))
	}
}

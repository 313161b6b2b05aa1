package helm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/chart"
	"github.com/davit-oci/davit/internal/tree"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gopkg.in/yaml.v3"
)

// missingDependencies lists the dependencies in Chart.yaml that are not in charts/: helm refuses to package such a chart.
func missingDependencies(c *chart.Chart, fsys fs.FS, dir string) []string {
	var missing []string
	for _, d := range c.Dependencies {
		packaged, _ := fs.Glob(fsys, path.Join(globEscape(dir), "charts", globEscape(d.Name)+"-*.tgz"))
		_, err := fs.Stat(fsys, path.Join(dir, "charts", d.Name, "Chart.yaml"))
		if len(packaged) == 0 && err != nil {
			missing = append(missing, d.Name)
		}
	}
	return missing
}

// globEscape returns a pattern that matches only the name.
func globEscape(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// isChart finds a chart directory by its Chart.yaml.
func isChart(s *tree.Sample) (string, bool) {
	inner, ok := s.Entry("Chart.yaml")
	return "has a Chart.yaml", ok && !inner.IsDir()
}

// isChartArchive finds a packaged chart by the NAME/Chart.yaml in it.
func isChartArchive(s *tree.Sample) (string, bool) {
	f, err := s.Open()
	if err != nil {
		return "", false
	}
	defer f.Close()
	return "has a Chart.yaml inside", chart.HasChartFile(f)
}

// chartFault returns why helm rejects an archive with the name of a packaged chart. npm names its packages in the same way,
// so a valid archive without a Chart.yaml is not a fault.
func chartFault(s *tree.Sample) error {
	f, err := s.Open()
	if err != nil {
		return nil // reported when it is packed
	}
	defer f.Close()
	return chart.CheckArchive(f)
}

// derive makes the config and the annotations from Chart.yaml.
func derive(d *compose.Draft) (compose.Finish, error) {
	charts, provenance := d.WithRole("chart"), d.WithRole("provenance")
	if len(charts) != 1 {
		return nil, nil // a problem already
	}
	meta, err := readChart(d, charts[0])
	if err != nil {
		return nil, &spec.Error{Item: charts[0].Source(), Err: err}
	}
	d.Warnings = append(d.Warnings, meta.Warnings...)
	d.CheckNamed(meta.Name, meta.Version, "Chart.yaml")
	d.Annotations = annotations(meta)
	file := meta.Name + "-" + meta.Version + ".tgz"
	charts[0].Title = file
	encoded, err := json.Marshal(meta) // as helm writes it, to the byte
	if err != nil || len(provenance) == 0 {
		return func([]spec.Packed) (spec.Finished, error) { return spec.Finished{Config: encoded}, nil }, err
	}
	signed, err := tree.ReadFile(d.FS, provenance[0].Path, tree.MaxSmallFile)
	if err != nil {
		return nil, &spec.Error{Item: provenance[0].Path, Err: err}
	}
	provenance[0].Title = file + ".prov"
	return func(layers []spec.Packed) (spec.Finished, error) {
		return spec.Finished{Config: encoded}, checkProvenance(layers, file, string(signed))
	}, nil
}

// readChart reads a chart's metadata, and completes the layer of a directory as helm packages it.
func readChart(d *compose.Draft, l *compose.Layer) (*chart.Chart, error) {
	if !l.Dir {
		f, err := d.FS.Open(l.Path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return chart.ReadArchive(f)
	}
	data, err := tree.ReadFile(d.FS, path.Join(l.Path, "Chart.yaml"), tree.MaxSmallFile)
	if err != nil {
		return nil, fmt.Errorf("its Chart.yaml: %s", tree.Cause(err))
	}
	requirements, err := tree.ReadFile(d.FS, path.Join(l.Path, chart.RequirementsFile), tree.MaxSmallFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its %s: %s", chart.RequirementsFile, tree.Cause(err))
	}
	meta, err := chart.Parse(data, requirements)
	if err != nil {
		return nil, err
	}
	if missing := missingDependencies(meta, d.FS, l.Path); len(missing) > 0 {
		return nil, fmt.Errorf("it depends on %s, which charts/ does not hold; helm dependency update fetches it", strings.Join(missing, ", "))
	}
	l.Prefix = meta.Name + "/"
	return meta, errors.Join(checkChartValues(d.FS, l.Path), ignoreAsHelm(d, l))
}

// checkChartValues checks that other files that helm reads to package a chart are mappings. Helm accepts duplicate keys.
func checkChartValues(fsys fs.FS, dir string) error {
	for _, file := range [...]string{"values.yaml", "Chart.lock"} {
		data, err := tree.ReadFile(fsys, path.Join(dir, file), tree.MaxSmallFile)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrTooLarge) { // too large to have been written by hand
			continue
		}
		var values yaml.Node
		if err == nil {
			err = yaml.Unmarshal(data, &values)
		}
		if err == nil && len(values.Content) > 0 && values.Content[0].Kind != yaml.MappingNode && values.Content[0].ShortTag() != "!!null" {
			err = errors.New("it is not a mapping")
		}
		if err != nil {
			return fmt.Errorf("helm can't read its %s: %s", file, tree.Cause(err))
		}
	}
	return nil
}

// ignoreAsHelm applies the .helmignore of the chart, in addition to other filters.
func ignoreAsHelm(d *compose.Draft, l *compose.Layer) error {
	data, err := tree.ReadFile(d.FS, path.Join(l.Path, ".helmignore"), tree.MaxSmallFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf(".helmignore: %s", tree.Cause(err))
	}
	rules, err := chart.ParseIgnore(data)
	if err != nil {
		return fmt.Errorf(".helmignore: %w", err)
	}
	if rules.LeavesOut("Chart.yaml", false) {
		return errors.New("its .helmignore leaves out Chart.yaml, without which there is no chart")
	}
	exclude := l.Exclude
	l.Exclude = func(name string, dir bool) bool {
		return rules.LeavesOut(name, dir) || exclude != nil && exclude(name, dir)
	}
	return nil
}

// checkProvenance compares the provenance with the chart, as helm verify does.
func checkProvenance(layers []spec.Packed, file, signed string) error {
	for _, l := range layers {
		if l.Role == "chart" && !strings.Contains(signed, file+": "+l.Descriptor.Digest.String()) {
			return &spec.Error{Item: file + ".prov", Err: fmt.Errorf("the provenance does not sign %s: %s; helm verify would refuse it",
				file, l.Descriptor.Digest)}
		}
	}
	return nil
}

// annotations returns the annotations that helm derives from the metadata of a chart. The annotations of the chart override
// them, except title and version.
func annotations(c *chart.Chart) map[string]string {
	set := map[string]string{
		ocispec.AnnotationDescription: c.Description,
		ocispec.AnnotationURL:         c.Home,
	}
	if len(c.Sources) > 0 {
		set[ocispec.AnnotationSource] = c.Sources[0]
	}
	authors := make([]string, 0, len(c.Maintainers))
	for _, m := range c.Maintainers {
		author := m.Name
		if m.Email != "" {
			author += " (" + m.Email + ")"
		}
		authors = append(authors, author)
	}
	set[ocispec.AnnotationAuthors] = strings.Join(authors, ", ")
	for key, value := range c.Annotations {
		set[key] = value
	}
	set[ocispec.AnnotationTitle], set[ocispec.AnnotationVersion] = c.Name, c.Version
	for key, value := range set {
		if value == "" {
			delete(set, key)
		}
	}
	return set
}

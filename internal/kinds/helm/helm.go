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
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/declare"
	"github.com/davit-oci/davit/internal/format/chart"
	"github.com/davit-oci/davit/internal/kinds/artifacthub"
	"github.com/davit-oci/davit/internal/textdist"
	"github.com/davit-oci/davit/internal/tree"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// isChart recognizes a chart directory by its Chart.yaml.
func isChart(s *tree.Sample) (string, bool) {
	inner, ok := s.Entry("Chart.yaml")
	return "has a Chart.yaml", ok && !inner.IsDir()
}

// lacksChartFile describes a directory with the other files of a chart.
func lacksChartFile(s *tree.Sample) string {
	if templates, ok := s.Entry("templates"); !ok || !templates.IsDir() {
		return ""
	}
	for _, name := range s.Names() {
		if lower := strings.ToLower(name); lower == "values.yaml" || lower == "chart.yaml" || lower == "chart.yml" {
			return fmt.Sprintf("has templates and %s, but no Chart.yaml", name)
		}
	}
	return ""
}

// isChartArchive recognizes a packaged chart by the NAME/Chart.yaml in it.
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
func derive(d *compose.Draft) (configblob.Finish, error) {
	charts, provenance := d.WithRole("chart"), d.WithRole("provenance")
	if len(charts) != 1 {
		return nil, nil // reported elsewhere
	}
	meta, err := readChart(d, charts[0])
	if faults := locate(d, charts[0], err); len(faults) > 0 {
		d.Report(faults...)
		return nil, nil
	}
	if err != nil {
		return nil, &spec.Error{Item: charts[0].Source(), Err: err}
	}
	warn(d, charts[0], meta.Warnings)
	warnOfVersion(d, charts[0], meta.Version)
	d.CheckNamed(meta.Name, meta.Version, "Chart.yaml")
	if v := appVersion(d); v != "" && v != meta.AppVersion {
		return nil, &spec.Error{Item: charts[0].Source(), Err: fmt.Errorf("its appVersion is %q, and a packaged chart is pushed as it is", meta.AppVersion),
			Hint: "name the directory of the chart, or package it again with helm package --app-version " + v}
	}
	d.Annotations = annotations(meta)
	addRepositoryMetadata(d, charts[0])
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

// warn adds the warnings about a chart to the draft, with the paths of their files: in a packaged chart, they are in the archive.
func warn(d *compose.Draft, l *compose.Layer, warnings []chart.Warning) {
	for _, w := range warnings {
		switch {
		case w.At == "":
			d.Warnings = append(d.Warnings, w.Text)
		case l.Dir:
			d.Warnings = append(d.Warnings, path.Join(l.Path, w.At)+": "+w.Text)
		default:
			d.Warnings = append(d.Warnings, l.Source()+": "+w.At+": "+w.Text)
		}
	}
}

// warnOfVersion adds a warning of a version that helm accepts in a chart, but not as a tag when it looks for the newest version.
func warnOfVersion(d *compose.Draft, l *compose.Layer, version string) {
	if spec.IsSemver(version) {
		return
	}
	at := "Chart.yaml"
	if d.Spec.Version != "" {
		at = ""
	}
	warn(d, l, []chart.Warning{{At: at, Text: fmt.Sprintf("version %q is not a full semantic version, so helm finds it in a registry only with --version %[1]s; "+
		"%s is one", version, chart.FullVersion(version))}})
}

// locate returns the faults in the files of a chart directory or of its subcharts with their lines, or nil if err is about something else.
func locate(d *compose.Draft, l *compose.Layer, err error) spec.Problems {
	if !l.Dir {
		return nil
	}
	dir, name := l.Path, "Chart.yaml"
	for sub := (*chart.SubchartError)(nil); errors.As(err, &sub); err = sub.Err {
		dir = path.Join(dir, "charts", sub.Name)
	}
	unreadable, isUnreadable := err.(*chart.FileError)
	faults, isFaulty := err.(chart.Faults)
	switch {
	case isUnreadable:
		name = unreadable.File
	case !isFaulty:
		return nil
	}
	data, readErr := tree.ReadFile(d.FS, path.Join(dir, name), tree.MaxSmallFile)
	if readErr != nil {
		return nil
	}
	native := declare.NewNativeFile(path.Join(dir, name), data, "helm")
	if isUnreadable {
		native.AddSyntax(unreadable.Err)
	}
	for _, f := range faults {
		if f.Missing {
			native.AddMissing(f.Field[1:])
		} else {
			native.Add(f.Field, f.Text)
		}
	}
	return native.Faults
}

// addRepositoryMetadata adds the artifacthub-repo.yml of a chart directory as a part, which is pushed under its own tag.
func addRepositoryMetadata(d *compose.Draft, l *compose.Layer) {
	file := path.Join(l.Path, artifacthub.File)
	if info, err := fs.Stat(d.FS, file); l.Dir && err == nil && info.Mode().IsRegular() {
		d.Parts = append(d.Parts, compose.Part{Spec: &spec.Spec{Kind: "artifacthub", Layers: []spec.LayerSpec{{Path: file}}}})
	}
}

// readChart reads a chart's metadata. For a chart directory, it also applies the overrides and sets the layer's prefix.
func readChart(d *compose.Draft, l *compose.Layer) (*chart.Chart, error) {
	if !l.Dir {
		f, err := d.FS.Open(l.Path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return chart.ReadArchive(f)
	}
	if _, err := fs.Stat(d.FS, path.Join(l.Path, "Chart.yaml")); err != nil {
		return nil, fmt.Errorf("its Chart.yaml: %s", tree.Cause(err))
	}
	loader := chart.NewLoader()
	if err := addFiles(loader, tree.Contents(d.FS, nil), l); err != nil {
		return nil, err
	}
	if err := applyOverrides(d, l, loader); err != nil {
		return nil, err
	}
	meta, err := loader.Load()
	if err != nil {
		return nil, err
	}
	if missing := meta.Missing(); len(missing) > 0 {
		return nil, fmt.Errorf("it depends on %s, and no chart of that name in charts/ is packed; helm dependency update fetches it", textdist.FirstFew(missing))
	}
	l.Prefix = meta.Name + "/"
	return meta, nil
}

// addFiles adds those files of a chart directory that will be packed to the loader.
func addFiles(loader *chart.Loader, fsys fs.FS, l *compose.Layer) error {
	files, err := tree.FilesBelow(fsys, &l.Layer)
	if err != nil {
		return err
	}
	add := func(name string) error {
		f, err := fsys.Open(path.Join(l.Path, name))
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return loader.Add(name, f, info.Size())
	}
	for _, name := range files {
		if err := add(name); err != nil {
			return err
		}
	}
	return nil
}

// appVersion returns the declared appVersion, or "" if it is not declared.
func appVersion(d *compose.Draft) string {
	v, _ := d.Spec.Config["appVersion"].(string)
	return v
}

// applyOverrides writes the declared version and appVersion into Chart.yaml, as helm package does with its flags.
func applyOverrides(d *compose.Draft, l *compose.Layer, loader *chart.Loader) error {
	// The order matters: Override moves a field to the end of the file.
	for _, f := range [...]struct{ name, value string }{{"version", d.Spec.Version}, {"appVersion", appVersion(d)}} {
		if f.value == "" || loader.Field(f.name) == f.value {
			continue
		}
		if err := loader.Override(f.name, f.value); err != nil {
			return err
		}
		l.Replaced = map[string][]byte{path.Join(l.Path, "Chart.yaml"): loader.ChartFile()}
		d.Notes = append(d.Notes, fmt.Sprintf("helm: the %s in Chart.yaml is replaced by %s", f.name, f.value))
	}
	return nil
}

// readIgnore returns the filter of a chart's .helmignore. It fails if the rules exclude Chart.yaml.
func readIgnore(fsys fs.FS, dir string) (spec.Filter, error) {
	name := path.Join(dir, ".helmignore")
	data, err := tree.ReadFile(fsys, name, tree.MaxSmallFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q: %s", name, tree.Cause(err))
	}
	rules, err := chart.ParseIgnore(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	if rules.Excludes("Chart.yaml", false) {
		return nil, fmt.Errorf("%q leaves out Chart.yaml, which every chart requires", name)
	}
	return func(name string, isDir bool) bool { return rules.Excludes(tree.Below(dir, name), isDir) }, nil
}

// checkProvenance fails if the provenance does not contain the digest of the chart, as helm verify does.
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

package helm

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// errNoChart is the error of an archive that is sound and no chart.
var errNoChart = errors.New("not a packaged chart: it has no NAME/Chart.yaml, which helm requires")

// MaxChart is what helm itself unpacks of a chart at most.
const MaxChart = 100 << 20

// ReadChartArchive reads the metadata of a packaged chart.
func ReadChartArchive(r io.Reader) (*chart, error) {
	archive, err := newChartReader(r)
	if err != nil {
		return nil, err
	}
	data, err := archive.chartFile()
	if err != nil {
		return nil, err
	}
	requirements, err := archive.rest()
	if err != nil {
		return nil, err
	}
	return parseChart(data, requirements)
}

// chartReader reads a packaged chart, no more of it than helm unpacks.
type chartReader struct {
	*tar.Reader
	limited *io.LimitedReader
}

func newChartReader(r io.Reader) (*chartReader, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("not a packaged chart: %w", err)
	}
	limited := &io.LimitedReader{R: unzipped, N: MaxChart}
	return &chartReader{tar.NewReader(limited), limited}, nil
}

// chartFile reads the Chart.yaml of a packaged chart.
func (r *chartReader) chartFile() ([]byte, error) {
	for {
		header, err := r.Next()
		switch {
		case r.limited.N <= 0:
			return nil, fmt.Errorf("not a packaged chart: no Chart.yaml in its first %d MiB, which is all that helm unpacks", MaxChart>>20)
		case errors.Is(err, io.EOF):
			return nil, errNoChart
		case err != nil:
			return nil, fmt.Errorf("broken chart archive: %w", err)
		}
		if !isOfChart(header, "Chart.yaml") {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(r, tree.MaxSmallFile))
		if err != nil {
			return nil, fmt.Errorf("broken chart archive: %w", err)
		}
		return data, nil
	}
}

// isOfChart tells whether a tar entry is that file of the chart itself, and not of one that it depends on.
func isOfChart(header *tar.Header, name string) bool {
	dir, file := path.Split(path.Clean(header.Name))
	return file == name && strings.Count(dir, "/") == 1 && header.Typeflag == tar.TypeReg
}

// rest reads what follows Chart.yaml: helm reads the whole archive, and chokes on one that was cut off. It gives the
// requirements.yaml among it, nil where there is none.
func (r *chartReader) rest() (requirements []byte, err error) {
	for err == nil {
		var header *tar.Header
		if header, err = r.Next(); err == nil && isOfChart(header, requirementsFile) {
			requirements, err = io.ReadAll(io.LimitReader(r, tree.MaxSmallFile))
		}
	}
	if errors.Is(err, io.EOF) {
		_, err = io.Copy(io.Discard, r.limited) // up to the checksum of the gzip
	}
	if r.limited.N <= 0 {
		return nil, fmt.Errorf("not a packaged chart: it has more than %d MiB, which is all that helm unpacks", MaxChart>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("broken chart archive: %w", err)
	}
	return requirements, nil
}

// missingDependencies names what Chart.yaml depends on and charts/ doesn't hold; helm refuses to package that.
func (c *chart) missingDependencies(fsys fs.FS, dir string) []string {
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

// globEscape makes a name match itself alone.
func globEscape(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// helmIgnore are the rules of a .helmignore, as helm understands them.
type helmIgnore []helmRule

type helmRule struct {
	pattern         string
	negate, onlyDir bool
}

// parseHelmIgnore reads the rules, and adds helm's own against hidden files in templates.
func parseHelmIgnore(data []byte) (helmIgnore, error) {
	var rules helmIgnore
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rule := helmRule{pattern: line}
		rule.pattern, rule.negate = strings.CutPrefix(rule.pattern, "!")
		rule.pattern, rule.onlyDir = strings.CutSuffix(rule.pattern, "/")
		if strings.Contains(rule.pattern, "**") {
			return nil, fmt.Errorf("rule %q: helm does not know **", line)
		}
		if _, err := path.Match(rule.pattern, "x"); err != nil {
			return nil, fmt.Errorf("rule %q: %w", line, err)
		}
		rules = append(rules, rule)
	}
	return append(rules, helmRule{pattern: "templates/.?*"}), nil
}

// leavesOut tells whether helm leaves a path of the chart out. A rule with "!" leaves out all but what it names: that
// is how helm reads it.
func (h helmIgnore) leavesOut(name string, dir bool) bool {
	for _, r := range h {
		switch {
		case r.negate && (r.onlyDir && !dir || !r.matches(name)):
			return true
		case !r.negate && !(r.onlyDir && !dir) && r.matches(name):
			return true
		}
	}
	return false
}

func (r helmRule) matches(name string) bool {
	pattern, anchored := strings.CutPrefix(r.pattern, "/")
	if !anchored && !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
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
	archive, err := newChartReader(f)
	if err != nil {
		return "", false
	}
	data, err := archive.chartFile()
	return "has a Chart.yaml inside", err == nil && data != nil
}

// chartFault says why helm takes no archive that is named as a packaged chart. npm names its packages in the same way:
// what is sound and has no Chart.yaml is something else.
func chartFault(s *tree.Sample) error {
	f, err := s.Open()
	if err != nil {
		return nil // told when it is packed
	}
	defer f.Close()
	archive, err := newChartReader(f)
	if err == nil {
		_, err = archive.chartFile()
	}
	if errors.Is(err, errNoChart) {
		_, err = archive.rest()
	}
	return err
}

// derive makes config and annotations of Chart.yaml.
func derive(c *compose.Draft) (compose.Finish, error) {
	charts, provenance := c.WithRole("chart"), c.WithRole("provenance")
	if len(charts) != 1 {
		return nil, nil // a problem already
	}
	meta, err := readChart(c, charts[0])
	if err != nil {
		return nil, &spec.Error{Item: charts[0].Source(), Err: err}
	}
	c.Warnings = append(c.Warnings, meta.warnings...)
	c.CheckNamed(meta.Name, meta.Version, "Chart.yaml")
	c.Annotations = meta.annotations()
	file := meta.Name + "-" + meta.Version + ".tgz"
	charts[0].Title = file
	encoded, err := json.Marshal(meta) // as helm writes it, to the byte
	if err != nil || len(provenance) == 0 {
		return func([]spec.Packed) (spec.Finished, error) { return spec.Finished{Config: encoded}, nil }, err
	}
	signed, err := tree.ReadFile(c.FS, provenance[0].Path, tree.MaxSmallFile)
	if err != nil {
		return nil, &spec.Error{Item: provenance[0].Path, Err: err}
	}
	provenance[0].Title = file + ".prov"
	return func(layers []spec.Packed) (spec.Finished, error) {
		return spec.Finished{Config: encoded}, checkProvenance(layers, file, string(signed))
	}, nil
}

// readChart reads a chart's metadata, and completes the layer of a directory as helm packages it.
func readChart(c *compose.Draft, l *compose.Layer) (*chart, error) {
	if !l.Dir {
		f, err := c.FS.Open(l.Path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return ReadChartArchive(f)
	}
	data, err := tree.ReadFile(c.FS, path.Join(l.Path, "Chart.yaml"), tree.MaxSmallFile)
	if err != nil {
		return nil, fmt.Errorf("its Chart.yaml: %s", tree.Cause(err))
	}
	requirements, err := tree.ReadFile(c.FS, path.Join(l.Path, requirementsFile), tree.MaxSmallFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its %s: %s", requirementsFile, tree.Cause(err))
	}
	meta, err := parseChart(data, requirements)
	if err != nil {
		return nil, err
	}
	if missing := meta.missingDependencies(c.FS, l.Path); len(missing) > 0 {
		return nil, fmt.Errorf("it depends on %s, which charts/ does not hold; helm dependency update fetches it", strings.Join(missing, ", "))
	}
	l.Prefix = meta.Name + "/"
	return meta, errors.Join(checkChartValues(c.FS, l.Path), ignoreAsHelm(c, l))
}

// checkChartValues reads the files of a chart that helm reads besides, and packages no chart without: they are mappings.
// A key that is given twice is fine with helm.
func checkChartValues(fsys fs.FS, dir string) error {
	for _, file := range [...]string{"values.yaml", "Chart.lock"} {
		data, err := tree.ReadFile(fsys, path.Join(dir, file), tree.MaxSmallFile)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrTooLarge) { // nobody writes such by hand
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

// ignoreAsHelm leaves out what the chart's .helmignore says, besides what else is left out.
func ignoreAsHelm(c *compose.Draft, l *compose.Layer) error {
	data, err := tree.ReadFile(c.FS, path.Join(l.Path, ".helmignore"), tree.MaxSmallFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf(".helmignore: %s", tree.Cause(err))
	}
	rules, err := parseHelmIgnore(data)
	if err != nil {
		return fmt.Errorf(".helmignore: %w", err)
	}
	if rules.leavesOut("Chart.yaml", false) {
		return errors.New("its .helmignore leaves out Chart.yaml, without which there is no chart")
	}
	exclude := l.Exclude
	l.Exclude = func(name string, dir bool) bool {
		return rules.leavesOut(name, dir) || exclude != nil && exclude(name, dir)
	}
	return nil
}

// checkProvenance compares the provenance with the chart: helm verify compares the same.
func checkProvenance(layers []spec.Packed, file, signed string) error {
	for _, l := range layers {
		if l.Role == "chart" && !strings.Contains(signed, file+": "+l.Descriptor.Digest.String()) {
			return &spec.Error{Item: file + ".prov", Err: fmt.Errorf("the provenance does not sign %s: %s; helm verify would refuse it",
				file, l.Descriptor.Digest)}
		}
	}
	return nil
}

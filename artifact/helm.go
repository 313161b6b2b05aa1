package artifact

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gopkg.in/yaml.v3"
)

// errNoChart is the error of an archive that is sound and no chart.
var errNoChart = errors.New("not a packaged chart: it has no NAME/Chart.yaml, which helm requires")

// maxChart is what helm itself unpacks of a chart at most.
const maxChart = 100 << 20

// chart is the metadata of a Helm chart, in helm's order.
type chart struct {
	Name         string            `json:"name,omitempty"`
	Home         string            `json:"home,omitempty"`
	Sources      []string          `json:"sources,omitempty"`
	Version      string            `json:"version,omitempty"`
	Description  string            `json:"description,omitempty"`
	Keywords     []string          `json:"keywords,omitempty"`
	Maintainers  []chartMaintainer `json:"maintainers,omitempty"`
	Icon         string            `json:"icon,omitempty"`
	APIVersion   string            `json:"apiVersion,omitempty"`
	Condition    string            `json:"condition,omitempty"`
	Tags         string            `json:"tags,omitempty"`
	AppVersion   string            `json:"appVersion,omitempty"`
	Deprecated   bool              `json:"deprecated,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	KubeVersion  string            `json:"kubeVersion,omitempty"`
	Dependencies []chartDependency `json:"dependencies,omitempty"`
	Type         string            `json:"type,omitempty"`

	warnings []string // what helm reads otherwise than it is written
}

type chartMaintainer struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	URL   string `json:"url,omitempty"`
}

type chartDependency struct {
	Name         string   `json:"name"`
	Version      string   `json:"version,omitempty"`
	Repository   string   `json:"repository"`
	Condition    string   `json:"condition,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Enabled      bool     `json:"enabled,omitempty"`
	ImportValues []any    `json:"import-values,omitempty"`
	Alias        string   `json:"alias,omitempty"`
}

// helmVersion is what helm takes as a version: semver, parts of which may be missing.
var helmVersion = onUse(`^v?\d+(\.\d+)?(\.\d+)?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// parseChart reads a Chart.yaml as helm does, and checks what helm checks. The requirements.yaml that older charts have
// beside it says the dependencies; nil where there is none.
func parseChart(data, requirements []byte) (*chart, error) {
	c := &chart{}
	if err := c.read("Chart.yaml", data); err != nil {
		return nil, err
	}
	if requirements != nil {
		if err := c.read(requirementsFile, requirements); err != nil {
			return nil, err
		}
	}
	return c, c.check()
}

const requirementsFile = "requirements.yaml"

// read lays what a file says over the metadata.
func (c *chart) read(file string, data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("helm can't read %s: %w", file, err)
	}
	r := chartText{file: file}
	r.read(&doc, "")
	c.warnings = append(c.warnings, r.warnings...)
	var loose map[string]any
	if err := doc.Decode(&loose); err != nil {
		return fmt.Errorf("helm can't read %s: %w", file, err)
	}
	// helm reads YAML by way of JSON, which matches keys in any case.
	encoded, err := json.Marshal(loose)
	if err != nil {
		return fmt.Errorf("helm can't read %s: %w", file, err)
	}
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(encoded, c); errors.As(err, &wrong) {
		return fmt.Errorf("its %s: %s is a %s and helm wants a %s", file, wrong.Field, wrong.Value, wrong.Type)
	} else if err != nil {
		return fmt.Errorf("its %s: %w", file, err)
	}
	return nil
}

// chartText makes text of the numbers and booleans of a Chart.yaml, as helm's YAML library does wherever the field is
// a text. All are, but for those of notText.
type chartText struct {
	file     string
	warnings []string
}

// notText are the fields of a Chart.yaml that are no text, and the one whose content is anything.
var notText = []string{"deprecated", "enabled", "import-values"}

// oldBools are the booleans of YAML 1.1, which helm reads, and 1.2 does not have.
var oldBools = map[string]string{"y": "true", "yes": "true", "on": "true", "n": "false", "no": "false", "off": "false"}

func (r *chartText) read(n *yaml.Node, key string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			inner := n.Content[i].Value
			if slices.Contains(notText, key) {
				inner = key
			}
			r.read(n.Content[i+1], inner)
		}
	case yaml.ScalarNode:
		r.scalar(n, key)
	default: // an alias stands for what was read at its anchor
		for _, inner := range n.Content {
			r.read(inner, key)
		}
	}
}

func (r *chartText) scalar(n *yaml.Node, key string) {
	written := n.Value
	if old := oldBools[strings.ToLower(written)]; n.Style == 0 && old != "" {
		n.Tag, n.Value = "!!bool", old
	}
	if slices.Contains(notText, key) {
		return
	}
	switch n.ShortTag() {
	case "!!int", "!!float", "!!bool":
		var value any
		if n.Decode(&value) != nil {
			return // told when all is decoded
		}
		if number, ok := value.(float64); ok {
			value = strconv.FormatFloat(number, 'g', -1, 32)
		}
		n.Value = fmt.Sprint(value)
	case "!!timestamp":
	default:
		return
	}
	if written != n.Value {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: helm reads the %s of %s as %s; put quotes around it", r.file, written, key, n.Value))
	}
	n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
}

// plain is a text of a chart as helm keeps it: every white space a blank, and nothing that can't be printed.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, text)
}

// clean makes the texts of the metadata plain that helm makes plain.
func (c *chart) clean() {
	texts := []*string{&c.Name, &c.Description, &c.Home, &c.Icon, &c.Condition, &c.Tags, &c.AppVersion, &c.KubeVersion}
	list := func(of []string) {
		for i := range of {
			texts = append(texts, &of[i])
		}
	}
	list(c.Sources)
	list(c.Keywords)
	for i := range c.Maintainers {
		m := &c.Maintainers[i]
		texts = append(texts, &m.Name, &m.Email, &m.URL)
	}
	for i := range c.Dependencies {
		d := &c.Dependencies[i]
		texts = append(texts, &d.Name, &d.Version, &d.Repository, &d.Condition)
		list(d.Tags)
	}
	for _, text := range texts {
		*text = plain(*text)
	}
}

// check makes the metadata plain, and says what helm would refuse of it.
func (c *chart) check() error {
	c.clean()
	switch {
	case c.APIVersion == "":
		return errors.New("its Chart.yaml has no apiVersion, which helm requires (v2)")
	case c.Name == "":
		return errors.New("its Chart.yaml has no name, which helm requires")
	case c.Name != path.Base(c.Name) || c.Name == "." || c.Name == ".." || strings.Contains(c.Name, `\`):
		return fmt.Errorf("its Chart.yaml: name %q is not a plain name; helm makes a directory of it", c.Name)
	case c.Version == "":
		return errors.New("its Chart.yaml has no version, which helm requires")
	case !helmVersion().MatchString(c.Version):
		return fmt.Errorf("its Chart.yaml: version %q is not a semantic version, which helm requires", c.Version)
	case c.Type != "" && c.Type != "application" && c.Type != "library":
		return fmt.Errorf("its Chart.yaml: type %q is neither application nor library", c.Type)
	}
	return c.checkDependencies()
}

// helmAlias is what helm takes as another name of a dependency.
var helmAlias = onUse(`^[a-zA-Z0-9_-]+$`)

// checkDependencies: each needs a name of its own, and an alias is one.
func (c *chart) checkDependencies() error {
	seen := map[string]bool{}
	for _, d := range c.Dependencies {
		name := d.Name
		if d.Alias != "" {
			name = d.Alias
		}
		switch {
		case d.Alias != "" && !helmAlias().MatchString(d.Alias):
			return fmt.Errorf("its Chart.yaml: the alias %q of the dependency %q has more than letters, digits, _ and -, which helm refuses", d.Alias, d.Name)
		case seen[name]:
			return fmt.Errorf("its Chart.yaml has two dependencies with the name or alias %q, which helm refuses", name)
		}
		seen[name] = true
	}
	return nil
}

// annotations are the manifest annotations that helm makes of the metadata: the chart's own may override the others,
// but for title and version.
func (c *chart) annotations() map[string]string {
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

// readChartArchive reads the metadata of a packaged chart.
func readChartArchive(r io.Reader) (*chart, error) {
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
	limited := &io.LimitedReader{R: unzipped, N: maxChart}
	return &chartReader{tar.NewReader(limited), limited}, nil
}

// chartFile reads the Chart.yaml of a packaged chart.
func (r *chartReader) chartFile() ([]byte, error) {
	for {
		header, err := r.Next()
		switch {
		case r.limited.N <= 0:
			return nil, fmt.Errorf("not a packaged chart: no Chart.yaml in its first %d MiB, which is all that helm unpacks", maxChart>>20)
		case errors.Is(err, io.EOF):
			return nil, errNoChart
		case err != nil:
			return nil, fmt.Errorf("broken chart archive: %w", err)
		}
		if !isOfChart(header, "Chart.yaml") {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(r, maxSmallFile))
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
			requirements, err = io.ReadAll(io.LimitReader(r, maxSmallFile))
		}
	}
	if errors.Is(err, io.EOF) {
		_, err = io.Copy(io.Discard, r.limited) // up to the checksum of the gzip
	}
	if r.limited.N <= 0 {
		return nil, fmt.Errorf("not a packaged chart: it has more than %d MiB, which is all that helm unpacks", maxChart>>20)
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
func isChart(s *sample) (string, bool) {
	inner, ok := s.in("Chart.yaml")
	return "has a Chart.yaml", ok && !inner.isDir()
}

// isChartArchive finds a packaged chart by the NAME/Chart.yaml in it.
func isChartArchive(s *sample) (string, bool) {
	f, err := s.open()
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
func chartFault(s *sample) error {
	f, err := s.open()
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

// helmConfig makes config and annotations of Chart.yaml.
func helmConfig(c *composition) (finishFunc, error) {
	charts, provenance := c.withRole("chart"), c.withRole("provenance")
	if len(charts) != 1 {
		return nil, nil // a problem already
	}
	meta, err := c.readChart(charts[0])
	if err != nil {
		return nil, &Error{Item: charts[0].source(), Err: err}
	}
	c.warnings = append(c.warnings, meta.warnings...)
	c.checkNamed(meta.Name, meta.Version, "Chart.yaml")
	c.annotations = meta.annotations()
	file := meta.Name + "-" + meta.Version + ".tgz"
	charts[0].Title = file
	encoded, err := json.Marshal(meta) // as helm writes it, to the byte
	if err != nil || len(provenance) == 0 {
		return func([]Packed) (Finished, error) { return Finished{Config: encoded}, nil }, err
	}
	signed, err := readFile(c.fsys, provenance[0].Path, maxSmallFile)
	if err != nil {
		return nil, &Error{Item: provenance[0].Path, Err: err}
	}
	provenance[0].Title = file + ".prov"
	return func(layers []Packed) (Finished, error) {
		return Finished{Config: encoded}, checkProvenance(layers, file, string(signed))
	}, nil
}

// readChart reads a chart's metadata, and completes the layer of a directory as helm packages it.
func (c *composition) readChart(l *chosen) (*chart, error) {
	if !l.Dir {
		f, err := c.fsys.Open(l.Path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readChartArchive(f)
	}
	data, err := readFile(c.fsys, path.Join(l.Path, "Chart.yaml"), maxSmallFile)
	if err != nil {
		return nil, fmt.Errorf("its Chart.yaml: %s", cause(err))
	}
	requirements, err := readFile(c.fsys, path.Join(l.Path, requirementsFile), maxSmallFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("its %s: %s", requirementsFile, cause(err))
	}
	meta, err := parseChart(data, requirements)
	if err != nil {
		return nil, err
	}
	if missing := meta.missingDependencies(c.fsys, l.Path); len(missing) > 0 {
		return nil, fmt.Errorf("it depends on %s, which charts/ does not hold; helm dependency update fetches it", strings.Join(missing, ", "))
	}
	l.Prefix = meta.Name + "/"
	return meta, errors.Join(checkChartValues(c.fsys, l.Path), c.ignoreAsHelm(l))
}

// checkChartValues reads the files of a chart that helm reads besides, and packages no chart without: they are mappings.
// A key that is given twice is fine with helm.
func checkChartValues(fsys fs.FS, dir string) error {
	for _, file := range [...]string{"values.yaml", "Chart.lock"} {
		data, err := readFile(fsys, path.Join(dir, file), maxSmallFile)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errTooLarge) { // nobody writes such by hand
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
			return fmt.Errorf("helm can't read its %s: %s", file, cause(err))
		}
	}
	return nil
}

// ignoreAsHelm leaves out what the chart's .helmignore says, besides what else is left out.
func (c *composition) ignoreAsHelm(l *chosen) error {
	data, err := readFile(c.fsys, path.Join(l.Path, ".helmignore"), maxSmallFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf(".helmignore: %s", cause(err))
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

// checkNamed reports a name or version that contradicts what a file says of itself, where it says one.
func (c *composition) checkNamed(name, version, file string) {
	for _, f := range [...]struct{ key, declared, own string }{{"name", c.spec.Name, name}, {"version", c.spec.Version, version}} {
		if f.declared != "" && f.own != "" && f.declared != f.own {
			c.report(c.spec.problem("/"+f.key, fmt.Sprintf("%s %q contradicts %s, which says %q", f.key, f.declared, file, f.own), "leave it out"))
		}
	}
}

// checkProvenance compares the provenance with the chart: helm verify compares the same.
func checkProvenance(layers []Packed, file, signed string) error {
	for _, l := range layers {
		if l.Role == "chart" && !strings.Contains(signed, file+": "+l.Descriptor.Digest.String()) {
			return &Error{Item: file + ".prov", Err: fmt.Errorf("the provenance does not sign %s: %s; helm verify would refuse it",
				file, l.Descriptor.Digest)}
		}
	}
	return nil
}

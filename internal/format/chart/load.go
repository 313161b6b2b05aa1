package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/format/yamlerror"
	"gopkg.in/yaml.v3"
)

const (
	// MaxSize is Helm's limit for the unpacked size of a chart, in bytes.
	MaxSize = 100 << 20
	// MaxFileSize is the size of the largest file of a chart that Helm before 4.3 loads, in bytes.
	MaxFileSize = 5 << 20

	// maxDepth limits the nesting of charts. Helm has no such limit.
	maxDepth = 16
)

// metadataFiles are the files of a chart that Helm reads to load it.
var metadataFiles = []string{"Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json", RequirementsFile, "requirements.lock"}

// Loader checks the files of a chart as Helm does when it loads them: call Add for each file, then Load for the metadata.
type Loader struct {
	files  map[string][]byte  // contents of metadataFiles by name
	charts map[string]*Loader // directories in charts/ by name
	packed map[string]*Chart  // archives in charts/ by name
	depth  int                // the number of charts around this one
	all    *total             // shared with the charts around it and in it
}

// total counts the bytes of a chart and of the charts in it, and lists large files.
type total struct {
	size  int64
	large []string // files larger than MaxFileSize

	templates int64    // bytes of the templates that were checked
	broken    []broken // those that Helm can't parse
}

// NewLoader returns a Loader for a chart.
func NewLoader() *Loader { return newLoader(0, &total{}) }

func newLoader(depth int, all *total) *Loader {
	return &Loader{files: map[string][]byte{}, charts: map[string]*Loader{}, packed: map[string]*Chart{}, depth: depth, all: all}
}

// Add reads a file of size bytes if Helm needs its content to load the chart. The name is relative to the directory of the chart. It
// fails if the files reach MaxSize.
func (l *Loader) Add(name string, r io.Reader, size int64) error {
	if size > MaxFileSize {
		l.all.large = append(l.all.large, name)
	}
	if l.all.size += size; l.all.size >= MaxSize {
		return fmt.Errorf("chart too large for helm: limit is %d MiB", MaxSize>>20)
	}
	if l.depth == 0 {
		if err := l.all.checkTemplate(name, r, size); err != nil {
			return err
		}
	}
	return l.add(name, r)
}

// add keeps a file that Helm reads, or passes a file in charts/ to the Loader of its chart.
func (l *Loader) add(name string, r io.Reader) error {
	below, inCharts := strings.CutPrefix(name, "charts/")
	switch {
	case slices.Contains(metadataFiles, name):
		data, err := io.ReadAll(io.LimitReader(r, MaxSize))
		l.files[name] = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		return err
	case !inCharts || path.Ext(name) == ".prov" || strings.HasPrefix(below, "_") || strings.HasPrefix(below, "."):
		return nil
	case l.depth == maxDepth:
		return fmt.Errorf("charts nested too deeply at %q: limit is %d", name, maxDepth)
	}
	sub, inner, isDir := strings.Cut(below, "/")
	if path.Ext(sub) == ".tgz" {
		if isDir {
			return fmt.Errorf("charts/%s is a directory, but helm reads it as a packaged chart", sub)
		}
		c, err := readArchive(r, newLoader(l.depth+1, l.all))
		if err != nil {
			return fmt.Errorf("charts/%s: %w", sub, err)
		}
		l.packed[sub] = c
		return nil
	}
	if l.charts[sub] == nil {
		l.charts[sub] = newLoader(l.depth+1, l.all)
	}
	if !isDir {
		return nil // Helm treats any file in charts/ as a chart, so Load reports a missing Chart.yaml
	}
	return l.charts[sub].add(inner, r)
}

// Load returns the metadata of the chart. It fails if Helm would not load the chart.
func (l *Loader) Load() (*Chart, error) {
	if _, ok := l.files["Chart.yaml"]; !ok {
		return nil, errors.New("it has no Chart.yaml, which helm requires")
	}
	c, err := Parse(l.files["Chart.yaml"], l.files[RequirementsFile])
	var faults Faults
	if err != nil && !errors.As(err, &faults) {
		return nil, err
	}
	if l.depth == 0 && c.APIVersion != "v1" && c.APIVersion != "v2" {
		faults.add("/apiVersion", "apiVersion %q is neither v1 nor v2, and helm loads no other", c.APIVersion)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	for _, name := range metadataFiles {
		if data, ok := l.files[name]; ok {
			if err := checkFile(name, data); err != nil {
				return nil, &FileError{name, err}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.charts)) {
		inner, err := l.charts[name].Load()
		if err != nil {
			return nil, &SubchartError{name, err}
		}
		c.packed = append(c.packed, inner.Name)
	}
	for _, inner := range l.packed {
		c.packed = append(c.packed, inner.Name)
	}
	if l.depth == 0 && len(l.all.large) > 0 {
		c.Warnings = append(c.Warnings, Warning{"", fmt.Sprintf("helm before 4.3 does not load the chart: %s is larger than %d MiB", l.all.large[0], MaxFileSize>>20)})
	}
	if l.depth == 0 {
		c.Warnings = append(c.Warnings, l.all.describeBroken(c.Type)...)
	}
	return c, nil
}

// SubchartError is an error about the chart in a directory in charts/.
type SubchartError struct {
	Name string // of the directory
	Err  error
}

// Error returns the directory and the cause.
func (e *SubchartError) Error() string {
	return fmt.Sprintf("charts/%s, which helm treats as a chart: %v", e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *SubchartError) Unwrap() error { return e.Err }

// ChartFile returns the content of Chart.yaml, with the changes of Override.
func (l *Loader) ChartFile() []byte { return l.files["Chart.yaml"] }

// Field returns a top-level field of Chart.yaml, or "" if it is not a string.
func (l *Loader) Field(name string) string {
	var doc map[string]any
	if err := yaml.Unmarshal(l.ChartFile(), &doc); err != nil {
		return ""
	}
	text, _ := doc[name].(string)
	return text
}

// Override sets a field of Chart.yaml to a string, and moves it to the end.
func (l *Loader) Override(field, value string) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(l.ChartFile(), &doc); err != nil {
		return fmt.Errorf("helm can't read Chart.yaml: %w", yamlerror.Worded(err))
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return errors.New("helm can't read Chart.yaml: it is not a mapping")
	}
	dropRepeatedKeys(&doc)
	root := doc.Content[0]
	text := &yaml.Node{}
	text.SetString(value)
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == field {
			text.LineComment = root.Content[i+1].LineComment
			root.Content = slices.Delete(root.Content, i, i+2)
			break
		}
	}
	key := &yaml.Node{}
	key.SetString(field)
	root.Content = append(root.Content, key, text)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return err
	}
	l.files["Chart.yaml"] = b.Bytes()
	return nil
}

// Missing returns the names of the dependencies that are not in charts/. Helm refuses to package a chart that lacks any.
func (c *Chart) Missing() []string {
	var missing []string
	for _, d := range c.Dependencies {
		if !slices.Contains(c.packed, d.Name) {
			missing = append(missing, d.Name)
		}
	}
	return missing
}

// checkFile checks a file that Helm reads besides Chart.yaml and RequirementsFile. Helm accepts duplicate keys.
func checkFile(name string, data []byte) error {
	switch name {
	case "values.schema.json":
		if !json.Valid(data) {
			return errors.New("it is not JSON")
		}
		return nil
	case "Chart.yaml", RequirementsFile:
		return nil // Load has parsed it
	case "Chart.lock", "requirements.lock":
		if err := checkLock(data); err != nil {
			return err
		}
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(doc.Content) > 0 && doc.Content[0].Kind != yaml.MappingNode && doc.Content[0].ShortTag() != "!!null":
			return errors.New("it is not a mapping")
		}
		dropRepeatedKeys(&doc)
		if hasNonFinite(&doc) {
			return errors.New(".inf and .nan are not allowed")
		}
		var values any
		if err := doc.Decode(&values); err != nil { // such as a template as a key
			return err
		}
	}
}

// hasNonFinite reports whether a document contains an infinity or a NaN. Helm converts YAML to JSON, which has neither.
func hasNonFinite(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!float" {
		var f float64
		return n.Decode(&f) == nil && (math.IsInf(f, 0) || math.IsNaN(f))
	}
	return slices.ContainsFunc(n.Content, hasNonFinite)
}

// checkLock checks the fields of a Chart.lock that Helm reads.
func checkLock(data []byte) error {
	var lock struct {
		Generated    time.Time
		Digest       string
		Dependencies []Dependency
	}
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return err
	}
	dropRepeatedKeys(&node)
	var loose map[string]any
	if err := node.Decode(&loose); err != nil {
		return err
	}
	encoded, err := json.Marshal(loose)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, &lock)
}

// ReadArchive reads the metadata of a packaged chart. It fails if Helm would not load the chart.
func ReadArchive(r io.Reader) (*Chart, error) { return readArchive(r, NewLoader()) }

// readArchive adds the files of a packaged chart to a Loader, under their names in the chart, and loads it.
// readArchive adds the files of a packaged chart to a new Loader and loads the chart.
func readArchive(r io.Reader, l *Loader) (*Chart, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("not a packaged chart: %w", err)
	}
	limited := &io.LimitedReader{R: unzipped, N: 2 * MaxSize} // tar headers take space too
	files := tar.NewReader(limited)
	nested := "" // an entry "./NAME/Chart.yaml", which tar writes for a directory given as ./NAME
	for {
		header, err := files.Next()
		switch {
		case errors.Is(err, io.EOF):
			if _, err := io.Copy(io.Discard, limited); err != nil { // up to the checksum of the gzip
				return nil, fmt.Errorf("broken chart archive: %w", err)
			}
			if l.files["Chart.yaml"] == nil && nested != "" {
				return nil, fmt.Errorf("it has %q where helm requires NAME/Chart.yaml; helm package makes such an archive", nested)
			}
			return l.Load()
		case limited.N <= 0:
			return nil, fmt.Errorf("chart too large for helm: limit is %d MiB", MaxSize>>20)
		case err != nil:
			return nil, fmt.Errorf("broken chart archive: %w", err)
		case header.FileInfo().IsDir() || header.Typeflag == tar.TypeXGlobalHeader || header.Typeflag == tar.TypeXHeader:
			continue
		}
		name, err := nameInChart(header.Name)
		if strings.HasPrefix(header.Name, "./") && path.Base(name) == "Chart.yaml" && strings.Count(name, "/") == 1 {
			nested = header.Name
		}
		if err == nil {
			err = l.Add(name, files, header.Size)
		}
		if err != nil {
			return nil, err
		}
	}
}

// nameInChart returns the name of an entry in a packaged chart, relative to the chart. Like Helm, it removes the first directory,
// whatever its name.
func nameInChart(entry string) (string, error) {
	first, rest, _ := strings.Cut(strings.ReplaceAll(entry, `\`, "/"), "/")
	switch name := path.Clean(rest); {
	case first == "Chart.yaml":
		return "", errors.New("its Chart.yaml is not in a directory, and helm requires NAME/Chart.yaml")
	case path.IsAbs(rest), name == ".", strings.HasPrefix(name, ".."), len(name) > 2 && name[1] == ':' && name[2] == '/':
		return "", fmt.Errorf("its entry %q is outside the directory of the chart, which helm refuses", entry)
	default:
		return name, nil
	}
}

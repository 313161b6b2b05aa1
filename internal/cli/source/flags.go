package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/optional"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/pflag"
)

// Options are the flags about sources.
type Options struct {
	Documents bool // the command takes documents from standard input, and explains errors about them itself

	file                              string
	kind, name, version, artifactType string
	appVersion                        string
	annotations                       []string
	config                            string
	packing                           string
	split, preserve                   *bool // nil: the default of the kind
}

// AddFlags adds the flags about sources.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVarP(&o.file, "file", "f", "", "pack what this `FILE` declares, a davit.yaml with any name (- is standard input)")
	fs.StringVar(&o.kind, "kind", "", "pack plain files as this `KIND`, or by a kind file (default: detected); \"davit kinds\" lists the kinds")
	fs.StringVar(&o.name, "name", "", "set the `NAME` of the artifact")
	fs.StringVar(&o.version, "version", "", "set the `VERSION` of the artifact")
	fs.StringVar(&o.appVersion, "app-version", "", "set the `VERSION` of the application in a chart, as helm package does")
	fs.StringArrayVarP(&o.annotations, "annotation", "a", nil, "add the annotation `KEY=VALUE` to the manifest (repeatable)")
	fs.StringVar(&o.artifactType, "artifact-type", "", "override the artifact `TYPE` of the kind")
	fs.StringVar(&o.config, "config", "", "read the fields of the kind's config from this `FILE` (YAML or JSON)")
	fs.StringVar(&o.packing, "packing", "", "pack plain files in this `FORMAT`: raw, tar, tar+gzip, tar+zstd, or zip")
	optional.Bool(fs, &o.split, "split", "cut a directory into several layers by content, for plain files (default: as the kind does)")
	optional.Bool(fs, &o.preserve, "preserve", "keep modes, owners, times, and xattrs, for plain files (default: as the kind does)")
}

// NamesFile reports whether --file names the declaration.
func (o *Options) NamesFile() bool { return o.file != "" }

// NamesKind reports whether --kind names the kind of plain files.
func (o *Options) NamesKind() bool { return o.kind != "" }

// DescribesPlain reports whether a flag sets the kind or the artifact type of plain files. A declaration sets its own.
func (o *Options) DescribesPlain() bool { return o.kind != "" || o.artifactType != "" }

// WithoutFile returns the options without --file, for the other sources of a command.
func (o Options) WithoutFile() Options {
	o.file = ""
	return o
}

// OfKind returns options for plain files of a kind.
func OfKind(kind string) *Options { return &Options{kind: kind} }

// WithName returns the options with this name, unless --name is set.
func (o Options) WithName(name string) Options {
	o.name = cmp.Or(o.name, name)
	return o
}

// refusePlain returns an error if a flag is set that is only for plain files. --kind may repeat the kind of the declaration.
func (o *Options) refusePlain(spec *artifact.Spec) error {
	for flag, given := range map[string]bool{
		"--packing": o.packing != "", "--split": o.split != nil, "--preserve": o.preserve != nil,
	} {
		if given {
			return &exit.UsageError{Err: fmt.Errorf("%s is for plain files", flag), Hint: "set it in davit.yaml"}
		}
	}
	if o.kind != "" && spec.Kind != "" && o.kind != spec.Kind {
		return &exit.UsageError{Err: fmt.Errorf("--kind %s is for plain files: davit.yaml says kind: %s", o.kind, spec.Kind), Hint: "change it in davit.yaml, or leave out --kind"}
	}
	return nil
}

// apply overrides a declaration with the flags. It also sets the time in SOURCE_DATE_EPOCH.
func (o *Options) apply(fsys fs.FS, spec *artifact.Spec) error {
	spec.Name = cmp.Or(o.name, spec.Name)
	spec.Version = cmp.Or(o.version, spec.Version)
	spec.ArtifactType = cmp.Or(o.artifactType, spec.ArtifactType)
	annotations, err := ParseAnnotations(o.annotations)
	if err != nil {
		return err
	}
	if spec.Annotations == nil {
		spec.Annotations = annotations
	}
	maps.Copy(spec.Annotations, annotations)
	o.applyLayers(fsys, spec.Layers)
	if err := o.applyConfig(spec); err != nil {
		return err
	}
	if o.appVersion != "" {
		spec.Config = maps.Clone(spec.Config)
		if spec.Config == nil {
			spec.Config = map[string]any{}
		}
		spec.Config["appVersion"] = o.appVersion
	}
	spec.Created, err = Date()
	return err
}

// applyConfig reads the file of --config into the declaration.
func (o *Options) applyConfig(spec *artifact.Spec) error {
	if o.config == "" {
		return nil
	}
	if file, isTyped := paths.CutType(o.config); isTyped {
		return &exit.UsageError{Err: fmt.Errorf("--config %s: must be a FILE, without a type", o.config),
			Hint: "--config " + shell.Command(file) + "; the type of the config comes from the kind (--kind, which may be a kind file)"}
	}
	f, err := os.Open(o.config)
	if err != nil {
		failed := exit.FileError("config", o.config, err)
		if strings.Contains(o.config, "=") && errors.Is(err, fs.ErrNotExist) {
			failed.Hint = "--config takes a file; single fields belong under config: in davit.yaml"
		}
		return failed
	}
	defer f.Close()
	data, err := ReadAll(o.config, f)
	if err != nil {
		return err
	}
	return artifact.ReadConfig(spec, o.config, data)
}

// ParseAnnotations parses KEY=VALUE pairs. It returns nil for an empty list. The time of creation must be one: commands that keep the
// newest artifacts ignore other text.
func ParseAnnotations(list []string) (map[string]string, error) {
	var all map[string]string
	for _, a := range list {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return nil, &exit.UsageError{Err: fmt.Errorf("--annotation %q: must be KEY=VALUE", a)}
		}
		if _, err := time.Parse(time.RFC3339, value); err != nil && key == ocispec.AnnotationCreated && value != "" {
			return nil, &exit.UsageError{Err: fmt.Errorf("%s=%s is not a time as in 2026-01-31T12:00:00Z", key, value), Hint: hintAtTime(key, value)}
		}
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
	}
	return all, nil
}

// hintAtTime returns a hint with the annotation in RFC 3339, or "" if its value is not a time. A time without a zone is in UTC.
func hintAtTime(key, value string) string {
	for _, layout := range [...]string{"2006-1-2", "2006/1/2", "20060102", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339,
		"2006-01-02T15:04:05-0700", "2006-01-02T15:04:05 -0700"} {
		text := value
		if date, clock, ok := strings.Cut(value, " "); ok {
			text = date + "T" + clock
		}
		if t, err := time.Parse(layout, text); err == nil {
			return "did you mean -a " + shell.Quote(key+"="+t.Format(time.RFC3339)) + "?"
		}
	}
	return ""
}

// applyLayers overrides layers with the flags. If there are directories, --split and --preserve apply only to them.
func (o *Options) applyLayers(fsys fs.FS, layers []artifact.LayerSpec) {
	isDir := func(l artifact.LayerSpec) bool {
		info, err := fs.Stat(fsys, path.Clean(l.Path))
		return err == nil && info.IsDir()
	}
	mixed := slices.ContainsFunc(layers, isDir)
	for i := range layers {
		l := &layers[i]
		if o.packing != "" {
			l.Packing = mediatypes.Packing(o.packing)
		}
		if mixed && !isDir(*l) {
			continue
		}
		l.Split, l.Preserve = cmp.Or(o.split, l.Split), cmp.Or(o.preserve, l.Preserve)
	}
}

// lastSecond is the end of the year 9999, the last that RFC 3339 can represent, in seconds since 1970.
const lastSecond = 253402300799

// Date returns the time in SOURCE_DATE_EPOCH, or the zero time if that is not set. It fails if the variable is not a number of
// seconds until the year 9999.
func Date() (time.Time, error) {
	value := os.Getenv("SOURCE_DATE_EPOCH")
	if value == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, &exit.UsageError{Err: fmt.Errorf("SOURCE_DATE_EPOCH=%s: must be seconds since 1970", value)}
	}
	return time.Unix(seconds, 0).UTC(), nil
}

package bottle

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/tree"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxBottle limits the unpacked size of a bottle, in bytes. It is more than any formula installs.
const maxBottle = 64 << 30

// bottleName matches the name of a bottle: NAME--VERSION.TAG.bottle[.REBUILD].tar.gz.
var bottleName = lazy.Regexp(`^(.+?)--(.+)\.([a-z0-9_]+)\.bottle(?:\.(\d+))?\.tar\.gz$`)

// bottleFile has the facts in the name and content of a bottle.
type bottleFile struct {
	name, version, tag, rebuild string
	tab                         map[string]any // fields of INSTALL_RECEIPT.json that Homebrew publishes
	installed                   int64          // bytes of all files
	diffID                      digest.Digest  // of the tar inside
}

// isBottle recognizes a bottle by its file name, as Homebrew does.
func isBottle(s *tree.Sample) (string, bool) {
	m := bottleName().FindStringSubmatch(path.Base(s.Path))
	if m == nil {
		return "", false
	}
	_, known := bottlePlatform(m[3])
	return fmt.Sprintf("is named as the bottle of %s %s for %s", m[1], m[2], m[3]), known
}

// bottleFault returns an error for a file with the name of a bottle for a system that Homebrew does not support.
func bottleFault(s *tree.Sample) error {
	m := bottleName().FindStringSubmatch(path.Base(s.Path))
	if m == nil {
		return nil
	}
	if _, known := bottlePlatform(m[3]); !known {
		return unknownTagError(m[3])
	}
	return nil
}

// unknownTagError returns an error for the tag of an unsupported system. It lists the supported tags.
func unknownTagError(tag string) error {
	names := slices.Sorted(maps.Keys(macOSVersions))
	return fmt.Errorf("%q is not a Homebrew bottle tag: want all, x86_64_linux, arm64_linux, and for macOS, after arm64_ or alone, %s",
		tag, strings.Join(names, ", "))
}

// macOSVersions are the versions of macOS by their names in bottle tags.
var macOSVersions = map[string]string{
	"tahoe": "26", "sequoia": "15", "sonoma": "14", "ventura": "13", "monterey": "12", "big_sur": "11", "catalina": "10.15",
	"mojave": "10.14", "high_sierra": "10.13", "sierra": "10.12", "el_capitan": "10.11",
	"yosemite": "10.10", "mavericks": "10.9", "mountain_lion": "10.8", "lion": "10.7",
}

// bottlePlatform returns the platform of a bottle tag, or nil for the tag "all". ok is false for an unknown tag.
func bottlePlatform(tag string) (platform *ocispec.Platform, ok bool) {
	switch tag {
	case "all":
		return nil, true
	case "x86_64_linux":
		return &ocispec.Platform{OS: "linux", Architecture: "amd64", OSVersion: "Ubuntu 22.04"}, true
	case "arm64_linux":
		return &ocispec.Platform{OS: "linux", Architecture: "arm64", OSVersion: "Ubuntu 22.04"}, true
	}
	name, arm := strings.CutPrefix(tag, "arm64_")
	version, ok := macOSVersions[name]
	platform = &ocispec.Platform{OS: "darwin", Architecture: "amd64", OSVersion: "macOS " + version}
	if arm {
		platform.Architecture = "arm64"
	}
	return platform, ok
}

// derive describes one bottle, and its entry in the index.
func derive(d *compose.Draft) (configblob.Finish, error) {
	if len(d.Layers) != 1 {
		return nil, nil // reported elsewhere
	}
	l := d.Layers[0]
	m := bottleName().FindStringSubmatch(path.Base(l.Path))
	if m == nil {
		return nil, &spec.Error{Item: l.Path, Err: errors.New("is not named as a bottle: NAME--VERSION.TAG.bottle.tar.gz")}
	}
	b := &bottleFile{name: m[1], version: m[2], tag: m[3], rebuild: m[4]}
	platform, known := bottlePlatform(b.tag)
	if !known {
		return nil, &spec.Error{Item: l.Path, Err: unknownTagError(b.tag)}
	}
	if err := b.read(d, l); err != nil {
		return nil, &spec.Error{Item: l.Path, Err: err}
	}
	name := b.name
	if d.Spec.Name == b.fullName(d) {
		name = d.Spec.Name
	}
	d.CheckNamed(name, b.version, "the bottle")
	l.Title = path.Base(l.Path)
	if platform != nil {
		if v, ok := d.Spec.Config["os_version"].(string); ok {
			platform.OSVersion = v
		}
		d.Platform = platform
	}
	b.annotateIndex(d)
	return b.finish(d, platform), nil
}

// fullName returns the full name of the formula if it is declared, and its name otherwise.
func (b *bottleFile) fullName(d *compose.Draft) string {
	if name, ok := d.Spec.Config["formula_full_name"].(string); ok {
		return name
	}
	return b.name
}

// reference returns the version, followed by the separator and the rebuild if that is not 0.
func (b *bottleFile) reference(separator string) string {
	if b.rebuild == "" || b.rebuild == "0" {
		return b.version
	}
	return b.version + separator + b.rebuild
}

// annotateIndex sets the annotations of the index over all bottles of a version.
func (b *bottleFile) annotateIndex(d *compose.Draft) {
	d.IndexAnnotations = map[string]string{
		ocispec.AnnotationTitle:   b.fullName(d),
		ocispec.AnnotationVersion: b.version,
		ocispec.AnnotationRefName: b.reference("-"),
	}
	if license, ok := d.Spec.Config["license"].(string); ok {
		d.IndexAnnotations[ocispec.AnnotationLicenses] = license
	}
	maps.Copy(d.Annotations, d.IndexAnnotations)
	d.Annotations[ocispec.AnnotationTitle] = b.fullName(d) + " " + b.tag
	delete(d.Annotations, ocispec.AnnotationRefName) // differs from bottle to bottle
	d.Tags = []string{strings.ReplaceAll(b.reference("-"), "+", "_")}
}

// finish makes the config, and the annotations by which Homebrew picks the bottle out of the index.
func (b *bottleFile) finish(d *compose.Draft, platform *ocispec.Platform) configblob.Finish {
	config := map[string]any{"rootfs": map[string]any{"type": "layers", "diff_ids": []digest.Digest{b.diffID}}}
	if platform != nil {
		config["architecture"], config["os"], config["os.version"] = platform.Architecture, platform.OS, platform.OSVersion
	}
	fixed := d.Spec.Config
	return func(layers []spec.Packed) (spec.Finished, error) {
		entry, err := b.annotateEntry(fixed, layers[0].Descriptor)
		if err != nil {
			return spec.Finished{}, err
		}
		encoded, err := configblob.Encode(config)
		return spec.Finished{Config: encoded, Annotations: entry, Entry: entry}, err
	}
}

// annotateEntry returns the annotations of the bottle's entry in the index.
func (b *bottleFile) annotateEntry(config map[string]any, layer ocispec.Descriptor) (map[string]string, error) {
	tab, err := configblob.Encode(b.tab)
	if err != nil {
		return nil, err
	}
	entry := map[string]string{
		ocispec.AnnotationRefName:       b.version + "." + b.tag,
		mediatypes.BottleDigest:         layer.Digest.Encoded(),
		"sh.brew.bottle.size":           strconv.FormatInt(layer.Size, 10),
		"sh.brew.bottle.installed_size": strconv.FormatInt(b.installed, 10),
		mediatypes.BottleTab:            string(tab),
	}
	if b.rebuild != "" && b.rebuild != "0" {
		entry[ocispec.AnnotationRefName] += "." + b.rebuild
	}
	for key, field := range map[string]string{"sh.brew.license": "license", "sh.brew.bottle.cpu.variant": "cpu_variant",
		"sh.brew.bottle.glibc.version": "glibc_version", "sh.brew.bottle.installed_size": "installed_size"} {
		if value := config[field]; value != nil {
			entry[key] = fmt.Sprint(value)
		}
	}
	if files, ok := config["path_exec_files"].([]any); ok {
		names := make([]string, len(files))
		for i, f := range files {
			names[i] = fmt.Sprint(f)
		}
		entry["sh.brew.path_exec_files"] = strings.Join(names, ",")
	}
	return entry, nil
}

// tabKeys are the fields of a receipt that Homebrew publishes.
var tabKeys = []string{"homebrew_version", "changed_files", "source_modified_time", "compiler", "runtime_dependencies", "arch", "built_on", "stdlib"}

// read unpacks a bottle once, for its receipt, the size of the installed files, and the digest of the tar inside.
func (b *bottleFile) read(d *compose.Draft, l *compose.Layer) error {
	f, err := d.FS.Open(l.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("not a bottle: %w", err)
	}
	hash := sha256.New()
	limited := &io.LimitedReader{R: io.TeeReader(unzipped, hash), N: maxBottle}
	if err := b.scan(tar.NewReader(limited)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return fmt.Errorf("broken bottle: %w", err)
	}
	if limited.N <= 0 {
		return fmt.Errorf("unpacks to more than %d GiB", maxBottle>>30)
	}
	b.diffID = digest.NewDigest(digest.SHA256, hash)
	if b.tab == nil {
		return fmt.Errorf("has no %s/%s/INSTALL_RECEIPT.json, which Homebrew requires", b.name, b.version)
	}
	if b.tag == "all" {
		delete(b.tab, "arch")
		delete(b.tab, "built_on")
	}
	if v, ok := d.Spec.Config["homebrew_version"].(string); ok {
		b.tab["homebrew_version"] = v
	}
	return nil
}

// scan reads the entries of the tar. It fails if one is not below NAME/VERSION.
func (b *bottleFile) scan(archive *tar.Reader) error {
	keg := b.name + "/" + b.version
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("broken bottle: %w", err)
		}
		name := path.Clean(header.Name)
		if name != b.name && name != keg && !strings.HasPrefix(name, keg+"/") {
			return fmt.Errorf("holds %q, and Homebrew pours only the files below %s", header.Name, keg)
		}
		b.installed += header.Size
		if name == keg+"/INSTALL_RECEIPT.json" && header.Typeflag == tar.TypeReg {
			if err := b.readReceipt(archive); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
}

func (b *bottleFile) readReceipt(r io.Reader) error {
	var receipt map[string]any
	decoder := json.NewDecoder(io.LimitReader(r, tree.MaxSmallFile))
	decoder.UseNumber()
	if err := decoder.Decode(&receipt); err != nil {
		return err
	}
	b.tab = map[string]any{}
	for _, key := range tabKeys {
		if value, ok := receipt[key]; ok && value != nil {
			b.tab[key] = value
		}
	}
	return nil
}

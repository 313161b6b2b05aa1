package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/compose/configblob"
	"github.com/davit-oci/davit/internal/format/wasm"
	wasmkind "github.com/davit-oci/davit/internal/kinds/wasm"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/tree"
)

// WasmVariant is the annotation by which Istio and others recognize an image with a wasm module.
const WasmVariant = "module.wasm.image/variant"

// rootDirectories are the directories at the root of a file system according to the Filesystem Hierarchy Standard.
var rootDirectories = []string{"bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run",
	"sbin", "srv", "sys", "tmp", "usr", "var"}

// isRootFS reports whether a directory is the root of a file system: it has two or more of rootDirectories and nothing else.
func isRootFS(s *tree.Sample) (string, bool) {
	names := s.Names()
	foreign := slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(rootDirectories, name) })
	return "has the directories of a root file system: " + strings.Join(names, ", "), len(names) > 1 && !foreign
}

// derive makes an OCI image config. If the only file is a WebAssembly binary, the config has the platform of the binary and
// the binary as its entrypoint, so that container runtimes can run the image.
func derive(d *compose.Draft) (configblob.Finish, error) {
	config := map[string]any{"architecture": "amd64", "os": "linux"}
	given := d.Spec.Platform != "" || d.Spec.Config["os"] != nil || d.Spec.Config["architecture"] != nil
	if err := configureWasm(d, config); err != nil {
		return nil, err
	}
	if platform, ok := manifest.ParsePlatform(d.Spec.Platform); ok {
		config["os"], config["architecture"] = platform.OS, platform.Architecture
		if platform.Variant != "" {
			config["variant"] = platform.Variant
		}
		if platform.OSVersion != "" {
			config["os.version"] = platform.OSVersion
		}
	}
	if !d.Created.IsZero() {
		config["created"] = d.Created.UTC().Format(time.RFC3339)
	}
	config = d.Overlay(config)
	if d.Kind.Name == "image" {
		checkPrograms(d, config, given || d.Spec.Base == "")
	}
	if !given && d.Spec.Base == "" {
		d.Notes = append(d.Notes, fmt.Sprintf("%s: platform %s/%s, unless platforms: in davit.yaml lists others", d.Kind.Name, config["os"], config["architecture"]))
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		config := maps.Clone(config)
		config["rootfs"] = map[string]any{"type": "layers", "diff_ids": configblob.DiffIDs(layers)}
		encoded, err := configblob.Encode(config)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// configureWasm sets the platform and entrypoint of an image whose only file is a WebAssembly binary. It changes no other config.
func configureWasm(d *compose.Draft, config map[string]any) error {
	if d.Kind.Name != "image" || len(d.Layers) != 1 || d.Layers[0].Dir || !strings.HasSuffix(d.Layers[0].Source(), ".wasm") {
		return nil
	}
	l := d.Layers[0]
	f, err := tree.Inspect(d.FS, l.Source(), wasm.Read)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(l.Source(), l.Path+"/")
	config["architecture"], config["os"] = "wasm", f.OS()
	config["config"] = map[string]any{"Entrypoint": []string{"/" + name}}
	d.Annotations[WasmVariant] = "compat"
	d.Notes = append(d.Notes, wasmkind.WasmNote(f, name))
	return nil
}

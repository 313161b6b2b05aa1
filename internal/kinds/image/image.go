package image

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/wasm"
	wasmkind "github.com/davit-oci/davit/internal/kinds/wasm"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/tree"
)

// WasmVariant is the annotation by which Istio and others know an image that holds a wasm module.
const WasmVariant = "module.wasm.image/variant"

// rootDirectories are the directories at the root of a file system, as the Filesystem Hierarchy Standard names them.
var rootDirectories = []string{"bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run",
	"sbin", "srv", "sys", "tmp", "usr", "var"}

// isRootFS finds the root of a file system: it has two or more of those directories and nothing else.
func isRootFS(s *tree.Sample) (string, bool) {
	names := s.Names()
	foreign := slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(rootDirectories, name) })
	return "has the directories of a root file system: " + strings.Join(names, ", "), len(names) > 1 && !foreign
}

// isTar finds a tar, or what may be one when it is decompressed: the entries are looked at when it is packed.
func isTar(s *tree.Sample) (string, bool) {
	const block, magic = 512, 257
	head := s.Head()
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "begins as gzip does", true
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return "begins as zstd does", true
	case len(head) < block:
		return "", false
	case bytes.HasPrefix(head[magic:], []byte("ustar")):
		return "begins with the header of a tar", true
	}
	return "is an empty tar", bytes.Equal(head[:block], make([]byte, block))
}

// derive makes an OCI image config. A single WebAssembly binary becomes the image that container runtimes run it
// from: its platform is that of the binary, and it is the command.
func derive(c *compose.Draft) (compose.Finish, error) {
	config := map[string]any{"architecture": "amd64", "os": "linux"}
	given := c.Spec.Platform != "" || c.Spec.Config["os"] != nil || c.Spec.Config["architecture"] != nil
	if err := wasmImage(c, config); err != nil {
		return nil, err
	}
	if platform, ok := manifest.ParsePlatform(c.Spec.Platform); ok {
		config["os"], config["architecture"] = platform.OS, platform.Architecture
		if platform.Variant != "" {
			config["variant"] = platform.Variant
		}
		if platform.OSVersion != "" {
			config["os.version"] = platform.OSVersion
		}
	}
	if !c.Created.IsZero() {
		config["created"] = c.Created.UTC().Format(time.RFC3339)
	}
	config = c.Overlay(config)
	if !given && c.Spec.Base == "" {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: its platform is %s/%s; platforms: makes it one of several", c.Kind.Name, config["os"], config["architecture"]))
	}
	return func(layers []spec.Packed) (spec.Finished, error) {
		config := maps.Clone(config)
		config["rootfs"] = map[string]any{"type": "layers", "diff_ids": compose.DiffIDs(layers)}
		encoded, err := compose.EncodeJSON(config)
		return spec.Finished{Config: encoded}, err
	}, nil
}

// wasmImage completes the config of an image that holds a WebAssembly binary and nothing else.
func wasmImage(c *compose.Draft, config map[string]any) error {
	if c.Kind.Name != "image" || len(c.Layers) != 1 || c.Layers[0].Dir || !strings.HasSuffix(c.Layers[0].Source(), ".wasm") {
		return nil
	}
	l := c.Layers[0]
	f, err := tree.Inspect(c.FS, l.Source(), wasm.Read)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(l.Source(), l.Path+"/")
	config["architecture"], config["os"] = "wasm", f.OS()
	config["config"] = map[string]any{"Entrypoint": []string{"/" + name}}
	c.Annotations[WasmVariant] = "compat"
	c.Notes = append(c.Notes, wasmkind.WasmNote(f, name))
	return nil
}

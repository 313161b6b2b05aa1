package artifact

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/format/wasm"
	"github.com/opencontainers/go-digest"
)

// wasmVariant is the annotation by which Istio and others know an image that holds a wasm module.
const wasmVariant = "module.wasm.image/variant"

// rootDirectories are the directories at the root of a file system, as the Filesystem Hierarchy Standard names them.
var rootDirectories = []string{"bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run",
	"sbin", "srv", "sys", "tmp", "usr", "var"}

// isRootFS finds the root of a file system: it has two or more of those directories and nothing else.
func isRootFS(s *sample) (string, bool) {
	names := s.names()
	foreign := slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(rootDirectories, name) })
	return "has the directories of a root file system: " + strings.Join(names, ", "), len(names) > 1 && !foreign
}

// isTar finds a tar, or what may be one when it is decompressed: the entries are looked at when it is packed.
func isTar(s *sample) (string, bool) {
	const block, magic = 512, 257
	head := s.begin()
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

// imageConfig makes an OCI image config. A single WebAssembly binary becomes the image that container runtimes run it
// from: its platform is that of the binary, and it is the command.
func imageConfig(c *composition) (finishFunc, error) {
	config := map[string]any{"architecture": "amd64", "os": "linux"}
	given := c.spec.Platform != "" || c.spec.Config["os"] != nil || c.spec.Config["architecture"] != nil
	if err := c.wasmImage(config); err != nil {
		return nil, err
	}
	if platform, ok := parsePlatform(c.spec.Platform); ok {
		config["os"], config["architecture"] = platform.OS, platform.Architecture
		if platform.Variant != "" {
			config["variant"] = platform.Variant
		}
		if platform.OSVersion != "" {
			config["os.version"] = platform.OSVersion
		}
	}
	if !c.created.IsZero() {
		config["created"] = c.created.UTC().Format(time.RFC3339)
	}
	config = c.overlay(config)
	if !given && c.spec.Base == "" {
		c.notes = append(c.notes, fmt.Sprintf("%s: its platform is %s/%s; platforms: makes it one of several", c.kind.Name, config["os"], config["architecture"]))
	}
	return func(layers []Packed) (Finished, error) {
		config := maps.Clone(config)
		config["rootfs"] = map[string]any{"type": "layers", "diff_ids": diffIDs(layers)}
		encoded, err := encodeJSON(config)
		return Finished{Config: encoded}, err
	}, nil
}

// wasmImage completes the config of an image that holds a WebAssembly binary and nothing else.
func (c *composition) wasmImage(config map[string]any) error {
	if c.kind.Name != "image" || len(c.layers) != 1 || c.layers[0].Dir || !strings.HasSuffix(c.layers[0].source(), ".wasm") {
		return nil
	}
	l := c.layers[0]
	f, err := inspectFile(c.fsys, l.source(), wasm.Read)
	if err != nil {
		return err
	}
	name := strings.TrimPrefix(l.source(), l.Path+"/")
	config["architecture"], config["os"] = "wasm", f.OS()
	config["config"] = map[string]any{"Entrypoint": []string{"/" + name}}
	c.annotations[wasmVariant] = "compat"
	c.notes = append(c.notes, wasmNote(f, name))
	return nil
}

// diffIDs are the digests of the layers before compression.
func diffIDs(layers []Packed) []digest.Digest {
	ids := make([]digest.Digest, len(layers))
	for i, l := range layers {
		ids[i] = l.DiffID
	}
	return ids
}

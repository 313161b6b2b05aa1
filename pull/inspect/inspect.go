package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/weights"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/untrusted"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// Options configure how much is read. The zero value reads a manifest with its config, or an index with all its manifests and configs.
type Options struct {
	Platform  *ocispec.Platform // read only the manifest for this platform of an index; nil reads all
	Shallow   bool              // read neither configs nor the manifests of an index
	Referrers bool              // also list the referrers, if the source can
	Weights   bool              // also read the header of the first model weights file, if the config has no such data
	Tensors   bool              // also read the tensors of all weights, from the headers of their files
	Tags      bool              // see referrers.Options
}

// Info describes an artifact. Its JSON is for scripts.
type Info struct {
	spec.Described
	TotalSize    int64                 `json:"totalSize,omitempty"` // of the manifest and all its content, counting shared blobs once
	Kind         string                `json:"kind"`
	Platform     *ocispec.Platform     `json:"platform,omitempty"`
	Config       *Config               `json:"config,omitempty"`
	Layers       []Layer               `json:"layers,omitempty"`
	Manifests    []*Info               `json:"manifests,omitempty"` // of an index
	Annotations  map[string]string     `json:"annotations,omitempty"`
	Subject      *ocispec.Descriptor   `json:"subject,omitempty"`
	Attestations []*Info               `json:"attestations,omitempty"` // in an index, for this manifest
	Referrers    []*referrers.Referrer `json:"referrers,omitempty"`
	Unlisted     string                `json:"unlisted,omitempty"` // why the registry did not list the referrers, if it denied access

	Raw []byte `json:"-"` // the unchanged manifest
}

// Config is the config of a manifest.
type Config struct {
	ocispec.Descriptor
	Content json.RawMessage `json:"content,omitempty"` // if it is JSON
	Raw     []byte          `json:"-"`                 // the unchanged bytes
}

// WeightsHead is the data in the header of a model weights file.
type WeightsHead = weights.Head

// Layer is a layer of a manifest.
type Layer struct {
	ocispec.Descriptor
	Role string `json:"role,omitempty"` // in the kind
	Name string `json:"name,omitempty"` // from its annotations

	// Weights is the unverified header of the layer, if it is the first weights file in a manifest whose config has no such data.
	Weights *WeightsHead `json:"weights,omitempty"`
	// Tensors are the tensors in the unverified header of the layer, if Options.Tensors is set.
	Tensors []Tensor `json:"tensors,omitempty"`
}

// maxReason is the maximum length of Info.Unlisted in characters.
const maxReason = 1000

// Inspect describes the artifact of a reference by its manifests and configs. It fetches no layers. For Weights and Tensors,
// it reads headers of layers, if the source can fetch ranges.
//
// Inspect fails with errdef.ErrNotFound if the source does not have the reference or platform, and with artifact.ErrRefused if
// content does not match its digest or indexes are nested too deeply.
func Inspect(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts Options) (*Info, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	var platform *ocispec.Platform
	if opts.Platform != nil {
		if m, platform, err = fetch.Choose(ctx, src, m, opts.Platform); err != nil {
			return nil, err
		}
	}
	in := &inspector{src: src, opts: opts, left: maxDocuments}
	info, err := in.describe(ctx, m, 0)
	if err != nil {
		return nil, err
	}
	info.Platform = platform
	info.addTotals()
	if graph, ok := src.(oras.ReadOnlyGraphTarget); ok && opts.Referrers {
		err = info.addReferrers(ctx, graph, referrers.Options{Recursive: true, Tags: opts.Tags})
		if fetch.IsDenied(err) { // credentials can allow reading manifests, but not listing referrers
			info.Unlisted, err = untrusted.Line(err.Error(), maxReason), nil
		}
	}
	return info, err
}

// addReferrers lists the referrers of this manifest and of each manifest in it.
func (i *Info) addReferrers(ctx context.Context, src oras.ReadOnlyGraphTarget, opts referrers.Options) error {
	infos := i.appendManifests(nil)
	subjects := make([]ocispec.Descriptor, len(infos))
	for k, info := range infos {
		subjects[k] = ocispec.Descriptor{MediaType: info.MediaType, Digest: info.Digest, Size: info.Size}
	}
	listed, err := referrers.NewLister(src, opts).Each(ctx, subjects)
	if err != nil {
		return err
	}
	for _, info := range infos {
		info.Referrers = lists.Delete(slices.Clone(listed[info.Digest]), info.hasAttestation) // BuildKit can add a subject to an attestation
	}
	return nil
}

func (i *Info) hasAttestation(r *referrers.Referrer) bool {
	return slices.ContainsFunc(i.Attestations, func(a *Info) bool { return a.Digest == r.Digest })
}

// appendManifests appends i, and the manifests in it that can have referrers.
func (i *Info) appendManifests(list []*Info) []*Info {
	list = append(list, i)
	for _, m := range i.Manifests {
		if oci.Is(m.MediaType) {
			list = m.appendManifests(list)
		}
	}
	return list
}

// maxDocuments is the maximum total size in bytes of the manifests and configs that one Info holds.
const maxDocuments = 32 << 20

// inspector reads one artifact.
type inspector struct {
	src  content.Fetcher
	opts Options

	mu   sync.Mutex
	left int64 // bytes of maxDocuments
}

// reserve subtracts the size of a manifest or config from the limit before it is read. It returns artifact.ErrRefused if the
// limit is exceeded.
func (in *inspector) reserve(desc ocispec.Descriptor) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.left -= desc.Size; in.left < 0 {
		return artifact.Refused(desc.Digest.String(), "manifests and configs too large: limit is %d MiB in total", maxDocuments>>20)
	}
	return nil
}

func (in *inspector) describe(ctx context.Context, m *fetch.Manifest, depth int) (*Info, error) {
	kind := m.Kind()
	info := &Info{
		Described: m.Described(), Kind: kind.Name, Annotations: m.Annotations, Subject: m.Subject, Raw: m.Bytes,
	}
	var named map[int]string
	if name := m.Pull().NameAll; name != nil {
		named = name(m.Layers)
	}
	for i, l := range m.Layers {
		info.Layers = append(info.Layers, Layer{Descriptor: l, Role: fetch.RoleOf(kind, l.MediaType), Name: cmp.Or(fetch.LayerName(l), named[i])})
	}
	if m.IsIndex() {
		return info, in.readEntries(ctx, m, info, depth)
	}
	var err error
	if info.Config, err = in.readConfig(ctx, *m.Config); err == nil && !m.Pull().HasWeights && in.opts.Weights {
		err = in.readWeights(ctx, info.Layers)
	}
	if err == nil && in.opts.Tensors {
		err = in.readTensors(ctx, info.Layers)
	}
	return info, err
}

// readWeights reads the header of the first layer with weights.
func (in *inspector) readWeights(ctx context.Context, layers []Layer) error {
	ranger, ok := in.src.(fetch.Ranger)
	i := slices.IndexFunc(layers, func(l Layer) bool {
		return strings.HasSuffix(l.Name, ".gguf") || strings.HasSuffix(l.Name, ".safetensors")
	})
	if !ok || i < 0 || layers[i].Size == 0 {
		return nil
	}
	l := &layers[i]
	rc, err := ranger.FetchRange(ctx, l.Descriptor, 0, min(l.Size, fetch.LeastRange))
	if err != nil {
		return &artifact.Error{Op: "fetching", Item: fetch.Titled(l.Descriptor), Err: err}
	}
	defer rc.Close()
	head, err := io.ReadAll(io.LimitReader(rc, fetch.LeastRange))
	if err != nil {
		return &artifact.Error{Op: "fetching", Item: fetch.Titled(l.Descriptor), Err: err}
	}
	l.Weights, _ = weights.ReadHead(head, l.Size)
	return nil
}

// readConfig reads a small config. For a large one, it returns only the descriptor.
func (in *inspector) readConfig(ctx context.Context, desc ocispec.Descriptor) (*Config, error) {
	c := &Config{Descriptor: desc}
	c.Data = nil
	if in.opts.Shallow || fetch.CheckDocument(desc) != nil {
		return c, nil
	}
	err := in.reserve(desc)
	if err != nil {
		return nil, err
	}
	if c.Raw, err = fetch.FetchBlob(ctx, in.src, desc); err != nil {
		return nil, err
	}
	if json.Valid(c.Raw) {
		c.Content = c.Raw
	}
	return c, nil
}

// readEntries reads the manifests of an index, several at a time.
func (in *inspector) readEntries(ctx context.Context, m *fetch.Manifest, info *Info, depth int) error {
	entries := m.Manifests[:min(len(m.Manifests), referrers.MaxEntries)]
	infos := make([]*Info, len(entries))
	err := concurrency.Each(ctx, len(entries), func(ctx context.Context, i int) (err error) {
		infos[i], err = in.readEntry(ctx, entries[i], depth)
		return err
	})
	if err != nil {
		return err
	}
	attestations := make(map[digest.Digest][]*Info)
	for i, e := range entries {
		if oci.IsAttestation(e) {
			of := digest.Digest(e.Annotations[oci.AnnotationReferenceDigest])
			attestations[of] = append(attestations[of], infos[i])
		}
	}
	for i, e := range entries {
		if !oci.IsAttestation(e) {
			infos[i].Attestations = attestations[e.Digest]
			info.Manifests = append(info.Manifests, infos[i])
		}
	}
	info.Kind, err = m.KindBy(func(ocispec.Descriptor) (string, error) {
		if len(info.Manifests) == 0 {
			return info.Kind, nil // the first manifest is beyond MaxEntries
		}
		return info.Manifests[0].Kind, nil
	})
	return err
}

// readEntry reads one manifest of an index. If the entry is not a manifest, is nested too deeply, or Shallow is set, it
// returns only the fields of the descriptor.
func (in *inspector) readEntry(ctx context.Context, e ocispec.Descriptor, depth int) (*Info, error) {
	if in.opts.Shallow || depth >= fetch.MaxNesting || !oci.Is(e.MediaType) {
		kind, _ := kinds.Recognize(mediatypes.Traits{ArtifactType: e.ArtifactType, Annotations: e.Annotations})
		return &Info{Described: spec.Describe(e), Kind: kind.Name, Platform: e.Platform, Annotations: e.Annotations}, nil
	}
	if err := in.reserve(e); err != nil {
		return nil, err
	}
	m, err := fetch.Load(ctx, in.src, e)
	if err != nil {
		return nil, err
	}
	info, err := in.describe(ctx, m, depth+1)
	if err != nil {
		return nil, err
	}
	info.Platform = e.Platform
	if info.Annotations == nil {
		info.Annotations = e.Annotations
	}
	return info, nil
}

// addTotals sets the total sizes of i and of the manifests in it.
func (i *Info) addTotals() {
	i.TotalSize = i.total(make(map[digest.Digest]bool))
	for _, list := range [][]*Info{i.Manifests, i.Attestations} {
		for _, m := range list {
			m.addTotals()
		}
	}
}

// total returns the total size of i without content in seen, and adds the content to seen.
func (i *Info) total(seen map[digest.Digest]bool) int64 {
	var sum int64
	add := func(d digest.Digest, size int64) {
		if !seen[d] {
			seen[d] = true
			sum += size
		}
	}
	add(i.Digest, i.Size)
	if i.Config != nil {
		add(i.Config.Digest, i.Config.Size)
	}
	for _, l := range i.Layers {
		add(l.Digest, l.Size)
	}
	for _, list := range [][]*Info{i.Manifests, i.Attestations} {
		for _, m := range list {
			sum += m.total(seen)
		}
	}
	return sum
}

package pack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync/atomic"

	"github.com/davit-oci/davit/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// onePass is the size from which a file is hashed while it is sent: below it, asking whether the target has the blob
// costs less than sending it in vain.
const onePass = 4 << 20

// Push packs the plan and sends it to dst: layers first, the largest ones before the others, then configs and
// manifests, then what refers to them, and the tags last. What dst has is not sent. When it has all of it, tags
// included, the result says Skipped.
//
// A large file that opts.Cache does not know is hashed while it is sent, if dst is a BlobPusher.
func Push(ctx context.Context, fsys fs.FS, plan *artifact.Plan, dst oras.Target, opts PushOptions) (*Result, error) {
	p, root, err := newPusher(ctx, opts.newPacker(fsys), plan, dst, opts)
	if err != nil {
		return nil, err
	}
	defer p.packer.Pool.trees.save()
	if err := p.push(ctx, root); err != nil {
		return nil, err
	}
	r := newResult(root)
	r.Tags, r.Skipped = p.tags, !p.sent.Load()
	return r, nil
}

// newPusher decides what is pushed, and which tags move; PreviewPush reports the same.
func newPusher(ctx context.Context, packer *packer, plan *artifact.Plan, dst oras.Target, opts PushOptions) (
	*pusher, *node, error) {
	root, err := newNode(ctx, packer, plan, opts.base())
	if err != nil {
		return nil, nil, err
	}
	tags, err := planTags(ctx, dst, plan)
	if err != nil {
		return nil, nil, err
	}
	return &pusher{dst: dst, opts: opts.Options, packer: packer, subject: opts.Subject, tags: uniqueTags(opts.Tags, tags)}, root, nil
}

func uniqueTags(lists ...[]string) []string {
	var tags []string
	for _, tag := range slices.Concat(lists...) {
		if tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// pusher sends one artifact.
type pusher struct {
	dst     oras.Target
	opts    Options
	packer  *packer
	subject *ocispec.Descriptor // of the artifact
	tags    []string
	old     holdings    // what the tag leads to now
	sent    atomic.Bool // something had to be sent
}

func (p *pusher) push(ctx context.Context, root *node) error {
	blobs := root.allBlobs()
	tagged, err := p.tagged(ctx)
	if err != nil {
		return err
	}
	if err := p.measureSmall(ctx, blobs); err != nil {
		return err
	}
	known := !slices.ContainsFunc(blobs, func(b *blob) bool { return !b.known() })
	if known {
		if err := root.compose(p.subject); err != nil {
			return err
		}
		if there, err := p.there(ctx, root, tagged); err != nil || there {
			return err
		}
		if !p.keeps() {
			tagged = nil // what it leads to may be what is missing
		}
	}
	if tagged != nil && (!known || len(blobs) >= manyBlobs) {
		p.old = p.holdings(ctx, *tagged)
	}
	err = p.pushAll(ctx, root, tagged, known)
	if len(p.old.blobs) > 0 && refused(err) {
		p.old.blobs = nil // it may have lost one of them: now each is asked for
		err = p.pushAll(ctx, root, tagged, false)
	}
	return err
}

// manyBlobs is from how many blobs on asking for them takes longer than looking at the manifest that the tag leads to.
const manyBlobs = 8

// refused tells whether a registry did not take a manifest because it lacks a blob, or may have. Registries differ in
// the status for that; those for credentials, quotas and limits of their requests are none.
func refused(err error) bool {
	var answer *errcode.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case 400, 404, 409, 412, 422:
		return true
	}
	return false
}

// pushAll sends the blobs and then what refers to them. When every digest is known, the node is composed.
func (p *pusher) pushAll(ctx context.Context, root *node, tagged *ocispec.Descriptor, known bool) error {
	blobs := layers(root)
	if known {
		blobs = append(blobs, configs(root)...)
	}
	if err := p.pushBlobs(ctx, blobs); err != nil {
		return err
	}
	if !known {
		if err := root.compose(p.subject); err != nil {
			return err
		}
		if err := p.pushBlobs(ctx, configs(root)); err != nil {
			return err
		}
	}
	return p.pushManifests(ctx, root, tagged)
}

// smallFiles is how many bytes of files are read before anything is sent. That takes less than a round trip, and lets
// the config go out with the layers.
const smallFiles = 1 << 20

// measureSmall makes small files known.
func (p *pusher) measureSmall(ctx context.Context, blobs []*blob) error {
	var left int64 = smallFiles
	for _, b := range blobs {
		if _, file := b.origin.(*fileOrigin); !file || b.known() {
			continue
		}
		if left -= b.desc.Size; left < 0 {
			return nil
		}
		if err := b.measure(ctx, true); err != nil {
			return failed("pushing", b.name, err)
		}
		p.packer.remember(b)
	}
	return nil
}

// tagged is what the first tag leads to; nil when it leads nowhere yet.
func (p *pusher) tagged(ctx context.Context) (*ocispec.Descriptor, error) {
	if len(p.tags) == 0 {
		return nil, nil
	}
	desc, err := p.dst.Resolve(ctx, p.tags[0])
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &desc, nil
}

// there tells whether the target has the whole artifact under its tags.
func (p *pusher) there(ctx context.Context, root *node, tagged *ocispec.Descriptor) (bool, error) {
	want := root.manifest.desc.Digest
	if tagged != nil && tagged.Digest != want {
		return false, nil
	}
	if tagged == nil {
		if len(p.tags) > 0 {
			return false, nil
		}
		if ok, err := p.dst.Exists(ctx, root.manifest.desc); err != nil || !ok {
			return false, err
		}
	}
	for _, tag := range p.tags[min(1, len(p.tags)):] {
		desc, err := p.dst.Resolve(ctx, tag)
		if errors.Is(err, errdef.ErrNotFound) || err == nil && desc.Digest != want {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	if ok, err := p.blobsThere(ctx, root); err != nil || !ok {
		return false, err
	}
	return p.manifestsThere(ctx, root)
}

// keeps reports whether the blobs of a manifest that the target has need not be asked for.
func (p *pusher) keeps() bool {
	keeper, ok := p.dst.(BlobKeeper)
	return ok && keeper.KeepsBlobs()
}

// blobsThere asks for every blob where the manifest does not answer for them.
func (p *pusher) blobsThere(ctx context.Context, root *node) (bool, error) {
	if p.keeps() {
		return true, nil
	}
	for _, b := range slices.Concat(layers(root), configs(root)) {
		if ok, err := p.dst.Exists(ctx, b.desc); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// manifestsThere asks for referrers, which can have changed while the artifact did not, and on a disk for all manifests.
func (p *pusher) manifestsThere(ctx context.Context, root *node) (bool, error) {
	missing := false
	err := root.all(func(n *node) error {
		if missing || p.keeps() && (n.subject == nil || n == root) {
			return nil
		}
		ok, err := p.dst.Exists(ctx, n.manifest.desc)
		missing = !ok
		return err
	})
	return err == nil && !missing, err
}

// holdings are what a manifest refers to, and its target therefore has.
type holdings struct {
	sizes map[int64]bool         // of layers
	blobs map[digest.Digest]bool // of a registry, which takes no manifest without them; nil where files may be missing
}

// holdings of the manifest that the tag leads to: its blobs need not be asked for one by one, and a file whose size is
// among them may well be there, and is hashed before it is sent. They are hints; what can't be read gives none.
func (p *pusher) holdings(ctx context.Context, desc ocispec.Descriptor) holdings {
	h := holdings{sizes: make(map[int64]bool)}
	if p.keeps() {
		h.blobs = make(map[digest.Digest]bool)
	}
	for _, child := range p.addHoldings(ctx, desc, h) {
		p.addHoldings(ctx, child, h)
	}
	return h
}

// maxChildren is up to how many manifests of an index are read for hints: each is a request.
const maxChildren = 16

// addHoldings adds those of one manifest, and gives the manifests of an index.
func (p *pusher) addHoldings(ctx context.Context, desc ocispec.Descriptor, h holdings) []ocispec.Descriptor {
	var m struct {
		Config            *ocispec.Descriptor
		Layers, Manifests []ocispec.Descriptor
	}
	if fetchJSON(ctx, p.dst, desc, &m) != nil {
		return nil
	}
	for _, l := range m.Layers {
		h.sizes[l.Size] = true
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, l := range m.Layers {
		if h.blobs != nil && len(l.URLs) == 0 && len(l.Data) == 0 { // else it may be elsewhere
			h.blobs[l.Digest] = true
		}
	}
	if len(m.Manifests) > maxChildren {
		return nil
	}
	return m.Manifests
}

// layers of the artifact, those of its bases included.
func layers(root *node) []*blob {
	var blobs []*blob
	root.all(func(n *node) error { blobs = append(append(blobs, n.base.blobs()...), n.blobs...); return nil })
	return blobs
}

// pushBlobs sends blobs, the largest first so that none is left over alone at the end.
func (p *pusher) pushBlobs(ctx context.Context, blobs []*blob) error {
	slices.SortStableFunc(blobs, func(a, b *blob) int { return cmp.Compare(weight(b), weight(a)) })
	type key struct { // for oras's store in memory, bytes of two media types are two
		mediaType string
		digest    digest.Digest
	}
	seen := make(map[key]bool)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.opts.concurrency())
	for _, b := range blobs {
		k := key{b.desc.MediaType, b.desc.Digest}
		if k.digest != "" && seen[k] {
			continue
		}
		seen[k] = true
		group.Go(func() error {
			if err := p.pushBlob(ctx, b); err != nil {
				return failed("pushing", b.name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// weight is how long a blob may take; nobody knows it of a tar, which therefore begins first.
func weight(b *blob) int64 {
	if b.desc.Size < 0 {
		return 1<<63 - 1
	}
	return b.desc.Size
}

// pushBlob sends one blob, hashing it before or on the way.
func (p *pusher) pushBlob(ctx context.Context, b *blob) error {
	pusher, able := p.dst.(BlobPusher)
	if !b.known() && (!able || !p.onePass(b)) {
		if err := b.measure(ctx, true); err != nil {
			return err
		}
		p.packer.remember(b)
	}
	if o, ok := b.origin.(*tarOrigin); ok {
		defer o.empty()
	}
	if !able {
		pusher = plainPusher{p.dst}
	}
	event := artifact.Event{Step: artifact.Started, ID: b.name, Descriptor: b.desc}
	p.opts.report(event)
	if p.old.blobs[b.desc.Digest] {
		p.done(b.name, b.desc, artifact.Skipped)
		return b.origin.Check()
	}
	desc, step, err := pusher.PushBlob(ctx, b.source(ctx), func(done int64) {
		p.opts.report(artifact.Event{Step: artifact.Advanced, ID: b.name, Descriptor: event.Descriptor, Bytes: done})
	})
	if changed := b.origin.Check(); changed != nil {
		return changed // it explains whatever else went wrong
	}
	if err != nil {
		p.relearn(ctx, b, err)
		return err
	}
	b.learn(desc)
	p.packer.remember(b)
	p.done(b.name, b.desc, step)
	return nil
}

// relearn reads a file again whose bytes turned out not to have the digest that is remembered of it: the next push must
// not fail the same way.
func (p *pusher) relearn(ctx context.Context, b *blob, err error) {
	origin, file := b.origin.(*fileOrigin)
	if !file || !errors.Is(err, artifact.ErrChanged) && !errors.Is(err, artifact.ErrRefused) {
		return
	}
	again := &blob{name: b.name, desc: ocispec.Descriptor{Size: -1}, origin: origin}
	if again.measure(ctx, false) == nil && again.desc.Digest != b.desc.Digest {
		p.packer.remember(again)
	}
}

// onePass tells whether a blob is sent while it is hashed.
func (p *pusher) onePass(b *blob) bool {
	if o, ok := b.origin.(*tarOrigin); ok {
		return !o.small()
	}
	return b.desc.Size >= onePass && !p.old.sizes[b.desc.Size]
}

func (p *pusher) done(id string, desc ocispec.Descriptor, step artifact.Step) {
	if step != artifact.Skipped {
		p.sent.Store(true)
	}
	p.opts.report(artifact.Event{Step: step, ID: id, Descriptor: desc, Bytes: desc.Size})
}

// plainPusher is a BlobPusher over any oras target, for blobs whose digest is known.
type plainPusher struct{ dst oras.Target }

// PushBlob asks whether the blob is there and sends it if not.
func (p plainPusher) PushBlob(ctx context.Context, b artifact.Blob, report func(int64)) (
	ocispec.Descriptor, artifact.Step, error) {
	desc := b.Descriptor()
	if ok, err := p.dst.Exists(ctx, desc); err != nil || ok {
		return desc, artifact.Skipped, err
	}
	rc, err := b.Open(0)
	if err != nil {
		return desc, 0, err
	}
	defer rc.Close()
	err = p.dst.Push(ctx, desc, &countingReader{r: contextReader{ctx, rc}, report: report})
	if errors.Is(err, errdef.ErrAlreadyExists) {
		return desc, artifact.Skipped, nil
	}
	return desc, artifact.Done, err
}

// countingReader tells how far the reading is.
type countingReader struct {
	r      io.Reader
	n      int64
	report func(int64)
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	r.report(r.n)
	return n, err
}

// configs returns the blobs of the artifact that became known with its layers.
func configs(root *node) []*blob {
	var blobs []*blob
	root.all(func(n *node) error { blobs = append(blobs, n.configs()...); return nil })
	return blobs
}

// configs returns the config of the node's manifest, and the layer that stands for none.
func (n *node) configs() []*blob {
	if n.config.bytes == nil {
		return nil
	}
	docs := []document{n.config}
	if len(n.packed) == 0 && n.base == nil {
		docs = append(docs, document{ocispec.DescriptorEmptyJSON, ocispec.DescriptorEmptyJSON.Data})
	}
	blobs := make([]*blob, len(docs))
	for i, d := range docs {
		blobs[i] = &blob{name: d.desc.Digest.String(), desc: d.desc, diffID: d.desc.Digest, origin: bytesOrigin(d.bytes)}
	}
	return blobs
}

// pushManifests sends the manifests from the platforms up, then the referrers, then moves the tags.
func (p *pusher) pushManifests(ctx context.Context, root *node, tagged *ocispec.Descriptor) error {
	err := root.all(func(n *node) error {
		if n == root || n.subject != nil {
			return nil
		}
		return p.pushManifest(ctx, n.manifest)
	})
	if err != nil {
		return err
	}
	// With a tag, the manifest goes out under it at the end. What refers to it wants it there before.
	if len(root.referrers) > 0 || len(p.tags) == 0 {
		if err := p.pushManifest(ctx, root.manifest); err != nil {
			return err
		}
	}
	err = root.all(func(n *node) error {
		if n == root || n.subject == nil {
			return nil
		}
		return p.pushManifest(ctx, n.manifest)
	})
	if err != nil {
		return err
	}
	return p.moveTags(ctx, root.manifest, tagged)
}

// pushManifest sends a manifest without a tag. When blobs were sent it is new, and nobody needs to be asked.
func (p *pusher) pushManifest(ctx context.Context, m document) error {
	step, err := artifact.Done, error(nil)
	if !p.sent.Load() {
		ok, err := p.dst.Exists(ctx, m.desc)
		if err != nil {
			return &artifact.Error{Op: "pushing", Item: m.desc.Digest.String(), Err: err}
		}
		if ok {
			step = artifact.Skipped
		}
	}
	if step == artifact.Done {
		err = p.dst.Push(ctx, m.desc, bytes.NewReader(m.bytes))
	}
	if errors.Is(err, errdef.ErrAlreadyExists) {
		step, err = artifact.Skipped, nil
	}
	if err != nil {
		return &artifact.Error{Op: "pushing", Item: m.desc.Digest.String(), Err: err}
	}
	p.done(m.desc.Digest.String(), m.desc, step)
	return nil
}

// moveTags makes every tag lead to the manifest; a tag that does already is left alone.
func (p *pusher) moveTags(ctx context.Context, m document, tagged *ocispec.Descriptor) error {
	same := tagged != nil && tagged.Digest == m.desc.Digest
	for i, tag := range p.tags {
		if same && (i == 0 || p.leadsTo(ctx, tag, m.desc)) {
			continue
		}
		if err := p.moveTag(ctx, m, tag); err != nil {
			return &artifact.Error{Op: "tagging", Item: tag, Err: err}
		}
		p.sent.Store(true)
	}
	return nil
}

// leadsTo asks where a tag leads. Where that can't be told, moving the tag tells.
func (p *pusher) leadsTo(ctx context.Context, tag string, desc ocispec.Descriptor) bool {
	old, err := p.dst.Resolve(ctx, tag)
	return err == nil && old.Digest == desc.Digest
}

func (p *pusher) moveTag(ctx context.Context, m document, tag string) error {
	if pusher, ok := p.dst.(registry.ReferencePusher); ok {
		return pusher.PushReference(ctx, m.desc, bytes.NewReader(m.bytes), tag)
	}
	if err := p.dst.Push(ctx, m.desc, bytes.NewReader(m.bytes)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return err
	}
	return p.dst.Tag(ctx, m.desc, tag)
}

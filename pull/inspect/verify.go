package inspect

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// maxNodes bounds how many manifests and blobs one Verify looks at.
const maxNodes = 1_000_000

// Fault is something that a reference leads to and that is not as it should be.
type Fault struct {
	Digest    digest.Digest `json:"digest,omitempty"`
	MediaType string        `json:"mediaType,omitempty"`
	Path      string        `json:"path,omitempty"`    // of a file that does not belong where it is
	Missing   bool          `json:"missing,omitempty"` // it is not there, and belongs there
	Problem   string        `json:"problem"`
	Err       error         `json:"-"`
}

// Report is what Verify found. Its JSON is for scripts.
type Report struct {
	Reference string        `json:"reference,omitempty"` // set by the caller, which knows the name of the source
	Digest    digest.Digest `json:"digest,omitempty"`    // of the one manifest that was asked for
	Checked   int           `json:"checked"`             // manifests and blobs
	Size      int64         `json:"size"`                // their bytes
	Faults    []Fault       `json:"faults"`
	Repaired  []Fault       `json:"repaired,omitempty"` // set by the caller that removed them
}

// VerifyOptions say how far a verification goes.
type VerifyOptions struct {
	Referrers   bool // also what refers to the artifact
	Concurrency int  // blobs at once. 0: eight
	Progress    artifact.Progress
}

// Verify reads everything that a reference leads to and compares it with its digests and sizes. What is wrong or
// missing is in the report, but for layers that nobody may distribute, which are elsewhere; an error means that the source
// could not be asked.
func Verify(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts VerifyOptions) (*Report, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	report, err := VerifyAll(ctx, src, []ocispec.Descriptor{m.Desc}, opts)
	if report != nil {
		report.Digest = m.Desc.Digest
	}
	return report, err
}

// VerifyAll is Verify of several manifests, which share what they lead to. A manifest that is damaged itself is a fault.
func VerifyAll(ctx context.Context, src oras.ReadOnlyTarget, roots []ocispec.Descriptor, opts VerifyOptions) (*Report, error) {
	v := &verifier{src: src, opts: opts, seen: make(map[claim]bool), report: &Report{Faults: []Fault{}}}
	v.group, ctx = errgroup.WithContext(ctx)
	v.group.SetLimit(cmp.Or(max(opts.Concurrency, 0), fetch.DefaultConcurrency))
	var err error
	for _, root := range roots {
		if err = v.visit(ctx, root, 0, true); err != nil {
			break
		}
	}
	if groupErr := v.group.Wait(); groupErr != nil {
		err = groupErr
	}
	return v.report, err
}

// claim is what a descriptor says about what it names: two that do not say the same are both checked.
type claim struct {
	digest    digest.Digest
	size      int64
	mediaType string // of a manifest, which says it too
}

// verifier is one verification.
type verifier struct {
	src   oras.ReadOnlyTarget
	opts  VerifyOptions
	group *errgroup.Group
	seen  map[claim]bool // used by the walk alone

	mu     sync.Mutex
	report *Report
}

// manifest looks at what a verified manifest names.
func (v *verifier) manifest(ctx context.Context, m *fetch.Manifest, depth int) error {
	blobs := m.Layers
	if m.Config != nil {
		blobs = append([]ocispec.Descriptor{*m.Config}, blobs...)
	}
	for _, desc := range blobs {
		if err := v.visit(ctx, desc, depth, false); err != nil {
			return err
		}
	}
	for _, desc := range m.Manifests {
		if err := v.visit(ctx, desc, depth, oci.Is(desc.MediaType)); err != nil {
			return err
		}
	}
	return v.referrers(ctx, m.Desc, depth)
}

// visit checks a descriptor, once for all that say the same.
func (v *verifier) visit(ctx context.Context, desc ocispec.Descriptor, depth int, isManifest bool) error {
	says := claim{digest: desc.Digest, size: desc.Size}
	if isManifest {
		says.mediaType = desc.MediaType
	}
	if v.seen[says] {
		return nil
	}
	if len(v.seen) >= maxNodes {
		return artifact.Refused(desc.Digest.String(), "more than %d manifests and blobs", maxNodes)
	}
	v.seen[says] = true
	if isManifest {
		m, err := fetch.Load(ctx, v.src, desc)
		if err == nil && depth >= fetch.MaxNesting+referrers.MaxDepth {
			err = artifact.Refused(desc.Digest.String(), "it is nested deeper than %d", fetch.MaxNesting+referrers.MaxDepth)
		}
		if err != nil {
			return v.fault(desc, err)
		}
		v.checked(desc)
		return v.manifest(ctx, m, depth+1)
	}
	v.group.Go(func() error {
		err := v.blob(ctx, desc)
		if errors.Is(err, errdef.ErrNotFound) && oci.IsNondistributable(desc.MediaType) {
			return nil
		}
		if err != nil {
			return v.fault(desc, err)
		}
		v.checked(desc)
		return nil
	})
	return ctx.Err()
}

func (v *verifier) blob(ctx context.Context, desc ocispec.Descriptor) error {
	rc, err := fetch.OpenBlob(ctx, v.src, desc)
	if err != nil {
		return err
	}
	defer rc.Close()
	return fetch.CopyVerified(ctx, io.Discard, rc, desc, func(n int64) {
		if v.opts.Progress == nil {
			return
		}
		v.opts.Progress.Report(artifact.Event{Step: artifact.Advanced, ID: fetch.Titled(desc), Descriptor: desc, Bytes: n})
	})
}

// referrers looks at what refers to a manifest.
func (v *verifier) referrers(ctx context.Context, subject ocispec.Descriptor, depth int) error {
	graph, ok := v.src.(oras.ReadOnlyGraphTarget)
	if !ok || !v.opts.Referrers {
		return nil
	}
	found, err := registry.Referrers(ctx, graph, subject, "")
	if errors.Is(err, errdef.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, desc := range found {
		if err := v.visit(ctx, desc, depth, true); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) checked(desc ocispec.Descriptor) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Checked++
	v.report.Size += desc.Size
}

// fault takes down what is wrong with a descriptor. Any other error ends the verification.
func (v *verifier) fault(desc ocispec.Descriptor, err error) error {
	if !errors.Is(err, artifact.ErrRefused) && !errors.Is(err, errdef.ErrNotFound) {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Faults = append(v.report.Faults, Fault{Digest: desc.Digest, MediaType: desc.MediaType, Problem: err.Error(), Err: err})
	return nil
}

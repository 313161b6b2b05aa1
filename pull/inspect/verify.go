package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/layout/catalog"
	"github.com/davit-oci/davit/internal/lists"
	oci "github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/progress"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

// maxNodes limits the manifests and blobs that one Verify checks.
const maxNodes = 1_000_000

// Fault is a missing or damaged manifest or blob, or a missing or misplaced file of a layout.
type Fault struct {
	Digest    digest.Digest `json:"digest,omitempty"`
	MediaType string        `json:"mediaType,omitempty"`
	Name      string        `json:"name,omitempty"`    // title of a blob
	Path      string        `json:"path,omitempty"`    // of a missing or misplaced file
	Missing   bool          `json:"missing,omitempty"` // the file at Path does not exist
	Problem   string        `json:"problem"`
	Err       error         `json:"-"`

	// Artifacts has the names of the artifacts to which the content belongs, if all of a layout or archive with several names was
	// verified.
	Artifacts []string `json:"artifacts,omitempty"`
}

// Report is the result of Verify. Its JSON is for scripts.
type Report struct {
	Reference string        `json:"reference,omitempty"` // set by the caller, which knows the name of the source
	Digest    digest.Digest `json:"digest,omitempty"`    // of the requested manifest; empty for all of a layout
	Checked   int           `json:"checked"`             // manifests and blobs
	Size      int64         `json:"size"`                // their total bytes
	Faults    []Fault       `json:"faults"`
	Repaired  []Fault       `json:"repaired,omitempty"` // fixed before the verification; see VerifyOptions.Repair
}

// IsIntact reports whether no manifest or blob has a fault. It ignores faults of files.
func (r *Report) IsIntact() bool {
	return !slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Path == "" })
}

// VerifyOptions configure how much is verified.
type VerifyOptions struct {
	Referrers   bool // also the artifact's referrers
	Repair      bool // first remove files of a layout or archive that nothing refers to, and write a missing oci-layout
	Concurrency int  // number of blobs read at once; 0 means eight
	Progress    artifact.Progress
}

// inventory is implemented by layouts and archives, but not by registries.
type inventory interface {
	Roots(ctx context.Context) ([]ocispec.Descriptor, error)
	Unreferenced(ctx context.Context) ([]catalog.UnreferencedFile, error)
	Repair(ctx context.Context) ([]catalog.UnreferencedFile, error)
}

// Verify reads all content that a reference leads to, and compares it with the digests and sizes in the descriptors. Damaged
// or missing content is in the report, except missing layers that may not be distributed, which are stored elsewhere. In a
// layout or archive that artifact/registry opened, files that nothing refers to are faults, too; without a reference, every
// manifest in its index is verified.
//
// Verify fails if the source can't be read: with errdef.ErrNotFound if the source does not have the reference, with
// errors.ErrUnsupported if it does not support a repair, and with artifact.ErrRefused if there are more than 1,000,000
// manifests and blobs.
func Verify(ctx context.Context, src oras.ReadOnlyTarget, ref string, opts VerifyOptions) (*Report, error) {
	files, onDisk := src.(inventory)
	if opts.Repair && !onDisk {
		return nil, fmt.Errorf("repairing: %w", errors.ErrUnsupported)
	}
	var repaired []catalog.UnreferencedFile
	if opts.Repair {
		var err error
		if repaired, err = files.Repair(ctx); err != nil {
			return nil, err
		}
	}
	roots, err := findRoots(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	report, owners, err := verifyRoots(ctx, src, roots, opts)
	if err != nil {
		return nil, err
	}
	switch {
	case ref != "":
		report.Digest = roots[0].Digest
	case onDisk:
		if err := owners.nameArtifacts(ctx, src, report.Faults); err != nil {
			return nil, err
		}
	}
	if !onDisk {
		return report, nil
	}
	left, err := files.Unreferenced(ctx)
	if err != nil {
		return nil, err
	}
	left = lists.Delete(left, func(f catalog.UnreferencedFile) bool { return slices.Contains(repaired, f) })
	report.Repaired, report.Faults = fileFaults(repaired), append(report.Faults, fileFaults(left)...)
	return report, nil
}

// findRoots returns the manifest of a reference or, without one, all manifests that a layout or archive lists.
func findRoots(ctx context.Context, src oras.ReadOnlyTarget, ref string) ([]ocispec.Descriptor, error) {
	if files, ok := src.(inventory); ok && ref == "" {
		return files.Roots(ctx)
	}
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	return []ocispec.Descriptor{m.Desc}, nil
}

func fileFaults(files []catalog.UnreferencedFile) []Fault {
	var faults []Fault
	for _, f := range files {
		faults = append(faults, Fault{Path: f.Path, Missing: f.Missing, Problem: f.Problem})
	}
	return faults
}

// verifyRoots verifies manifests and their content. It verifies shared content once. A damaged manifest is a fault, not an error.
func verifyRoots(ctx context.Context, src oras.ReadOnlyTarget, roots []ocispec.Descriptor, opts VerifyOptions) (*Report, owners, error) {
	opts.Progress = progress.DistinctIDs(opts.Progress)
	v := &verifier{src: src, opts: opts, seen: make(map[claim]bool), report: &Report{Faults: []Fault{}}}
	if _, onDisk := src.(inventory); onDisk {
		v.owners = owners{}
	}
	v.group, ctx = errgroup.WithContext(ctx)
	v.group.SetLimit(cmp.Or(max(opts.Concurrency, 0), concurrency.Default))
	var err error
	for _, root := range roots {
		if err = v.visit(ctx, root, 0, true); err != nil {
			break
		}
	}
	if groupErr := v.group.Wait(); groupErr != nil {
		err = groupErr
	}
	return v.report, v.owners, err
}

// claim holds the fields of a descriptor that are compared with the content. Different claims about the same blob are checked
// separately.
type claim struct {
	digest    digest.Digest
	size      int64
	mediaType string // only of a manifest, whose content includes its media type
}

// verifier is one verification.
type verifier struct {
	src   oras.ReadOnlyTarget
	opts  VerifyOptions
	group *errgroup.Group

	// Only the walk uses these.
	seen   map[claim]bool
	owners owners

	mu     sync.Mutex
	report *Report
}

// visitManifest visits the descriptors in a verified manifest.
func (v *verifier) visitManifest(ctx context.Context, m *fetch.Manifest, depth int) error {
	blobs := m.Layers
	if m.Config != nil {
		blobs = append([]ocispec.Descriptor{*m.Config}, blobs...)
	}
	v.owners.record(m, append(blobs[:len(blobs):len(blobs)], m.Manifests...)...)
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
	return v.visitReferrers(ctx, m.Desc, depth)
}

// visit checks the content of a descriptor, unless it has already checked an equal descriptor.
func (v *verifier) visit(ctx context.Context, desc ocispec.Descriptor, depth int, isManifest bool) error {
	says := claim{digest: desc.Digest, size: desc.Size}
	if isManifest {
		says.mediaType = desc.MediaType
	}
	if v.seen[says] {
		return nil
	}
	if len(v.seen) >= maxNodes {
		return artifact.Refused(desc.Digest.String(), "too many manifests and blobs: limit is %d", maxNodes)
	}
	v.seen[says] = true
	if isManifest {
		m, err := fetch.Load(ctx, v.src, desc)
		if err == nil && depth >= fetch.MaxNesting+referrers.MaxDepth {
			err = artifact.Refused(desc.Digest.String(), "nested too deeply: limit is %d", fetch.MaxNesting+referrers.MaxDepth)
		}
		if err != nil {
			return v.recordFault(desc, err)
		}
		v.countChecked(desc)
		return v.visitManifest(ctx, m, depth+1)
	}
	v.group.Go(func() error {
		err := v.visitBlob(ctx, desc)
		if errors.Is(err, errdef.ErrNotFound) && oci.IsNondistributable(desc.MediaType) {
			return nil
		}
		if err != nil {
			return v.recordFault(desc, err)
		}
		v.countChecked(desc)
		return nil
	})
	return ctx.Err()
}

func (v *verifier) visitBlob(ctx context.Context, desc ocispec.Descriptor) error {
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

// visitReferrers visits the referrers of a manifest.
func (v *verifier) visitReferrers(ctx context.Context, subject ocispec.Descriptor, depth int) error {
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

func (v *verifier) countChecked(desc ocispec.Descriptor) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Checked++
	v.report.Size += desc.Size
}

// recordFault adds a fault for an error about the content of a descriptor. It returns other errors, which end the verification.
func (v *verifier) recordFault(desc ocispec.Descriptor, err error) error {
	if !errors.Is(err, artifact.ErrRefused) && !errors.Is(err, errdef.ErrNotFound) {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Faults = append(v.report.Faults, Fault{
		Digest: desc.Digest, MediaType: desc.MediaType, Name: desc.Annotations[ocispec.AnnotationTitle], Problem: err.Error(), Err: err,
	})
	return nil
}

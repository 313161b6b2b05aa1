package pack

import (
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/pack/node"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Result describes a packed, and possibly pushed, artifact. Its JSON is for scripts.
type Result struct {
	spec.Described
	Kind        string               `json:"kind"`
	Config      *ocispec.Descriptor  `json:"config,omitempty"`
	Layers      []ocispec.Descriptor `json:"layers,omitempty"`
	Manifests   []ocispec.Descriptor `json:"manifests,omitempty"` // of an index
	Annotations map[string]string    `json:"annotations,omitempty"`
	Subject     *ocispec.Descriptor  `json:"subject,omitempty"`
	Tags        []string             `json:"tags,omitempty"`
	Referrers   []*Result            `json:"referrers,omitempty"`
	Skipped     bool                 `json:"skipped"` // it existed already, nothing was sent

	Was map[string]digest.Digest `json:"was,omitempty"` // what tags that moved pointed to before
	Remarks
}

// Remarks are notes for people.
type Remarks struct {
	Notes    []string `json:"notes,omitempty"`    // decisions made by default
	Warnings []string `json:"warnings,omitempty"` // possible surprises for the artifact's users
}

func newResult(n *node.Node) *Result {
	desc := n.Manifest.Desc
	r := &Result{
		Described: spec.Describe(desc), Kind: n.Plan.Kind.Name, Annotations: desc.Annotations, Subject: node.PlainSubject(n.Subject),
		Remarks: Remarks{n.Plan.Notes, n.Plan.Warnings},
	}
	if n.Config.Bytes != nil {
		r.Config = &n.Config.Desc
		r.Layers = n.Base.Layers()
		for _, p := range n.Packed {
			r.Layers = append(r.Layers, p.Descriptor)
		}
	}
	for _, p := range n.Platforms {
		r.Manifests = append(r.Manifests, p.EntryDescriptor())
		r.Notes = append(slices.Clip(r.Notes), p.Plan.Notes...)
		r.Warnings = append(slices.Clip(r.Warnings), p.Plan.Warnings...)
	}
	for _, child := range n.Referrers {
		r.Referrers = append(r.Referrers, newResult(child))
	}
	return r
}

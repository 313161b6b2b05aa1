package pack

import (
	"fmt"
	"slices"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/pack/internal/blob"
	"github.com/davit-oci/davit/pack/internal/node"
	"github.com/davit-oci/davit/pack/internal/tar"
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
	Skipped     bool                 `json:"skipped"` // the artifact existed already, and nothing was sent

	Was map[string]digest.Digest `json:"was,omitempty"` // the previous digests of tags that moved
	Remarks
}

// Remarks are notes and warnings for users.
type Remarks struct {
	Notes    []string `json:"notes,omitempty"`    // decisions made by default
	Warnings []string `json:"warnings,omitempty"` // possible surprises for the artifact's users
}

func newResult(n *node.Node) *Result {
	desc := n.Manifest.Desc
	r := &Result{
		Described: spec.Describe(desc), Kind: n.Plan.Kind.Name, Annotations: desc.Annotations, Subject: node.PlainSubject(n.Subject),
		Remarks: Remarks{n.Plan.Notes, append(slices.Clip(n.Plan.Warnings), excesses(n)...)},
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
		r.Warnings = append(append(slices.Clip(r.Warnings), p.Plan.Warnings...), excesses(p)...)
	}
	for _, child := range n.Referrers {
		r.Referrers = append(r.Referrers, newResult(child))
	}
	return r
}

// shownName returns the name of a blob for messages: "the content" for the directory ".".
func shownName(b *blob.Blob) string {
	if b.Name == "." {
		return "the content"
	}
	return b.Name
}

// excesses returns warnings about layers that a pull refuses by default.
func excesses(n *node.Node) []string {
	var warnings []string
	for _, b := range n.Blobs {
		o, ok := b.Origin.(*tar.Origin)
		if !ok {
			continue
		}
		if excess, flag := o.Excess(b.Desc.Size); excess != "" {
			warnings = append(warnings, fmt.Sprintf("%s: %s %s; pull refuses that without %s -1", n.Plan.Kind.Name, shownName(b), excess, flag))
		}
	}
	return warnings
}

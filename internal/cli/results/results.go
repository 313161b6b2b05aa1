// Package results has results, and parts of results, that several commands print.
package results

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/pack"
	"github.com/davit-oci/davit/pack/sign"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Sent is the result of commands that write an artifact.
type Sent struct {
	*pack.Result
	Verb string `json:"-"` // "packed", "pushed", "attached"; "would push" in a dry run
	// Platform is the platform of the subject, if the subject is one of several.
	Platform *ocispec.Platform `json:"-"`
	// Signatures are those that --sign-key made or found.
	Signatures []sign.Signature `json:"signatures,omitempty"`
}

// WriteText prints the artifact, with a row for each manifest and referrer.
func (r Sent) WriteText(w io.Writer) error {
	var t term.Table
	verb := r.Verb
	if r.Skipped {
		verb = "unchanged"
	}
	t.Row(verb, r.Reference)
	t.Field("digest", r.Digest.String())
	t.Field("kind", r.Kind)
	if r.Subject != nil {
		t.Field("name", r.Annotations[ocispec.AnnotationTitle])
		subject := r.Subject.Digest.String()
		if r.Platform != nil {
			subject += "  " + manifest.FormatPlatform(r.Platform)
		}
		t.Field("subject", subject)
	}
	AddTags(w, &t, r.Tags, r.Was)
	t.Field("layers", formatSizes(r.Layers))
	for _, m := range r.Manifests {
		key, name := "platform", manifest.FormatPlatform(m.Platform)+"  "
		title := m.Annotations[ocispec.AnnotationTitle]
		switch {
		case manifest.IsAttestation(m):
			key, name = "attestation", ""
		case m.Platform == nil && title != "":
			key, name = "member", title+"  "
		}
		t.Row(key, name+m.Digest.String())
	}
	for _, ref := range r.Referrers {
		t.Row("referrer", ref.Digest.String()+"  "+ref.Kind)
	}
	AddSignatures(&t, r.Signatures, r.Verb)
	return t.WriteText(w)
}

// AddSignatures adds rows for each signature: the signed manifest, and the manifest with the signature. The verb of a dry run begins
// with "would".
func AddSignatures(t *term.Table, all []sign.Signature, verb string) {
	for _, s := range all {
		t.Row(SignatureVerb(s, verb), s.Subject.String(), s.Kind)
		t.Row(string(s.Format), s.Digest.String(), s.Tag)
	}
}

// SignatureVerb returns the verb for a signature: "signed", "would sign", or "unchanged". It takes the verb of the command, which begins
// with "would" in a dry run.
func SignatureVerb(s sign.Signature, verb string) string {
	switch {
	case s.Skipped:
		return "unchanged"
	case strings.HasPrefix(verb, "would "):
		return "would sign"
	}
	return "signed"
}

// FormatTags returns the tags, with the previous digests of those that moved.
func FormatTags(w io.Writer, tags []string, was map[string]digest.Digest) []string {
	words := slices.Clone(tags)
	for i, tag := range tags {
		if old := was[tag]; old != "" {
			words[i] = fmt.Sprintf("%s (was %s)", tag, term.Digest(w, old))
		}
	}
	return words
}

// AddTags adds rows for tags: one for all tags that did not move, and one for each tag that moved.
func AddTags(w io.Writer, t *term.Table, tags []string, was map[string]digest.Digest) {
	unmoved := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return was[tag] != "" })
	var lines []string
	if len(unmoved) > 0 {
		lines = append(lines, strings.Join(unmoved, ", "))
	}
	moved := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return was[tag] == "" })
	name := "tags"
	for _, line := range append(lines, FormatTags(w, moved, was)...) {
		t.Row(name, line)
		name = ""
	}
}

// QuietLine returns the pinned reference.
func (r Sent) QuietLine() string { return Pinned(r.Reference, r.Digest.String()) }

// Pinned returns REFERENCE@DIGEST.
func Pinned(reference, digest string) string {
	if strings.HasSuffix(reference, "@"+digest) {
		return reference
	}
	return reference + "@" + digest
}

// formatSizes returns the number of layers and their total size.
func formatSizes(layers []ocispec.Descriptor) string {
	if len(layers) == 0 {
		return ""
	}
	var sum int64
	for _, l := range layers {
		sum += l.Size
	}
	return strconv.Itoa(len(layers)) + ", " + term.Size(sum)
}

// Described is a reference and the descriptor that it resolves to.
type Described struct {
	Reference    string        `json:"reference"`
	Digest       digest.Digest `json:"digest"`
	MediaType    string        `json:"mediaType"`
	ArtifactType string        `json:"artifactType,omitempty"`
	Size         int64         `json:"size"`
}

// Describe returns the result for a reference.
func Describe(ref registry.Reference, desc ocispec.Descriptor) Described {
	return Described{ref.String(), desc.Digest, desc.MediaType, desc.ArtifactType, desc.Size}
}

// WriteText prints the digest.
func (r Described) WriteText(w io.Writer) error {
	_, err := fmt.Fprintln(w, r.Digest)
	return err
}

// LeftOut returns the files that a plan, its platforms, and its referrers leave out.
func LeftOut(plan *artifact.Plan) []string {
	all := slices.Clone(plan.LeftOut)
	for _, p := range plan.Inner() {
		all = append(all, LeftOut(p)...)
	}
	return all
}

// Warnings returns the warnings of a plan and of the plans inside it.
func Warnings(plan *artifact.Plan) []string {
	all := slices.Clone(plan.Warnings)
	for _, p := range plan.Inner() {
		all = append(all, Warnings(p)...)
	}
	return all
}

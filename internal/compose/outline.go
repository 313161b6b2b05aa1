package compose

import (
	"cmp"
	"io"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/format/outline"
	"github.com/davit-oci/davit/mediatypes"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// OutlineFunc summarizes a document of a kind; the media type is that of its layer.
type OutlineFunc func(document io.Reader, mediaType string) (*outline.Outline, error)

// attached returns a function that returns the annotations for lists of referrers: a name, by which a newer artifact replaces this one, the
// time of the document, and a summary. The function reads the document, so it is only called if the artifact is attached to a subject.
func (d *Draft) attached() func() map[string]string {
	return sync.OnceValue(func() map[string]string {
		o := d.summarize()
		created := ""
		if !o.Created.IsZero() {
			created = o.Created.UTC().Format(time.RFC3339)
		}
		all := map[string]string{}
		maps.Copy(all, o.Annotations)
		for key, value := range map[string]string{
			ocispec.AnnotationTitle:      cmp.Or(d.Spec.Name, d.Annotations[ocispec.AnnotationTitle], o.Name, d.onlyTitle()),
			ocispec.AnnotationCreated:    created,
			mediatypes.AttachmentSummary: o.Summary,
		} {
			if _, declared := d.Spec.Annotations[key]; !declared && value != "" {
				all[key] = value
			}
		}
		return all
	})
}

// addSize returns the annotations with the size of the layers.
func addSize(annotations map[string]string, layers []spec.Packed) map[string]string {
	var size int64
	for _, l := range layers {
		size += l.Descriptor.Size
	}
	all := maps.Clone(annotations)
	all[mediatypes.AttachmentSize] = strconv.FormatInt(size, 10)
	return all
}

// summarize returns the summary of the document of an artifact. The summary is empty if the kind has none, or if the document can't be
// summarized.
func (d *Draft) summarize() *outline.Outline {
	read := d.table.Outline[d.Kind.Name]
	if read == nil || len(d.Layers) == 0 {
		return &outline.Outline{}
	}
	documents := d.WithRole(d.Layers[0].Role)
	if len(documents) != 1 || documents[0].Dir {
		return &outline.Outline{}
	}
	return outline.ReadFile(d.FS, documents[0].Source(), func(r io.Reader) (*outline.Outline, error) {
		return read(r, documents[0].MediaType)
	})
}

// onlyTitle returns the title of the only layer, or the name of the directory that the layers are from.
func (d *Draft) onlyTitle() string {
	if len(d.Layers) == 1 {
		return d.Layers[0].Title
	}
	return d.Spec.Dir
}

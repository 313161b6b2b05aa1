package printer

import (
	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/term"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// StartProgress starts to show the progress of a run. It returns nil if progress is not shown. The caller must call stop at
// the end.
func (p *Printer) StartProgress() (progress artifact.Progress, stop func()) {
	if p.Stderr.Mode == term.ProgressJSON {
		return newEventWriter(p), func() {}
	}
	p.Stderr.Silent = p.Format.Name == "json"
	t, stop := p.Stderr.StartTransfer()
	if t == nil {
		return nil, stop
	}
	return artifact.ProgressFunc(func(e artifact.Event) { t.Update(progressUpdate(e)) }), stop
}

// progressUpdate converts an event for a console.
func progressUpdate(e artifact.Event) term.Update {
	states := map[artifact.Step]term.State{
		artifact.Started: term.Started, artifact.Advanced: term.Moving, artifact.Done: term.Done,
		artifact.Skipped: term.Skipped, artifact.Mounted: term.Mounted, artifact.Planned: term.Planned,
	}
	return term.Update{ID: e.ID, Name: nameEvent(e), Size: e.Descriptor.Size, Done: e.Bytes, State: states[e.Step]}
}

// nameEvent returns the title of a blob, else the start of its digest and its media type.
func nameEvent(e artifact.Event) string {
	if title := e.Descriptor.Annotations[ocispec.AnnotationTitle]; title != "" {
		return title
	}
	if d := e.Descriptor.Digest; d.Validate() == nil {
		return d.Encoded()[:12] + " " + e.Descriptor.MediaType
	}
	return e.ID
}

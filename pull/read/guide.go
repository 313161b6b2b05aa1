package read

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/lists"
	"github.com/davit-oci/davit/mediatypes"
	"github.com/davit-oci/davit/pull/referrers"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
)

// maxAnswers limits the pages that are fetched for one alert.
const maxAnswers = 20

// readGuided returns the document that the config leads to: the answers to an alert, the first page, or a list of the alerts.
// It returns nil if there is no such document.
func (s *search) readGuided(ctx context.Context, m *fetch.Manifest) (*Document, error) {
	pull := s.kind.Pull
	if s.opts.Path != "" || pull.Index == nil && pull.Alerts == nil || s.isOneFile() || s.opts.Quick && s.isLarge() {
		return nil, nil
	}
	config, err := fetch.FetchBlob(ctx, s.src, *m.Config)
	if err != nil {
		return nil, err
	}
	if s.opts.Alert != "" && pull.Alerts != nil {
		return s.readAnswers(ctx, pull.Alerts(config))
	}
	if pull.Index != nil {
		if index := pull.Index(config); index != "" {
			doc, err := s.readNamed(ctx, index)
			if errors.Is(err, errdef.ErrNotFound) {
				return nil, nil // the search finds another page
			}
			return doc, err
		}
	}
	if pull.Alerts != nil {
		if text := kind.Contents(cmp.Or(m.Annotations[ocispec.AnnotationTitle], "Alerts"), pull.Alerts(config)); text != "" {
			return &Document{MediaType: "text/markdown", Text: text}, nil
		}
	}
	return nil, nil
}

// isOneFile reports whether the artifact is a single file, so that its config is not worth a request.
func (s *search) isOneFile() bool { return len(s.items) == 1 && !s.items[0].Unpack }

// isLarge reports whether finding a page may take more than fetching a small layer.
func (s *search) isLarge() bool {
	packed := 0
	for _, it := range s.items {
		if it.Unpack {
			packed++
		}
		if packed > 1 || it.Unpack && it.Desc.Size > MaxText {
			return true
		}
	}
	return false
}

// readAnswers returns the pages and sections that answer the alert, or nil if no page does.
func (s *search) readAnswers(ctx context.Context, alerts []kind.Alert) (*Document, error) {
	var doc *Document
	name, answers := s.findSpelling(alerts), 0
	for _, a := range alerts {
		if a.Name != name || a.Page == "" {
			continue
		}
		if answers++; answers > maxAnswers {
			break
		}
		page, err := s.readNamed(ctx, a.Page)
		if err != nil {
			return nil, err
		}
		if a.Section != "" {
			page.Text = sectionOf(page.Text, a.Section)
		}
		switch {
		case doc == nil:
			doc = page
		case !strings.Contains(doc.Text, page.Text):
			doc.Text = strings.TrimRight(doc.Text, "\n") + "\n\n" + page.Text
		}
		if len(doc.Text) > MaxText {
			return nil, errTooLong
		}
	}
	return doc, nil
}

// findSpelling returns the alert as the artifact spells it, possibly in another letter case. If the artifact does not have
// the alert, it returns the alert unchanged.
func (s *search) findSpelling(alerts []kind.Alert) string {
	spelling := s.opts.Alert
	for _, a := range alerts {
		switch {
		case a.Name == s.opts.Alert:
			return a.Name
		case spelling == s.opts.Alert && strings.EqualFold(a.Name, s.opts.Alert):
			spelling = a.Name
		}
	}
	return spelling
}

// Alert is an alert that an artifact answers.
type Alert = kind.Alert

// Alerts returns the alerts that the config of an artifact lists, or nil if its kind has no alerts. Its errors are those of Readable.
func Alerts(ctx context.Context, src oras.ReadOnlyTarget, ref string) ([]Alert, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return nil, err
	}
	list := kinds.Of(m.Kind()).Pull.Alerts
	if list == nil || m.Config == nil {
		return nil, nil
	}
	config, err := fetch.FetchBlob(ctx, src, *m.Config)
	if err != nil {
		return nil, err
	}
	return list(config), nil
}

// AttachedAlerts returns the alerts that an attached runbook answers, sorted by name. A folder of runbooks has a page for each, and
// only its config knows their titles, severities, and owners. If the config can't be read, all alerts have those in the annotations.
func AttachedAlerts(ctx context.Context, src oras.ReadOnlyTarget, r *referrers.Referrer) []Alert {
	of := func(name string) Alert {
		a := r.Annotations
		return Alert{
			Name: name, Title: a[ocispec.AnnotationTitle],
			Severity: a[mediatypes.RunbookSeverity], Owner: a[mediatypes.RunbookOwner], Service: a[mediatypes.RunbookService],
		}
	}
	names := r.Alerts()
	if first := of(""); len(names) > 1 || len(names) == 1 && first.Severity+first.Owner+first.Service == "" {
		all, err := Alerts(ctx, src, r.Digest.String())
		if err == nil && slices.ContainsFunc(all, func(a Alert) bool { return a.Page != "" }) {
			lists.Sort(all, func(a, b Alert) int { return strings.Compare(a.Name, b.Name) })
			return all
		}
	}
	all := make([]Alert, len(names))
	for i, name := range names {
		all[i] = of(name)
	}
	return all
}

// MainFile returns the name of the file that Readable reads if it is a layer of its own, or "" if all layers are packed. It fetches no
// layer. Its errors are those of Readable.
func MainFile(ctx context.Context, src oras.ReadOnlyTarget, ref string) (string, error) {
	m, err := fetch.Resolve(ctx, src, ref)
	if err != nil {
		return "", err
	}
	items, err := fetch.NewItems(ctx, src, m, fetch.Selection{})
	if err != nil {
		return "", err
	}
	s := &search{kind: kinds.Of(m.Kind()), items: items}
	s.offerLayers()
	return s.path, nil
}

// cutToAnswer reduces the text of a single file to the part that answers the alert.
func (s *search) cutToAnswer(doc *Document) {
	if answer := s.kind.Pull.Answer; s.opts.Alert != "" && s.opts.Path == "" && answer != nil && s.isOneFile() {
		doc.Text = string(answer([]byte(doc.Text), s.opts.Alert))
	}
}

// sectionOf returns the section with an anchor, or the whole text if there is no such section.
func sectionOf(text, anchor string) string {
	_, body, _ := frontmatter.Split([]byte(text))
	if section, ok := markdown.Find(body, anchor); ok {
		return string(section.Body)
	}
	return text
}

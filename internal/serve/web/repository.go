package web

import (
	"context"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/referrers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tagList is the content of the page of a repository.
type tagList struct {
	Found    int
	Rows     []*tagRow
	Next     string
	Untagged []*tagRow // of a layout
	Attached []*tagRow // of a layout: referrers
	Listed   bool      // Untagged and Attached are known
	More     int       // manifests without a tag that are not shown
	Problem  string    // why counts or rows are missing
}

// tagRow describes an artifact of a repository.
type tagRow struct {
	Tag         string
	Path        string
	Digest      digest.Digest
	Kind        string
	Size        int64 // 0 if unknown
	Manifests   int   // of an index
	Age         string
	Same        []string // other tags of the digest; for a registry, only those on the page
	Attachments int
	Subject     *view.Link // of an attachment
	Problem     string

	desc ocispec.Descriptor
}

// showRepository lists the artifacts of a repository.
func (h *handler) showRepository(c *call, p place, target registry.Target) (*page, error) {
	tags, err := registry.Tags(c.Context(), target, registry.TagOptions{ByVersion: true})
	if err != nil {
		return nil, err
	}
	list := &tagList{Found: len(tags)}
	all := tags
	tags, list.Next = pageOf(tags, c.URL.Query())
	links := make([]view.Link, len(tags))
	for i, tag := range tags {
		links[i] = view.NewLink(tag, view.PathTo(p.repository, ":", tag))
	}
	describe := func(ctx context.Context) any {
		list.Rows = h.describeTags(ctx, p, target, tags)
		list.addOtherTags(list.tagsOf(ctx, target, all))
		h.countAttachments(ctx, target, list)
		h.addUnlisted(ctx, p, target, list)
		return list
	}
	return &page{template: "repository.html", Title: p.title(), Crumbs: p.crumbs(), Data: list, sections: []section{
		{template: "tags", make: describe, waiting: waiting{"The manifests of the tags are being read.", links}},
	}}, nil
}

// describeTags describes artifacts by their tags or digests, with one request for each.
func (h *handler) describeTags(ctx context.Context, p place, target registry.Target, tags []string) []*tagRow {
	rows := make([]*tagRow, len(tags))
	_ = concurrency.Each(ctx, len(tags), func(ctx context.Context, i int) error {
		rows[i] = h.describeTag(ctx, p, target, tags[i])
		return nil
	})
	return rows
}

// describeTag describes an artifact by its manifest.
func (h *handler) describeTag(ctx context.Context, p place, target registry.Target, reference string) *tagRow {
	row := &tagRow{Tag: reference, Path: view.PathTo(p.repository, ":", reference)}
	if d, err := digest.Parse(reference); err == nil {
		row.Tag, row.Path, row.Digest = "", view.PathTo(p.repository, "@", reference), d
	}
	info, err := inspect.Inspect(ctx, target, reference, inspect.Options{Shallow: true})
	if err != nil {
		row.Problem = h.explain(err)
		return row
	}
	row.desc = info.Descriptor()
	row.Digest, row.Kind, row.Size, row.Age = info.Digest, view.KindOf(info), info.TotalSize, view.Day(view.Created(info))
	if len(info.Manifests) > 0 { // the index contains neither its kind nor the size of its content
		row.Manifests, row.Size = len(info.Manifests), 0
		if first, err := inspect.Inspect(ctx, target, info.Manifests[0].Digest.String(), inspect.Options{Shallow: true}); err == nil && first.Kind != "" {
			row.Kind = view.KindOf(first)
		}
	}
	if s := info.Subject; s != nil {
		subject := view.NewLink(view.ShortDigest(s.Digest), view.PathTo(p.repository, "@", s.Digest.String()))
		row.Subject = &subject
	}
	return row
}

// tagsOf returns the tags of each digest. For a registry, where each tag costs a request, these are only the tags on the page.
func (l *tagList) tagsOf(ctx context.Context, target registry.Target, all []string) map[digest.Digest][]string {
	tags := map[digest.Digest][]string{}
	if _, isLayout := target.(untaggedLister); isLayout {
		for _, tag := range all[:min(len(all), maxResolved)] {
			if desc, err := target.Resolve(ctx, tag); err == nil {
				tags[desc.Digest] = append(tags[desc.Digest], tag)
			}
		}
		return tags
	}
	for _, row := range l.Rows {
		if row.Digest != "" {
			tags[row.Digest] = append(tags[row.Digest], row.Tag)
		}
	}
	return tags
}

// maxSame limits how many tags of one digest are listed.
const maxSame = 20

// maxResolved limits how many tags of a layout are compared by their digests.
const maxResolved = 2000

// addOtherTags adds to each row the other tags of its digest.
func (l *tagList) addOtherTags(tags map[digest.Digest][]string) {
	for _, row := range l.Rows {
		for _, tag := range tags[row.Digest] {
			if tag != row.Tag && len(row.Same) < maxSame {
				row.Same = append(row.Same, tag)
			}
		}
	}
}

// countAttachments sets the number of referrers of each artifact. If they can't be listed, it sets the Problem of the list.
func (h *handler) countAttachments(ctx context.Context, target registry.Target, list *tagList) {
	var subjects []ocispec.Descriptor
	for _, row := range list.Rows {
		if row.Problem == "" {
			subjects = append(subjects, row.desc)
		}
	}
	lists, err := referrers.NewLister(target, referrers.Options{}).Each(ctx, subjects)
	if err != nil {
		list.Problem = "attachments are not counted: " + h.explain(err)
		return
	}
	for _, row := range list.Rows {
		row.Attachments = len(lists[row.Digest])
	}
}

// untaggedLister is a target that lists manifests without a tag.
type untaggedLister interface {
	Untagged(ctx context.Context) ([]ocispec.Descriptor, error)
}

// addUnlisted adds the manifests of a layout that have no tag. Registries do not list them.
func (h *handler) addUnlisted(ctx context.Context, p place, target registry.Target, list *tagList) {
	layout, ok := target.(untaggedLister)
	if !ok {
		return
	}
	all, err := layout.Untagged(ctx)
	if err != nil {
		list.Problem = "manifests without a tag are not listed: " + h.explain(err)
		return
	}
	list.More = max(0, len(all)-2*perPage)
	digests := make([]string, len(all)-list.More)
	for i := range digests {
		digests[i] = all[i].Digest.String()
	}
	list.Listed = true
	for _, row := range h.describeTags(ctx, p, target, digests) {
		if row.Subject != nil {
			list.Attached = append(list.Attached, row)
		} else {
			list.Untagged = append(list.Untagged, row)
		}
	}
}

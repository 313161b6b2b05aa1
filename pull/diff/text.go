package diff

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"unicode/utf8"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/archive/read"
	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/pull"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	textdiff "github.com/rogpeppe/go-internal/diff"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

const (
	// maxDiffText is the maximum size of a file whose lines are compared, and maxDiffTexts the maximum number of such files:
	// differences of lines are for people to read, not for programs.
	maxDiffText  = 256 << 10
	maxDiffTexts = 200
	// maxDiffAll is the maximum total size of these files, which are held in memory.
	maxDiffAll = 16 << 20
	// maxDiffTags limits the tags that are resolved to find those of an artifact: each costs a request.
	maxDiffTags = 1000
)

// addTexts adds the differing lines to the changes of small text files. It reads each layer once.
func addTexts(ctx context.Context, p pair, changes []FileChange) error {
	small := smallTexts(changes)
	var left, right []*pull.File
	for _, c := range small {
		left, right = append(left, c.From), append(right, c.To)
	}
	chosen := fetch.Selection{Inside: p.inside, Archives: true}
	old, err := readSmallTexts(ctx, p.a.Source, p.from, chosen, left)
	if err != nil {
		return err
	}
	now, err := readSmallTexts(ctx, p.b.Source, p.to, chosen, right)
	if err != nil {
		return err
	}
	for _, c := range small {
		if isText(old[c.Path]) && isText(now[c.Path]) {
			c.Text = string(textdiff.Diff(sideName("a/", c.From), old[c.Path], sideName("b/", c.To), now[c.Path]))
		}
	}
	return nil
}

// smallTexts returns the changes of files that are small enough to compare their lines.
func smallTexts(changes []FileChange) []*FileChange {
	var chosen []*FileChange
	var size int64
	for i := range changes {
		c := &changes[i]
		if c.Change == ModeBit || !isSmallFile(c.From) || !isSmallFile(c.To) {
			continue
		}
		size += sizeOf(c.From) + sizeOf(c.To)
		if len(chosen) == maxDiffTexts || size > maxDiffAll {
			break
		}
		chosen = append(chosen, c)
	}
	return chosen
}

// sideName returns the name of a file for a diff, in the format of git and patch. An absent file is /dev/null.
func sideName(side string, f *pull.File) string {
	if f == nil {
		return "/dev/null"
	}
	return side + f.Path
}

// sizeOf returns the size of a file, or 0 for nil.
func sizeOf(f *pull.File) int64 {
	if f == nil {
		return 0
	}
	return f.Size
}

// isSmallFile reports whether a side of a change is absent or a small regular file.
func isSmallFile(f *pull.File) bool {
	return f == nil || f.Link == "" && f.Size <= maxDiffText && fs.FileMode(f.Mode).IsRegular()
}

// readSmallTexts reads small files and returns them by path. It skips nil files.
func readSmallTexts(ctx context.Context, src content.Fetcher, m *fetch.Manifest, chosen fetch.Selection, files []*pull.File) (map[string][]byte, error) {
	wanted := make(map[digest.Digest]map[string]bool) // by layer and path
	for _, f := range files {
		if f == nil {
			continue
		}
		if wanted[f.Layer] == nil {
			wanted[f.Layer] = make(map[string]bool)
		}
		wanted[f.Layer][f.Path] = true
	}
	items, err := fetch.NewItems(ctx, src, m, chosen)
	if err != nil {
		return nil, err
	}
	texts := make(map[string][]byte)
	for _, it := range items {
		if names := wanted[it.Desc.Digest]; len(names) > 0 {
			if err := readTexts(ctx, src, it, names, texts); err != nil {
				return nil, &artifact.Error{Op: "reading", Item: it.Name, Err: err}
			}
		}
	}
	return texts, nil
}

// readTexts reads the named files of a layer into texts.
func readTexts(ctx context.Context, src content.Fetcher, it *fetch.Item, names map[string]bool, texts map[string][]byte) error {
	err := fetch.ErrNotTar
	if it.Unpack && (!it.Packed || !names[it.Name]) {
		err = fetch.Tar{Source: src, Item: it}.Read(ctx, func(h *read.Header, r io.Reader) (err error) {
			if names[h.Name] && h.Mode.IsRegular() && h.Link == "" && h.Size <= maxDiffText {
				texts[h.Name], err = io.ReadAll(r)
			}
			return err
		})
	}
	if errors.Is(err, fetch.ErrNotTar) {
		texts[it.Name], err = fetch.FetchBlob(ctx, src, it.Desc)
	}
	return err
}

func isText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsRune(b, 0) }

// diffReferrers compares the referrers of two artifacts by digest and artifactType.
func diffReferrers(ctx context.Context, a, b Side, from, to ocispec.Descriptor) ([]FieldChange, error) {
	old, err := readReferrerFields(ctx, a, from)
	if err != nil {
		return nil, err
	}
	now, err := readReferrerFields(ctx, b, to)
	return diffFields(old, now), err
}

func readReferrerFields(ctx context.Context, side Side, subject ocispec.Descriptor) (map[string]any, error) {
	fields := make(map[string]any)
	graph, ok := side.Source.(oras.ReadOnlyGraphTarget)
	if !ok {
		return fields, nil
	}
	found, err := registry.Referrers(ctx, graph, subject, "")
	if errors.Is(err, errdef.ErrNotFound) {
		return fields, nil
	}
	for _, desc := range found {
		fields[desc.Digest.String()] = desc.ArtifactType
	}
	return fields, err
}

// diffTags compares the tags that point to two artifacts.
func diffTags(ctx context.Context, a, b Side, from, to digest.Digest) ([]FieldChange, error) {
	old, err := readTagFields(ctx, a, from)
	if err != nil {
		return nil, err
	}
	now, err := readTagFields(ctx, b, to)
	return diffFields(old, now), err
}

func readTagFields(ctx context.Context, side Side, d digest.Digest) (map[string]any, error) {
	fields := make(map[string]any)
	lister, ok := side.Source.(registry.TagLister)
	if !ok {
		return fields, nil
	}
	tags, err := fetch.ListTags(ctx, lister)
	if err != nil {
		return nil, err
	}
	slices.Sort(tags)
	for _, tag := range tags[:min(len(tags), maxDiffTags)] {
		desc, err := side.Source.Resolve(ctx, tag)
		if errors.Is(err, errdef.ErrNotFound) {
			continue // untagged in the meantime
		}
		if err != nil {
			return nil, err
		}
		if desc.Digest == d {
			fields[tag] = d.String()
		}
	}
	return fields, nil
}

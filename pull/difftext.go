package pull

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/diff"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
)

const (
	// maxDiffText is the largest file whose lines are compared, and maxDiffTexts how many files at most: what a person
	// reads, not what a program does.
	maxDiffText  = 256 << 10
	maxDiffTexts = 200
	// maxDiffTags bounds how many tags are resolved to see which lead to an artifact: each costs a request.
	maxDiffTags = 1000
)

// addTexts puts the differing lines to files that are small texts.
func addTexts(ctx context.Context, a, b Side, changes []FileChange) error {
	texts := 0
	for i := range changes {
		c := &changes[i]
		if c.Change == ModeBit || !smallFile(c.From) || !smallFile(c.To) {
			continue
		}
		if texts++; texts > maxDiffTexts {
			return nil
		}
		old, err := textOf(ctx, a, c.From)
		if err != nil {
			return err
		}
		now, err := textOf(ctx, b, c.To)
		if err != nil {
			return err
		}
		if isText(old) && isText(now) {
			c.Text = string(diff.Diff("a/"+c.Path, old, "b/"+c.Path, now))
		}
	}
	return nil
}

// smallFile tells whether a side of a change is absent or a small regular file.
func smallFile(f *File) bool {
	return f == nil || f.Link == "" && f.Size <= maxDiffText && fs.FileMode(f.Mode).IsRegular()
}

func textOf(ctx context.Context, side Side, f *File) ([]byte, error) {
	if f == nil {
		return nil, nil
	}
	var text bytes.Buffer
	_, err := Cat(ctx, side.Source, side.Ref, f.Path, &text, CatOptions{Platform: side.Platform})
	return text.Bytes(), err
}

func isText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsRune(b, 0) }

// diffReferrers compares what is attached to two artifacts, by digest: "sbom sha256:…".
func diffReferrers(ctx context.Context, a, b Side, from, to ocispec.Descriptor) ([]FieldChange, error) {
	old, err := referrerFields(ctx, a, from)
	if err != nil {
		return nil, err
	}
	now, err := referrerFields(ctx, b, to)
	return diffFields(old, now), err
}

func referrerFields(ctx context.Context, side Side, subject ocispec.Descriptor) (map[string]any, error) {
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

// diffTags compares which tags lead to two artifacts.
func diffTags(ctx context.Context, a, b Side, from, to digest.Digest) ([]FieldChange, error) {
	old, err := tagFields(ctx, a, from)
	if err != nil {
		return nil, err
	}
	now, err := tagFields(ctx, b, to)
	return diffFields(old, now), err
}

func tagFields(ctx context.Context, side Side, d digest.Digest) (map[string]any, error) {
	fields := make(map[string]any)
	lister, ok := side.Source.(registry.TagLister)
	if !ok {
		return fields, nil
	}
	var tags []string
	err := lister.Tags(ctx, "", func(page []string) error {
		tags = append(tags, page...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(tags)
	for _, tag := range tags[:min(len(tags), maxDiffTags)] {
		desc, err := side.Source.Resolve(ctx, tag)
		if errors.Is(err, errdef.ErrNotFound) {
			continue // untagged just now
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

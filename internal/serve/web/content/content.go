// Package content finds files of an artifact that pages show or link to.
package content

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/fetch/extension"
	"github.com/davit-oci/davit/internal/kinds"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/serve/web/once"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
	"github.com/davit-oci/davit/pull/read"
)

// IsMarkdown reports whether a file is Markdown, by its name.
func IsMarkdown(name string) bool { return (&read.Document{Path: name}).IsMarkdown() }

// IsHTML reports whether a file is a page in HTML, by its name.
func IsHTML(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".html" || ext == ".htm"
}

// PackedSize returns the total size of the layers that may be tars.
func PackedSize(info *inspect.Info) int64 {
	var size int64
	for _, l := range info.Layers {
		if extension.IsTar(l.Name, l.MediaType) || strings.Contains(l.MediaType, "tar") || strings.Contains(l.MediaType, "layer") {
			size += l.Size
		}
	}
	return size
}

// HasLayers reports whether all tar layers were read for the page, so that listing their files takes no request.
func HasLayers(target *once.Target, info *inspect.Info) bool {
	return !slices.ContainsFunc(info.Layers, func(l inspect.Layer) bool { return extension.IsTar(l.Name, l.MediaType) && !target.Has(l.Digest) })
}

// Defaults returns the text and the path of the settings file beside the document of an artifact. Both are "" if the artifact has
// no such file, or is too large.
func Defaults(ctx context.Context, target *once.Target, info *inspect.Info, document string) (text, name string) {
	k, _ := kinds.Lookup(info.Kind)
	if k.Defaults == "" || document == "" || PackedSize(info) > read.MaxText {
		return "", ""
	}
	name = path.Join(path.Dir(document), k.Defaults)
	var b strings.Builder
	if _, err := read.Cat(ctx, target, info.Digest.String(), &b, read.CatOptions{Path: name, Length: view.MaxShown + 1, Inside: true}); err != nil {
		return "", ""
	}
	return view.Clip(b.String()), name
}

// About returns facts about an artifact, and its options, from its annotations.
func About(info *inspect.Info) ([]kind.Fact, []kind.Option) {
	if k, _ := kinds.Lookup(info.Kind); k.Pull.Facts.Annotations != nil {
		return k.Pull.Facts.Annotations(info.Annotations)
	}
	return nil, nil
}

// PageOfLink returns the page of a site that a link to a directory, or to a name without an extension, leads to. It returns "" for
// other links.
func PageOfLink(ctx context.Context, target *once.Target, reference, name string) string {
	name = path.Clean(name)
	names := Pages(ctx, target, reference)
	for _, end := range []string{".md", "/README.md", "/index.md", ".html", "/index.html"} {
		if slices.Contains(names, name+end) {
			return name + end
		}
	}
	return ""
}

// Pages returns the names of the pages of an artifact. It returns nil if the artifact is too large to be read.
func Pages(ctx context.Context, target *once.Target, reference string) []string {
	info, err := inspect.Inspect(ctx, target, reference, inspect.Options{Shallow: true})
	if err != nil || PackedSize(info) > read.MaxText {
		return nil
	}
	listing, err := read.List(ctx, target, reference, read.ListOptions{Inside: true})
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range listing.Files {
		if IsMarkdown(f.Path) || IsHTML(f.Path) {
			names = append(names, f.Path)
		}
	}
	return names
}

// HasTensors reports whether an artifact may have tensors.
func HasTensors(info *inspect.Info) bool {
	return slices.ContainsFunc(info.Layers, func(l inspect.Layer) bool {
		return l.Weights != nil || strings.HasSuffix(l.Name, ".gguf") || strings.HasSuffix(l.Name, ".safetensors") || strings.Contains(l.MediaType, "gguf")
	})
}

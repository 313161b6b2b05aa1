// Package extension maps media types to the extensions of file names.
package extension

import (
	"path"
	"strings"
)

// extensions maps suffixes of media types to file extensions; the first match is used.
var extensions = []struct{ suffix, extension string }{
	{"tar+gzip", ".tar.gz"}, {"tar.gzip", ".tar.gz"}, {"tar+zstd", ".tar.zst"}, {"tar", ".tar"},
	{"+json", ".json"}, {"/json", ".json"}, {"+yaml", ".yaml"}, {"/yaml", ".yaml"}, {"+xml", ".xml"}, {"/xml", ".xml"},
	{"+zip", ".zip"}, {"/zip", ".zip"}, {"+gzip", ".gz"}, {"/gzip", ".gz"}, {"+zstd", ".zst"},
	{"/wasm", ".wasm"}, {"+wasm", ".wasm"}, {"/markdown", ".md"}, {"text/html", ".html"}, {"text/plain", ".txt"},
	{"/pdf", ".pdf"}, {"+rego", ".rego"}, {"gguf.v3", ".gguf"}, {"safetensors", ".safetensors"}, {".jinja", ".jinja"},
}

// Of returns the extension for files of a media type, or "" if it is unknown.
func Of(mediaType string) string {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	for _, e := range extensions {
		if strings.HasSuffix(mediaType, e.suffix) {
			return e.extension
		}
	}
	return ""
}

// Tar returns the file name of a directory's tar that stays packed.
func Tar(name, mediaType string) string {
	ext := Of(mediaType)
	if ext == "" {
		ext = ".tar"
	}
	if strings.HasSuffix(name, ext) {
		return name
	}
	return strings.TrimSuffix(path.Clean(name), "/") + ext
}

// IsTar reports whether a file is a tar, compressed or not, by its name and media type.
func IsTar(name, mediaType string) bool {
	if strings.HasPrefix(Of(mediaType), ".tar") {
		return true
	}
	for _, ext := range []string{".tar", ".tgz", ".tar.gz", ".tar.zst"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}

package declare

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davit-oci/davit/artifact/spec"
	"github.com/davit-oci/davit/internal/lazy"
	"github.com/davit-oci/davit/internal/manifest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	tagHint      = "letters, digits, dots, dashes and underscores, at most 128; a + is written as _"
	platformHint = "OS/ARCH[/VARIANT], as in linux/amd64"
	// maxReferrerDepth limits how deeply referrers are nested. An attestation for the SBOM of an image is already rare.
	maxReferrerDepth = 8
	maxTitle         = 4096 // longest path on common systems, in bytes
)

var tagSyntax = lazy.Regexp(tagPattern)

// Check reports the problems of a declaration by itself, without looking at the files.
func Check(known Catalog, s *spec.Spec, report func(spec.Problem)) {
	checkHead(known, s, report)
	switch {
	case len(s.Layers) > 0 && len(s.Platforms) > 0:
		report(s.KeyProblem("/platforms", "layers and platforms exclude each other", "give each platform its layers"))
	case len(s.Layers) == 0 && len(s.Platforms) == 0 && !s.Declares("/layers") && !s.Declares("/platforms"):
		report(s.Problem("", "layers are missing", "list the files to pack"))
	}
	checkLayers(s, report)
	checkPlatforms(s, report)
	checkReferrers(known, s, 1, report)
}

// checkHead checks the fields outside of layers, platforms and referrers.
func checkHead(known Catalog, s *spec.Spec, report func(spec.Problem)) {
	checkKind(known, s, report)
	if s.Source() == nil && s.Platform != "" {
		report(s.Problem("/platform", "only an entry of platforms has a platform", ""))
	}
	for i, tag := range s.Tags {
		at := "/tags/" + strconv.Itoa(i)
		if !tagSyntax().MatchString(tag) && !s.IsReported(at) {
			report(s.Problem(at, fmt.Sprintf("%q is not a tag", tag), tagHint))
		} else if slices.Index(s.Tags, tag) < i && !s.IsReported(at) {
			report(s.Problem(at, fmt.Sprintf("tag %q is given twice", tag), ""))
		}
	}
	checkAnnotations(s, report)
	if s.ArtifactType != "" && !isMediaType(s.ArtifactType) {
		report(s.Problem("/artifactType", fmt.Sprintf("%q is not a media type", s.ArtifactType), "as in application/vnd.example.thing.v1"))
	}
	for key, target := range map[string]string{"subject": s.Subject, "base": s.Base} {
		if target != "" && !isTarget(target) {
			report(s.Problem("/"+key, fmt.Sprintf("%q is not a target", target), "as in registry.example.com/app:1.0 or ./oci:1.0"))
		}
	}
}

// targetSyntax matches HOST[:PORT]/REPO[:TAG][@DIGEST], as distribution-spec 1.1 defines it.
var targetSyntax = lazy.Regexp(`^(oci://)?[A-Za-z0-9.:\[\]_-]+(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+` +
	`(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@[a-z0-9+._-]+:[A-Fa-f0-9]{32,})?$`)

// isTarget reports whether a string looks like a path or a reference. Whether it exists is checked when it is opened.
func isTarget(s string) bool {
	for _, prefix := range []string{"./", "../", "/", "~"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return targetSyntax().MatchString(s)
}

func checkKind(known Catalog, s *spec.Spec, report func(spec.Problem)) {
	k, ok := known.Lookup(s.Kind)
	switch {
	case s.Own != nil:
	case s.Kind == "" && !s.Declares("/kind"):
		report(s.Problem("", "the kind is missing", "one of "+strings.Join(known.Writable(), ", ")))
	case s.Kind == "":
	case IsKindFile(s.Kind):
		if message, hint := BadPath(s.Kind); message != "" {
			report(s.Problem("/kind", fmt.Sprintf("kind file %q %s", s.Kind, message), hint))
		}
	case !ok:
		report(s.Problem("/kind", fmt.Sprintf("unknown kind %q", s.Kind), known.suggest(s.Kind)))
	case k.ReadOnly:
		report(s.Problem("/kind", fmt.Sprintf("kind %q can be read but not packed", s.Kind), ""))
	}
}

func checkAnnotations(s *spec.Spec, report func(spec.Problem)) {
	checkKeys(s, "/annotations", s.Annotations, report)
	for _, f := range []struct{ name, value, key string }{{"name", s.Name, ocispec.AnnotationTitle}, {"version", s.Version, ocispec.AnnotationVersion}} {
		if value, ok := s.Annotations[f.key]; ok && f.value != "" && value != f.value {
			report(s.KeyProblem("/annotations/"+EscapePointer(f.key), fmt.Sprintf("annotation %q contradicts %q", f.key, f.name), "leave one of them out"))
		}
	}
}

// checkKeys reports annotation keys that registries or clients refuse.
func checkKeys(s *spec.Spec, at string, annotations map[string]string, report func(spec.Problem)) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if key == "" || strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			report(s.KeyProblem(at+"/"+EscapePointer(key), fmt.Sprintf("%q is not an annotation key", key), "no spaces; as in com.example.team"))
		}
	}
}

func checkLayers(s *spec.Spec, report func(spec.Problem)) {
	for i, l := range s.Layers {
		at := LayerAt(i)
		if l.Path == "" {
			if !s.IsReported(at) && !s.Declares(at+"/path") {
				report(s.Problem(at, "the path is missing", ""))
			}
		} else if message, hint := BadPath(l.Path); message != "" {
			report(s.Problem(at+"/path", fmt.Sprintf("path %q %s", l.Path, message), hint))
		}
		if l.Title != "" {
			if message := BadTitle(l.Title); message != "" {
				report(s.Problem(at+"/title", fmt.Sprintf("title %q %s", l.Title, message), ""))
			}
		}
		if l.MediaType != "" && !isMediaType(l.MediaType) {
			report(s.Problem(at+"/mediaType", fmt.Sprintf("%q is not a media type", l.MediaType), "as in application/json"))
		}
		checkKeys(s, at+"/annotations", l.Annotations, report)
		if _, ok := l.Annotations[ocispec.AnnotationTitle]; ok {
			report(s.KeyProblem(at+"/annotations/"+EscapePointer(ocispec.AnnotationTitle), "the title of a layer is not set by annotation", "write title: instead"))
		}
	}
}

func checkPlatforms(s *spec.Spec, report func(spec.Problem)) {
	seen := map[string]bool{}
	for _, p := range s.Platforms {
		if isUnread(p, "/platform") {
			continue
		}
		platform, ok := manifest.ParsePlatform(p.Platform)
		name := ""
		if ok {
			name = manifest.FormatPlatform(&platform)
		}
		switch {
		case p.Platform == "" && p.Declares("/platform"):
		case p.Platform == "":
			report(p.Problem("", "the platform is missing", platformHint))
		case !ok:
			report(p.Problem("/platform", fmt.Sprintf("%q is not a platform", p.Platform), platformHint))
		case seen[name]:
			report(p.Problem("/platform", fmt.Sprintf("platform %q is given twice", p.Platform), ""))
		}
		seen[name] = true
		if len(p.Layers) == 0 && !p.Declares("/layers") {
			report(p.Problem("", "layers are missing", "list the files of this platform"))
		}
		if p.Source() == nil && (len(p.Platforms)+len(p.Referrers)+len(p.Tags) > 0 || p.Kind+p.Subject+p.Name+p.Version+p.ArtifactType+p.Base != "") {
			report(p.Problem("", "a platform has only layers, config, and annotations", ""))
		}
		checkKeys(p, "/annotations", p.Annotations, report)
		checkLayers(p, report)
	}
}

func checkReferrers(known Catalog, s *spec.Spec, depth int, report func(spec.Problem)) {
	if depth > maxReferrerDepth && len(s.Referrers) > 0 {
		report(s.Problem("/referrers", fmt.Sprintf("referrers are nested too deeply: limit is %d", maxReferrerDepth), ""))
		return
	}
	for _, r := range s.Referrers {
		if isUnread(r, "/kind") {
			continue
		}
		checkHead(known, r, report)
		if len(r.Layers) == 0 && !r.Declares("/layers") {
			report(r.Problem("", "layers are missing", "list the files to attach"))
		}
		if r.Source() == nil && (len(r.Platforms)+len(r.Tags) > 0 || r.Subject+r.Base != "") {
			report(r.Problem("", "a referrer has no tags, platforms, subject or base", ""))
		}
		checkLayers(r, report)
		checkReferrers(known, r, depth+1, report)
	}
}

// isUnread reports whether an entry itself has a problem and none of its required fields. Problems about these fields would repeat it.
func isUnread(s *spec.Spec, required string) bool {
	return s.IsReported("") && !s.Declares(required) && !s.Declares("/layers")
}

// BadPath returns the reason why a path can't be in a declaration, with a hint, or "" if it can.
func BadPath(p string) (message, hint string) {
	clean := path.Clean(p)
	switch {
	case !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl):
		return "has characters that no path can have", ""
	case path.IsAbs(p) || len(p) > 1 && p[1] == ':' && unicode.IsLetter(rune(p[0])) || strings.HasPrefix(p, `\`):
		return "is absolute", "paths are relative to the declaration"
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "leaves the directory of the declaration", "move the file below it, or the declaration above"
	case strings.HasPrefix(p, "~/"):
		return "is in the home directory", "paths are relative to the declaration"
	}
	return "", ""
}

// BadTitle returns the reason why a title can't name a file below the destination of a pull, or "" if it can.
func BadTitle(title string) string {
	switch {
	case !utf8.ValidString(title) || strings.ContainsFunc(title, unicode.IsControl):
		return "has characters that no file name can have"
	case len(title) > maxTitle:
		return fmt.Sprintf("is longer than %d bytes", maxTitle)
	case strings.Contains(title, `\`):
		return "has a backslash; the separator is a slash"
	case path.IsAbs(title):
		return "is absolute; it must stay below the destination"
	case len(title) > 1 && title[1] == ':':
		return "begins with a drive letter, so it is absolute on Windows"
	case slices.Contains(strings.Split(title, "/"), ".."):
		return "leaves the destination"
	case title == ".":
		return "is the destination itself"
	case path.Clean(title) != title:
		return fmt.Sprintf("is not a clean path; write %q", path.Clean(title))
	}
	return ""
}

var mediaTypeSyntax = lazy.Regexp(`^[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}$`)

// isMediaType reports whether t is a media type without parameters (RFC 6838).
func isMediaType(t string) bool { return mediaTypeSyntax().MatchString(t) }

// IsKindFile reports whether a kind is the path of a kind file, and not the name of a built-in kind.
func IsKindFile(kind string) bool {
	return strings.Contains(kind, "/") || strings.HasSuffix(kind, ".yaml") || strings.HasSuffix(kind, ".yml")
}

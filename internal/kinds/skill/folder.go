package skill

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/davit-oci/davit/internal/compose"
	"github.com/davit-oci/davit/internal/format/frontmatter"
	"github.com/davit-oci/davit/internal/format/markdown"
	"github.com/davit-oci/davit/internal/format/yamlerror"
	"github.com/davit-oci/davit/internal/tree"
	"gopkg.in/yaml.v3"
)

// maxDescription is the longest description, in bytes, that clients accept.
const maxDescription = 1024

// hasIndex reports whether a directory has an index page and no SKILL.md.
func hasIndex(s *tree.Sample) (string, bool) {
	index, ok := indexOf(s.FS, s.Path)
	return "has a " + index + ", which becomes its " + file, ok
}

// indexOf returns the name of the index page in a directory. ok is false if the directory has no index page, or has a SKILL.md.
func indexOf(fsys fs.FS, dir string) (name string, ok bool) {
	if _, err := fs.Stat(fsys, path.Join(dir, file)); err == nil {
		return "", false
	}
	for _, name := range []string{"README.md", "index.md", "_index.md"} {
		if info, err := fs.Stat(fsys, path.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return name, true
		}
	}
	return "", false
}

// describeFolder makes a skill from a directory of pages, such as runbooks. The index becomes the SKILL.md, and the other files
// stay beside it. If the front matter has no description, the description is the title and the first paragraph of the index.
func describeFolder(d *compose.Draft, l *compose.Layer, index string) (map[string]any, error) {
	data, err := tree.ReadFile(d.FS, path.Join(l.Path, index), tree.MaxSmallFile)
	if err != nil {
		return nil, err
	}
	head, body, _ := frontmatter.Split(data)
	front := map[string]any{}
	if err := yaml.Unmarshal(head, &front); err != nil {
		return nil, fmt.Errorf("%s: %w", index, yamlerror.Worded(err))
	}
	if front["description"] == nil && describe(front) == "" {
		text := introduction(body)
		if text == "" {
			return nil, fmt.Errorf("%s has neither a description in its front matter nor a title or a paragraph", index)
		}
		front["description"] = text
	}
	stem := path.Base(l.Path)
	if stem == "." {
		stem = cmp.Or(d.Spec.Dir, d.Kind.Name)
	}
	fields, text, err := completeFields(d, front, body, stem)
	if err != nil {
		return nil, err
	}
	files, err := tree.FilesBelow(d.FS, &l.Layer)
	if err != nil {
		return nil, err
	}
	target := path.Join(l.Path, file)
	l.Dir, l.Files, l.Replaced = false, []string{target}, map[string][]byte{target: text}
	for _, name := range files {
		if name != index {
			l.Files = append(l.Files, path.Join(l.Path, name))
		}
	}
	return fields, nil
}

// introduction returns the title and the first paragraph of a page, cut to maxDescription.
func introduction(body []byte) string {
	var parts []string
	if title := markdown.Title(markdown.Headings(body)); title != "" {
		parts = append(parts, strings.TrimRight(title, ".")+".")
	}
	var paragraph []string
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		isText := line != "" && !strings.ContainsRune("#<!|>-*+`~=[", rune(line[0]))
		if !isText && len(paragraph) > 0 {
			break
		}
		if isText {
			paragraph = append(paragraph, line)
		}
	}
	text := strings.Join(append(parts, paragraph...), " ")
	if len(text) > maxDescription {
		text = text[:maxDescription]
		text = text[:max(0, strings.LastIndexByte(text, ' '))]
	}
	return text
}

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

// maxDescription is the limit of clients, in bytes.
const maxDescription = 1024

// hasIndex finds a directory of pages that begin with an index.
func hasIndex(s *tree.Sample) (string, bool) {
	index, ok := indexOf(s.FS, s.Path)
	return "has a " + index + ", which becomes its " + file, ok
}

// indexOf returns the name of the page that a directory begins with, unless it has a SKILL.md.
func indexOf(fsys fs.FS, dir string) (string, bool) {
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

// describeFolder makes a skill of a directory of pages, such as runbooks: the index becomes its SKILL.md, and the others stay beside it. A
// description that the front matter lacks is the title of the index and its first paragraph.
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

// introduction returns the title of a page and its first paragraph.
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

package markdown

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/markup"
	"github.com/yuin/goldmark/ast"
)

// Links returns the paths of the files that a document in the directory dir links to. Like dir, they are relative to the root of the
// tree. Links returns nil if dir is "".
func Links(document, dir string) []string {
	document = strings.ReplaceAll(document, "\r\n", "\n")
	root, _ := markup.Parse(document)
	if root == nil {
		return nil
	}
	var found []string
	// The function returns no errors, so Walk does not either.
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && entering {
			name := resolve(string(link.Destination), dir)
			if file, _, _ := strings.Cut(name, "#"); file != "" && !slices.Contains(found, file) {
				found = append(found, file)
			}
		}
		return ast.WalkContinue, nil
	})
	return found
}

// resolve returns the path that a relative link in the directory dir leads to, with the fragment. It returns "" for other links, and
// for links out of the tree.
func resolve(link, dir string) string {
	file, fragment, hasFragment := strings.Cut(link, "#")
	u, err := url.Parse(file)
	if dir == "" || err != nil || u.Scheme != "" || u.Host != "" || u.Path == "" || strings.HasPrefix(u.Path, "/") {
		return ""
	}
	name := path.Join(dir, u.Path)
	if name == ".." || strings.HasPrefix(name, "../") {
		return ""
	}
	if hasFragment {
		name += "#" + fragment
	}
	return name
}

package main

import (
	"io"
	"strings"
)

// tree is a line of text with lines below it. Every line is escaped when it is written.
type tree struct {
	text     string
	children []*tree
}

// add puts a line below this one.
func (t *tree) add(cells ...string) *tree {
	child := &tree{text: joinCells(cells)}
	t.children = append(t.children, child)
	return child
}

// joinCells puts two spaces between what is not empty.
func joinCells(cells []string) string {
	var filled []string
	for _, c := range cells {
		if c != "" {
			filled = append(filled, c)
		}
	}
	return strings.Join(filled, "  ")
}

// WriteText draws the tree with its branches.
func (t *tree) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(escape(t.text) + "\n")
	t.draw(&b, "")
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *tree) draw(b *strings.Builder, indent string) {
	for i, child := range t.children {
		branch, below := "├── ", "│   "
		if i == len(t.children)-1 {
			branch, below = "└── ", "    "
		}
		b.WriteString(indent + branch + escape(child.text) + "\n")
		child.draw(b, indent+below)
	}
}

package look

import (
	"bytes"
	"fmt"

	"github.com/davit-oci/davit/internal/term"
	"github.com/davit-oci/davit/internal/term/fields"
	"github.com/davit-oci/davit/pull/inspect"
)

// addConfig draws the fields of a config with their values, and the history of an image.
func addConfig(t *term.Tree, config *inspect.Config) {
	if config == nil || len(config.Content) == 0 || bytes.Equal(bytes.TrimSpace(config.Content), []byte("{}")) {
		return
	}
	all, history := fields.Of(config.Content)
	list := t.Add("config", config.MediaType)
	for i, f := range all {
		if i == maxFields {
			list.Add(fmt.Sprintf("and %s (--config)", term.Plural(len(all)-i, "more field")))
			break
		}
		list.Add(f.Name, f.Value)
	}
	if len(history) > 0 {
		addHistory(t, history)
	}
}

// addHistory draws the steps that made an image.
func addHistory(t *term.Tree, history []fields.Step) {
	list := t.Add("history")
	for i, step := range history {
		if i == maxFields {
			list.Add(fmt.Sprintf("and %s (--config)", term.Plural(len(history)-i, "more step")))
			return
		}
		size := "layer"
		if step.Empty {
			size = "no layer"
		}
		list.Add(size, term.Shorten(step.Text, fields.MaxValue))
	}
}

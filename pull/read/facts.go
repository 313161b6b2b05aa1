package read

import (
	"context"
	"fmt"
	"strings"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds/kind"
)

// facts returns what the config says of the artifact, with its name, files, and license. Facts are optional: a config that
// can't be read has none.
func (s *search) facts(ctx context.Context, m *fetch.Manifest) []kind.Fact {
	if s.kind.Pull.Facts == nil || s.opts.Path != "" || m.Config == nil || fetch.CheckDocument(*m.Config) != nil {
		return nil
	}
	config, err := fetch.FetchBlob(ctx, s.src, *m.Config)
	if err != nil {
		return nil
	}
	facts := kind.CompleteFacts(s.kind.Pull.Facts(config), m.Annotations)
	if len(facts) > 0 && len(s.items) > 0 {
		facts = append(facts, kind.Fact{Name: "files", Value: s.countFiles()})
	}
	return facts
}

// countFiles says how many layers there are, and names the first few.
func (s *search) countFiles() string {
	const few = 8
	var names []string
	for _, it := range s.items[:min(len(s.items), few)] {
		names = append(names, it.Name)
	}
	if more := len(s.items) - few; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

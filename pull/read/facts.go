package read

import (
	"context"

	"github.com/davit-oci/davit/internal/fetch"
	"github.com/davit-oci/davit/internal/kinds/kind"
	"github.com/davit-oci/davit/internal/textdist"
)

// facts returns what the config says of the artifact, with its name, files, and license. Facts are optional: of a config that
// can't be read or says nothing, the files are left.
func (s *search) facts(ctx context.Context, m *fetch.Manifest) []kind.Fact {
	if s.kind.Pull.Facts == nil || s.opts.Path != "" || m.Config == nil || fetch.CheckDocument(*m.Config) != nil {
		return nil
	}
	config, err := fetch.FetchBlob(ctx, s.src, *m.Config)
	if err != nil {
		return nil
	}
	facts := kind.CompleteFacts(s.kind.Pull.Facts(config), m.Annotations)
	if len(s.items) > 0 {
		facts = append(facts, kind.Fact{Name: "files", Value: s.countFiles()})
	}
	return facts
}

// countFiles names the first few layers, and counts the others.
func (s *search) countFiles() string {
	names := make([]string, len(s.items))
	for i, it := range s.items {
		names[i] = it.Name
	}
	return textdist.FirstFew(names)
}

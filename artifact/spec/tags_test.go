package spec

import (
	"slices"
	"testing"
)

// TestTagsBeside checks that a version gets the tags of its range and latest only if no higher version exists there.
func TestTagsBeside(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		version        string
		existing, want []string
	}{
		"no existing tags":                      {"1.2.3", nil, []string{"mine", "1", "1.2", "1.2.3", "latest"}},
		"only lower versions exist":             {"1.2.3", []string{"1", "1.2.2", "0.9.0", "latest"}, []string{"mine", "1", "1.2", "1.2.3", "latest"}},
		"the same version exists":               {"1.2.3", []string{"1.2.3"}, []string{"mine", "1", "1.2", "1.2.3", "latest"}},
		"a later major version exists":          {"1.2.3", []string{"2.0.0"}, []string{"mine", "1", "1.2", "1.2.3"}},
		"a later minor version exists":          {"1.2.3", []string{"1.10.0"}, []string{"mine", "1.2", "1.2.3"}},
		"a later patch version exists":          {"1.2.3", []string{"1.2.4"}, []string{"mine", "1.2.3"}},
		"only a later release candidate exists": {"1.2.3", []string{"2.0.0-rc.1", "v9.0.0", "x"}, []string{"mine", "1", "1.2", "1.2.3", "latest"}},
		"a release candidate":                   {"1.2.3-rc.1", []string{"2.0.0"}, []string{"mine", "1.2.3-rc.1"}},
		"an overflowing number":                 {"99999999999999999999.0.0", []string{"1.0.0"}, []string{"mine", "99999999999999999999", "99999999999999999999.0", "99999999999999999999.0.0", "latest"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &Plan{Tags: append([]string{"mine"}, VersionTags(tt.version)...), Cascade: tt.version}
			if got := p.TagsBeside(tt.existing); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	p := &Plan{Tags: []string{"latest"}}
	if got := p.TagsBeside([]string{"2.0.0"}); !slices.Equal(got, p.Tags) {
		t.Errorf("without a cascade: got %q, want %q", got, p.Tags)
	}
}

package versions

import (
	"slices"
	"strings"
	"testing"
)

func TestRange(t *testing.T) {
	t.Parallel()
	tags := []string{"latest", "1", "1.2", "1.2.0", "v1.2.4", "1.10.0", "1.11.0-rc.1", "2.0.0", "2.1.0-beta", "1.2.3_build.1", "0.9.0", "01.2.3", "1.2.3.4", "sha256-aa.sig"}
	for text, want := range map[string]string{
		"^1.2":         "1.10.0 v1.2.4 1.2.3_build.1 1.2.0",
		"^1.2-0":       "1.11.0-rc.1 1.10.0 v1.2.4 1.2.3_build.1 1.2.0",
		"~1.2":         "v1.2.4 1.2.3_build.1 1.2.0",
		">=1.2.4, <2":  "1.10.0 v1.2.4",
		"*":            "2.0.0 1.10.0 v1.2.4 1.2.3_build.1 1.2.0 0.9.0",
		"1.2.0":        "1.2.0",
		"0.x || ^2":    "2.0.0 0.9.0",
		"^3":           "",
		">1.2.0 <1.10": "v1.2.4 1.2.3_build.1",
	} {
		r, err := ParseRange(text)
		if err != nil {
			t.Errorf("%s: got %v, want no error", text, err)
			continue
		}
		if got := strings.Join(r.Matching(tags), " "); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	r, _ := ParseRange("^2")
	if got := r.PreReleases(tags); !slices.Equal(got, []string{"2.1.0-beta"}) {
		t.Errorf("got the pre-releases %q, want 2.1.0-beta", got)
	}
	for _, text := range []string{"latest", "^", "1.2.3.4", strings.Repeat("1 || ", 20) + "1", strings.Repeat(">1,", 300)} {
		if r, err := ParseRange(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, r)
		}
	}
}

func FuzzRange(f *testing.F) {
	for _, text := range []string{"^1.2", "~1", ">=1.2, <2", "1.x || 2", "*"} {
		f.Add(text, "1.2.3")
	}
	f.Fuzz(func(t *testing.T, text, tag string) {
		r, err := ParseRange(text)
		if err != nil {
			return
		}
		if got := r.Matching([]string{tag}); len(got) > 1 {
			t.Errorf("%q: got %q, want at most one tag", text, got)
		}
	})
}

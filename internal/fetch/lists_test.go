package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/fetch"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tagPages is a source of tags in pages. The function page returns nil after the last page.
type tagPages struct {
	page func(ctx context.Context, i int) ([]string, error)
}

func (p tagPages) Tags(ctx context.Context, _ string, fn func([]string) error) error {
	for i := 0; ; i++ {
		page, err := p.page(ctx, i)
		if page == nil || err != nil {
			return err
		}
		if err := fn(page); err != nil {
			return err
		}
	}
}

func TestListTags(t *testing.T) {
	t.Parallel()
	numbered := func(from, n int) []string {
		page := make([]string, n)
		for i := range page {
			page[i] = fmt.Sprintf("v%d", from+i)
		}
		return page
	}
	tests := []struct {
		name string
		page func(i int) []string
		want int // tags; -1: refused
	}{
		{"none", func(int) []string { return nil }, 0},
		{"some pages", func(i int) []string {
			if i == 3 {
				return nil
			}
			return numbered(1000*i, 1000)
		}, 3000},
		{"a million", func(i int) []string {
			if i == 10 {
				return nil
			}
			return numbered(100_000*i, 100_000)
		}, 1_000_000},
		{"endless", func(i int) []string { return numbered(i, 50_000) }, -1},
		{"endless, of empty tags", func(int) []string { return make([]string, 500_000) }, -1},
		{"one tag of maximum length", func(i int) []string {
			if i == 1 {
				return nil
			}
			return []string{strings.Repeat("a", 128)}
		}, 1},
		{"tag too long", func(int) []string { return []string{strings.Repeat("a", 129)} }, -1},
		{"tag of megabytes with escapes", func(int) []string { return []string{strings.Repeat("\x1b[31m", 1<<20)} }, -1},
		{"endless, of long tags", func(int) []string { return slices.Repeat([]string{strings.Repeat("a", 128)}, 1000) }, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := fetch.ListTags(t.Context(), tagPages{func(_ context.Context, i int) ([]string, error) { return test.page(i), nil }})
			switch {
			case test.want < 0 && !errors.Is(err, artifact.ErrRefused):
				t.Errorf("got %d tags, %v, want ErrRefused", len(got), err)
			case test.want < 0 && (len(err.Error()) > 500 || strings.Contains(err.Error(), "\x1b")):
				t.Errorf("got the message %.600q, want at most 500 bytes without escapes", err.Error())
			case test.want >= 0 && (err != nil || len(got) != test.want):
				t.Errorf("got %d tags, %v, want %d", len(got), err, test.want)
			}
		})
	}
}

// TestSomeTags checks that SomeTags reads only one page, and waits at most two seconds for a source that does not respond.
func TestSomeTags(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		got, _ := fetch.SomeTags(t.Context(), tagPages{func(context.Context, int) ([]string, error) {
			pages++
			return make([]string, 5000), nil
		}})
		if len(got) != 1000 || pages != 1 {
			t.Errorf("got %d tags from %d pages, want 1000 from one", len(got), pages)
		}
		start := time.Now()
		got, _ = fetch.SomeTags(t.Context(), tagPages{func(ctx context.Context, _ int) ([]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if took := time.Since(start); len(got) != 0 || took > 2*time.Second {
			t.Errorf("no response: got %q after %v, want no tags after at most 2s", got, took)
		}
	})
}

func TestReferrerBudget(t *testing.T) {
	t.Parallel()
	subject := ocispec.Descriptor{Digest: "sha256:aa"}
	plain := make([]ocispec.Descriptor, 1000)
	large := []ocispec.Descriptor{{Annotations: map[string]string{"a": strings.Repeat("x", 4<<20)}}}
	many := []ocispec.Descriptor{{Annotations: map[string]string{}}}
	for i := range 200_000 {
		many[0].Annotations[fmt.Sprint(i)] = ""
	}
	for name, test := range map[string]struct {
		page []ocispec.Descriptor
		most int // pages that fit
	}{"many": {plain, 10}, "large": {large, 5}, "many annotations": {many, 1}} {
		var b fetch.ReferrerBudget
		taken := 0
		for taken < 100 && b.Take(subject, test.page) == nil {
			taken++
		}
		if err := b.Take(subject, test.page); taken != test.most || !errors.Is(err, artifact.ErrRefused) {
			t.Errorf("%s: got %d pages, then %v, want %d, then ErrRefused", name, taken, err, test.most)
		}
	}
}

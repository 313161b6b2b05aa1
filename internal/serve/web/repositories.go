package web

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/concurrency"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/pull/inspect"
)

// perPage limits the repositories or tags on one page: each costs requests.
const perPage = 50

// repositoryList is the content of the first page.
type repositoryList struct {
	Query string // the search
	Found int
	Rows  []repositoryRow
	Next  string // query string of the next page
}

// repositoryRow describes a repository by its newest tag.
type repositoryRow struct {
	Name, Path string
	Tags       int
	Newest     string
	NewestPath string
	Kind       string
	Size       int64
	Age        string
	Problem    string // why fields are missing
}

// showRepositories lists the repositories.
func (h *handler) showRepositories(c *call) (*page, error) {
	names, err := h.source.Repositories(c.Context())
	if err != nil {
		return nil, err
	}
	query := c.URL.Query()
	list := &repositoryList{Query: query.Get("q")}
	if words := strings.Fields(strings.ToLower(list.Query)); len(words) > 0 {
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(strings.ToLower(name), word) })
		})
	}
	list.Found = len(names)
	names, list.Next = pageOf(names, query)
	links := make([]view.Link, len(names))
	for i, name := range names {
		links[i] = view.NewLink(name, view.PathTo(name, "", ""))
	}
	describe := func(ctx context.Context) any {
		list.Rows = make([]repositoryRow, len(names))
		_ = concurrency.Each(ctx, len(names), func(ctx context.Context, i int) error {
			list.Rows[i] = h.describeRepository(ctx, names[i])
			return nil
		})
		return list
	}
	return &page{template: "repositories.html", Title: "Repositories", Data: list, sections: []section{
		{template: "repositories", make: describe, waiting: waiting{"The tags of the repositories are being read.", links}},
	}}, nil
}

// pageOf returns the page of a list that the query selects, and the query string of the next page.
func pageOf(list []string, query url.Values) (part []string, next string) {
	if after := query.Get("after"); after != "" {
		if i := slices.Index(list, after); i >= 0 {
			list = list[i+1:]
		}
	}
	if len(list) > perPage {
		list = list[:perPage]
		query.Set("after", list[perPage-1])
		next = "?" + query.Encode()
	}
	return list, next
}

// describeRepository describes a repository by its newest tag. It reports an error as the Problem of the row.
func (h *handler) describeRepository(ctx context.Context, name string) repositoryRow {
	row := repositoryRow{Name: name, Path: view.PathTo(name, "", "")}
	target, err := h.source.Open(ctx, name)
	if err != nil {
		row.Problem = h.explain(err)
		return row
	}
	tags, err := registry.Tags(ctx, target, registry.TagOptions{ByVersion: true})
	if err != nil {
		row.Problem = h.explain(err)
		return row
	}
	row.Tags = len(tags)
	if len(tags) == 0 {
		return row
	}
	row.Newest, row.NewestPath = tags[0], view.PathTo(name, ":", tags[0])
	info, err := inspect.Inspect(ctx, target, tags[0], inspect.Options{})
	if err != nil {
		row.Problem = h.explain(err)
		return row
	}
	row.Kind, row.Size, row.Age = view.KindOf(info), info.TotalSize, view.Day(view.Created(info))
	return row
}

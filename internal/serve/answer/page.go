package answer

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// maxPage limits the entries in one page of a list.
const maxPage = 10_000

// Page returns the part of a sorted list that the query requests: the entries after last, at most n and at most maxPage. If
// more follow, it sets the header Link. It fails with status 400 if n is not a valid number.
func Page(w http.ResponseWriter, r *http.Request, list []string) ([]string, error) {
	query := r.URL.Query()
	if last := query.Get("last"); last != "" {
		i, found := slices.BinarySearch(list, last)
		if found {
			i++
		}
		list = list[i:]
	}
	n := maxPage
	if query.Has("n") {
		requested, err := strconv.Atoi(query.Get("n"))
		if err != nil || requested < 0 {
			return nil, Refuse(http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n=%q is not a number of entries", query.Get("n"))
		}
		n = min(n, requested)
	}
	if n >= len(list) {
		return list, nil
	}
	if n > 0 {
		LinkNext(w, r, list[n-1])
	}
	return list[:n], nil
}

// LinkNext sets the header Link to the page after the entry last.
func LinkNext(w http.ResponseWriter, r *http.Request, last string) {
	query := r.URL.Query()
	query.Set("last", last)
	next := url.URL{Path: r.URL.Path, RawQuery: query.Encode()}
	w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
}

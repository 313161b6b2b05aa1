package credentials

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/clients"
)

// TestFindsLikeSkopeo checks that Find and skopeo find the same user in a file with two keys, for every pair of keys.
func TestFindsLikeSkopeo(t *testing.T) {
	t.Parallel()
	client := clients.New(t, "skopeo")
	keys := []string{
		"r.example", "r.example:5000", "r.example/ns", "r.example/ns/app", "r.example/n", "r.example:5000/ns", "https://r.example", "https://r.example/v1/",
		"docker.io", "docker.io/ns", "https://index.docker.io/v1/", "index.docker.io",
	}
	queries := []string{"r.example/ns/app", "r.example/ns", "r.example/other", "r.example:5000/ns/app", "docker.io/ns/app", "docker.io/other/app"}
	for i, one := range keys {
		for _, two := range keys[i:] {
			if one != two && areEqualInSkopeo(one, two) {
				continue // skopeo chooses one of them at random
			}
			var auths []string
			for _, key := range slices.Compact([]string{one, two}) {
				auths = append(auths, fmt.Sprintf(`%q:{"auth":%q}`, key, basic(strings.ReplaceAll(key, ":", "_")+":pw"))) // a user name can't contain a colon
			}
			path := write(t, "auth.json", `{"auths":{`+strings.Join(auths, ",")+`}}`)
			for _, query := range queries {
				theirs, _, err := client.Try("login", "--get-login", "--authfile", path, query)
				if err != nil {
					theirs = ""
				}
				host, repository, _ := strings.Cut(query, "/")
				if host == "docker.io" {
					host = "registry-1.docker.io"
				}
				ours, err := NewStore(Options{File: path}).Find(t.Context(), host, repository)
				if err != nil || ours.Username != strings.TrimSpace(theirs) {
					t.Errorf("keys %s, %s, for %s: got %q, %v, skopeo has %q", one, two, query, ours.Username, err, strings.TrimSpace(theirs))
				}
			}
		}
	}
}

// areEqualInSkopeo reports whether skopeo treats two keys as equal, because it removes the scheme and the path of a URL.
func areEqualInSkopeo(one, two string) bool {
	host := func(key string) string {
		rest, isURL := strings.CutPrefix(key, "https://")
		if isURL {
			rest, _, _ = strings.Cut(rest, "/")
		}
		return rest
	}
	return host(one) == host(two)
}

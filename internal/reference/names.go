package reference

import (
	"fmt"
	"strings"
)

// SplitName splits a name of an index: HOST/REPO:TAG or REPO:TAG, where no tag means "latest". A bare tag has no repository,
// and belongs to every one. A name of neither form has no tag.
func SplitName(name string) (host, repository, tag string) {
	if TagPattern().MatchString(name) {
		return "", "", name
	}
	name, _, _ = strings.Cut(name, "@")
	tag = "latest"
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	if first, rest, ok := strings.Cut(name, "/"); ok && LooksLikeHost(first) {
		host, name = first, rest
	}
	if ValidateRepository(host, name, "") != nil || ValidateTag(tag) != nil {
		return "", "", ""
	}
	return host, name, tag
}

// CheckName reports why a name in a layout is invalid, which is a tag, or a repository with a tag; nil: it is valid.
func CheckName(name string) error {
	if !strings.ContainsAny(name, "/:") {
		return ValidateTag(name)
	}
	if _, repository, tag := SplitName(name); repository == "" || tag == "" {
		return fmt.Errorf("invalid name %q", name)
	}
	return nil
}

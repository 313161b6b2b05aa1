package reference

import (
	"fmt"
	"strings"
)

// SplitName splits the name of an entry in an index: HOST/REPO:TAG or REPO:TAG, where a missing tag means "latest". A name that is
// only a tag belongs to every repository. For any other name, all results are empty.
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

// CheckName returns an error if a name in a layout is neither a tag nor a repository with a tag.
func CheckName(name string) error {
	if !strings.ContainsAny(name, "/:") {
		return ValidateTag(name)
	}
	if _, repository, tag := SplitName(name); repository == "" || tag == "" {
		return fmt.Errorf("invalid name %q", name)
	}
	return nil
}

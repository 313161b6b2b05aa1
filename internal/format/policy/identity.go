package policy

import (
	"fmt"
	"strings"
)

// Identity determines which name must be in a signature. A nil *Identity means the type "matchRepoDigestOrExact".
type Identity struct {
	Type       string `json:"type"`
	Reference  string `json:"dockerReference"`
	Repository string `json:"dockerRepository"`
	Prefix     string `json:"prefix"`
	Signed     string `json:"signedPrefix"`
}

const (
	matchExact       = "matchExact"
	matchRepoOrExact = "matchRepoDigestOrExact"
	matchRepository  = "matchRepository"
	exactReference   = "exactReference"
	exactRepository  = "exactRepository"
	remapIdentity    = "remapIdentity"
)

func (i *Identity) check() error {
	if i == nil {
		return nil
	}
	missing := false
	switch i.Type {
	case matchExact, matchRepoOrExact, matchRepository:
	case exactReference:
		missing = i.Reference == ""
	case exactRepository:
		missing = i.Repository == ""
	case remapIdentity:
		missing = i.Prefix == "" || i.Signed == ""
	default:
		return fmt.Errorf("unknown signedIdentity %q", i.Type)
	}
	if missing {
		return fmt.Errorf("signedIdentity %q: a field is missing", i.Type)
	}
	return nil
}

// Accepts reports whether a signature of the name signed counts for an artifact with the name HOST/REPO and a tag, which is ""
// if the artifact was requested by digest. An artifact in a layout has the name "": then signed must match a name that the
// identity itself states.
func (i *Identity) Accepts(signed, name, tag string) bool {
	kind := matchRepoOrExact
	if i != nil {
		kind = i.Type
	}
	signedName, signedTag := splitReference(signed)
	switch kind {
	case exactReference:
		want, wantTag := splitReference(i.Reference)
		return signedName == want && signedTag == wantTag
	case exactRepository:
		want, _ := splitReference(i.Repository)
		return signedName == want
	case remapIdentity:
		if rest, ok := strings.CutPrefix(name, i.Prefix); ok && (rest == "" || rest[0] == '/') {
			name = i.Signed + rest
		}
	}
	if name == "" || signedName != normalize(name) {
		return false
	}
	switch kind {
	case matchRepository:
		return true
	case matchExact:
		return tag != "" && tag == signedTag
	}
	return tag == "" || tag == signedTag
}

// splitReference returns the name and the tag of a reference.
func splitReference(reference string) (name, tag string) {
	name, _, _ = strings.Cut(reference, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name, tag = name[:colon], name[colon+1:]
	}
	return normalize(name), tag
}

// normalize completes a name as docker does: nginx is docker.io/library/nginx.
func normalize(name string) string {
	host, rest, ok := strings.Cut(name, "/")
	if !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		host, rest = "", name
	}
	if host == "" || host == "index.docker.io" {
		host = "docker.io"
	}
	if host == "docker.io" && !strings.Contains(rest, "/") {
		rest = "library/" + rest
	}
	return host + "/" + rest
}

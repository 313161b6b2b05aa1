package policy

import (
	"fmt"
	"strings"
)

// Identity determines which name must be in a signature. A nil *Identity means the type "matchRepoDigestOrExact".
type Identity struct {
	Type         string `json:"type"`
	Reference    string `json:"dockerReference"`
	Repository   string `json:"dockerRepository"`
	Prefix       string `json:"prefix"`
	SignedPrefix string `json:"signedPrefix"`
}

// The types of identities.
const (
	matchExact             = "matchExact"
	matchRepoDigestOrExact = "matchRepoDigestOrExact"
	matchRepository        = "matchRepository"
	exactReference         = "exactReference"
	exactRepository        = "exactRepository"
	remapIdentity          = "remapIdentity"
)

// check fails if the type is unknown or lacks a field that it requires.
func (i *Identity) check() error {
	if i == nil {
		return nil
	}
	missing := ""
	switch i.Type {
	case matchExact, matchRepoDigestOrExact, matchRepository:
	case exactReference:
		if i.Reference == "" {
			missing = "dockerReference"
		}
	case exactRepository:
		if i.Repository == "" {
			missing = "dockerRepository"
		}
	case remapIdentity:
		if i.Prefix == "" {
			missing = "prefix"
		} else if i.SignedPrefix == "" {
			missing = "signedPrefix"
		}
	default:
		return fmt.Errorf("unknown signedIdentity type %q", i.Type)
	}
	if missing != "" {
		return fmt.Errorf("signedIdentity %q requires %s", i.Type, missing)
	}
	return nil
}

// Accepts reports whether the identity allows the name signed in a signature of an artifact. The name of the artifact is HOST/REPO,
// or "" if it is in a layout: then only exactReference and exactRepository can match. The tag is "" if the artifact was requested
// by digest.
func (i *Identity) Accepts(signed, name, tag string) bool {
	kind := matchRepoDigestOrExact
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
			name = i.SignedPrefix + rest
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

// splitReference returns the normalized name and the tag of a reference. The tag is "" if the reference has none.
func splitReference(reference string) (name, tag string) {
	name, _, _ = strings.Cut(reference, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name, tag = name[:colon], name[colon+1:]
	}
	return normalize(name), tag
}

// normalize expands a name as Docker does: nginx and index.docker.io/nginx become docker.io/library/nginx.
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

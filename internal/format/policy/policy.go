// Package policy reads containers-policy.json(5), which configures the signatures that podman, skopeo, and CRI-O require of
// images.
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// MaxSize limits the size of a policy file, in bytes.
const MaxSize = 4 << 20

// The types of requirements.
const (
	AcceptAnything = "insecureAcceptAnything"
	Reject         = "reject"
	SignedBy       = "signedBy"       // a GPG signature
	SigstoreSigned = "sigstoreSigned" // a sigstore signature
)

// Policy lists the requirements that an artifact must meet before it may be read.
type Policy struct {
	Default    []Requirement
	Transports map[string]map[string][]Requirement // by transport ("docker", "oci", ...), then by scope
}

// Requirement is one condition. All requirements of a scope must hold.
type Requirement struct {
	Type           string    `json:"type"`
	KeyPath        string    `json:"keyPath"`
	KeyPaths       []string  `json:"keyPaths"`
	KeyData        []byte    `json:"keyData"`
	KeyDatas       [][]byte  `json:"keyDatas"`
	SignedIdentity *Identity `json:"signedIdentity"`

	// Keyless is set if a requirement of type SigstoreSigned trusts certificates instead of keys.
	Keyless bool `json:"-"`
}

// Parse reads a policy. Like podman, it refuses unknown fields of the policy and unknown types of requirements, which it
// could not check.
func Parse(data []byte) (*Policy, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("policy too large: limit is %d MiB", MaxSize>>20)
	}
	var raw struct {
		Default    []json.RawMessage                       `json:"default"`
		Transports map[string]map[string][]json.RawMessage `json:"transports"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("invalid policy: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("invalid policy: data after the end")
	}
	if len(raw.Default) == 0 {
		return nil, errors.New("invalid policy: no default")
	}
	p := &Policy{Transports: map[string]map[string][]Requirement{}}
	var err error
	if p.Default, err = parseRequirements(raw.Default); err != nil {
		return nil, fmt.Errorf("invalid policy: default: %w", err)
	}
	for transport, scopes := range raw.Transports {
		p.Transports[transport] = map[string][]Requirement{}
		for scope, list := range scopes {
			if p.Transports[transport][scope], err = parseRequirements(list); err != nil {
				return nil, fmt.Errorf("invalid policy: %s %q: %w", transport, scope, err)
			}
		}
	}
	return p, nil
}

// parseRequirements reads the requirements of a scope. It fails if the list is empty.
func parseRequirements(list []json.RawMessage) ([]Requirement, error) {
	if len(list) == 0 {
		return nil, errors.New("no requirements")
	}
	all := make([]Requirement, len(list))
	for i, raw := range list {
		if err := all[i].parse(raw); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parse reads a requirement. It fails if the type is unknown, or if the keys or the identity of the type SigstoreSigned are invalid.
func (r *Requirement) parse(data []byte) error {
	if err := json.Unmarshal(data, r); err != nil {
		return err
	}
	switch r.Type {
	case AcceptAnything, Reject, SignedBy:
		return nil
	case SigstoreSigned:
	default:
		return fmt.Errorf("unknown type %q", r.Type)
	}
	sources := 0
	for _, given := range []bool{r.KeyPath != "", len(r.KeyPaths) > 0, len(r.KeyData) > 0, len(r.KeyDatas) > 0} {
		if given {
			sources++
		}
	}
	var keyless struct{ Fulcio, PKI json.RawMessage }
	if err := json.Unmarshal(data, &keyless); err != nil {
		return err
	}
	if keyless.Fulcio != nil || keyless.PKI != nil {
		sources++
		r.Keyless = true
	}
	if sources != 1 {
		return fmt.Errorf("%s needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki", SigstoreSigned)
	}
	return r.SignedIdentity.check()
}

// For returns the requirements for an artifact in a registry: those of the most specific scope in the policy, or else the default.
// The scopes, most specific first, are the reference, the repository, its parents, the registry, its parent domains
// ("*.example.com"), and the transport. name is HOST/REPO, and reference is HOST/REPO:TAG or HOST/REPO@DIGEST.
func (p *Policy) For(name, reference string) []Requirement {
	scopes := []string{reference}
	for at := name; at != "." && at != "/"; at = path.Dir(at) {
		scopes = append(scopes, at)
	}
	host, _, _ := strings.Cut(name, "/")
	for domain := host; ; {
		_, rest, ok := strings.Cut(domain, ".")
		if !ok {
			break
		}
		scopes = append(scopes, "*."+rest)
		domain = rest
	}
	return p.find("docker", scopes)
}

// ForPath returns the requirements for an artifact in an image layout (transport "oci") or in an archive of one ("oci-archive"):
// those of the path, of its closest parent directory in the policy, of the transport, or else the default. name is the absolute path.
func (p *Policy) ForPath(transport, name string) []Requirement {
	var scopes []string
	for at := path.Clean(name); at != "/" && at != "."; at = path.Dir(at) {
		scopes = append(scopes, at)
	}
	return p.find(transport, scopes)
}

// find returns the requirements for the first of scopes that the policy lists under a transport. If it lists none of them, the
// transport's default applies, and without one, the policy's.
func (p *Policy) find(transport string, scopes []string) []Requirement {
	known := p.Transports[transport]
	for _, scope := range append(scopes, "") {
		if found, ok := known[scope]; ok {
			return found
		}
	}
	return p.Default
}

// Package trust finds the signatures of an artifact, and determines which of them were made by a given key.
//
// Only the caller's keys are trusted. A certificate, a log entry, or a timestamp in a signature is shown, but is never evidence.
package trust

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/format/sigkey"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
)

// MaxSignatures limits the signatures of one manifest that are read. A manifest with more is refused, because an attacker can add any
// number.
const MaxSignatures = 100

// Key is a public key, and its name in results.
type Key struct {
	key  *sigkey.Public
	Name string
}

// ParseKey reads a public key in PEM: ECDSA on P-256, P-384, or P-521, RSA with at least 2048 bits, or Ed25519. In results,
// the key has the given name. For any other input, the error names the format.
func ParseKey(data []byte, name string) (Key, error) {
	key, err := sigkey.ParsePublic(data)
	return Key{key, name}, err
}

// Hint returns the key hint that signatures contain: the SHA-256 of the key in base64.
func (k Key) Hint() string { return k.key.Hint() }

// Options determine which signatures are accepted.
type Options struct {
	// Keys are the trusted keys. A signature by any of them is accepted.
	Keys []Key
	// Accepts reports whether a legacy signature for the repository with this name is accepted. Nil accepts every name.
	// Bundles bind only the digest, so Accepts is not called for them.
	Accepts func(repository string) bool
	// Require lists attachments that must exist and be signed, too: the name of a kind ("sbom"), whose manifest must be signed, or
	// "attestation=URI" with the URI of a predicate type, whose envelope must be signed.
	Require []string
}

// Signature is one signature that was found.
type Signature struct {
	Subject     digest.Digest     `json:"subject"`           // of the signed manifest
	Format      string            `json:"format"`            // bundle, or legacy
	Digest      digest.Digest     `json:"digest"`            // of the manifest with the signature
	Tag         string            `json:"tag,omitempty"`     // of a legacy signature
	KeyHint     string            `json:"keyHint,omitempty"` // as the signer wrote it
	Identity    string            `json:"identity,omitempty"`
	Issuer      string            `json:"issuer,omitempty"`
	Repository  string            `json:"repository,omitempty"` // that a legacy signature is bound to
	Annotations map[string]string `json:"annotations,omitempty"`
	Verified    bool              `json:"verified"`          // one of the keys made it
	Key         string            `json:"key,omitempty"`     // the name of that key
	Problem     string            `json:"problem,omitempty"` // why the signature is not valid, regardless of the keys
}

// Report lists the signatures and attachments that Verify found.
type Report struct {
	Signatures []Signature `json:"signatures"`
	Required   []Required  `json:"required,omitempty"`
}

// Required is a required attachment that is signed.
type Required struct {
	Name   string        `json:"name"`
	Digest digest.Digest `json:"digest"`
	Key    string        `json:"key"`
}

// Verified returns the first signature that one of the keys made, or nil.
func (r *Report) Verified() *Signature {
	for i := range r.Signatures {
		if r.Signatures[i].Verified {
			return &r.Signatures[i]
		}
	}
	return nil
}

// NotSignedError reports that none of the keys signed a manifest or a required attachment. It is an artifact.ErrRefused.
type NotSignedError struct {
	Subject    digest.Digest
	Required   string      // the required attachment that is missing, or ""
	Attached   bool        // the required attachment exists, but is not signed
	Signatures []Signature // not verified by a trusted key
}

// Error names the subject, and up to three of the signers that were found.
func (e *NotSignedError) Error() string {
	what := e.Subject.String()
	if e.Required != "" {
		if !e.Attached {
			return fmt.Sprintf("%s: no %s is attached", what, e.Required)
		}
		what = e.Required + " of " + what
	}
	if len(e.Signatures) == 0 {
		return what + ": not signed"
	}
	var by []string
	for _, s := range e.Signatures {
		signer := "another key"
		switch {
		case s.Problem != "":
			signer = s.Problem
		case s.Identity != "":
			signer = "certificate of " + s.Identity
		case s.KeyHint != "":
			signer = "key " + s.KeyHint
		}
		if !slices.Contains(by, signer) { // of an index and its manifests, one key may have signed several
			by = append(by, signer)
		}
	}
	if len(by) > 3 {
		by = append(by[:3], fmt.Sprintf("%d more", len(by)-3))
	}
	return fmt.Sprintf("%s: not signed by a trusted key; found: %s", what, strings.Join(by, ", "))
}

// Unwrap returns artifact.ErrRefused.
func (e *NotSignedError) Unwrap() error { return artifact.ErrRefused }

// Verify checks that one of the keys signed one of the manifests: an index and the manifest chosen from it, or a single manifest. It
// returns the signatures that it read, and the required attachments. It fails with a *NotSignedError if none of the manifests has a
// verified signature, or if a required attachment has none, and with artifact.ErrRefused for more than MaxSignatures signatures.
func Verify(ctx context.Context, src oras.ReadOnlyGraphTarget, manifests []ocispec.Descriptor, opts Options) (*Report, error) {
	v := &verifier{src: src, opts: opts}
	r := &Report{}
	for _, m := range manifests {
		found, err := v.readSignatures(ctx, m, true)
		if err != nil {
			return nil, err
		}
		r.Signatures = append(r.Signatures, found...)
		if r.Verified() != nil {
			break
		}
	}
	if r.Verified() == nil {
		return r, &NotSignedError{Subject: manifests[0].Digest, Signatures: r.Signatures}
	}
	for _, name := range opts.Require {
		one, err := v.require(ctx, manifests, name)
		if err != nil {
			return r, err
		}
		r.Required = append(r.Required, *one)
	}
	return r, nil
}

// List returns the signatures of a manifest. Verified is set for those that one of the keys made. List fails with
// artifact.ErrRefused for more than MaxSignatures signatures.
func List(ctx context.Context, src oras.ReadOnlyGraphTarget, manifest ocispec.Descriptor, opts Options) ([]Signature, error) {
	v := &verifier{src: src, opts: opts}
	return v.readSignatures(ctx, manifest, false)
}

// verifier reads signatures from one source.
type verifier struct {
	src  oras.ReadOnlyGraphTarget
	opts Options
}

// readSignatures reads the signatures of a manifest: bundles first, then legacy ones, which takes one more request. If stop is set, it
// reads no more than it needs to find a verified one.
func (v *verifier) readSignatures(ctx context.Context, subject ocispec.Descriptor, stop bool) ([]Signature, error) {
	all, err := v.readBundles(ctx, subject, stop)
	if err != nil {
		return nil, err
	}
	if stop && len(all) > 0 && all[len(all)-1].Verified {
		return all, nil
	}
	legacy, err := v.readLegacy(ctx, subject)
	if err != nil {
		return nil, err
	}
	return append(all, legacy...), nil
}

// keyOf returns the name of the first key for which signed returns true.
func (v *verifier) keyOf(signed func(*sigkey.Public) bool) (name string, found bool) {
	for _, k := range v.opts.Keys {
		if signed(k.key) {
			return k.Name, true
		}
	}
	return "", false
}

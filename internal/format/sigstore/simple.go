package sigstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
)

// The media type of a payload in the manifest behind a signature tag, the annotation of its layer that has the signature, and
// the type in the payload (cosign, specs/SIGNATURE_SPEC.md).
const (
	SimpleSigning         = "application/vnd.dev.cosign.simplesigning.v1+json"
	SignatureAnnotation   = "dev.cosignproject.cosign/signature"
	CertificateAnnotation = "dev.sigstore.cosign/certificate"
	simpleType            = "cosign container image signature"
)

// Simple is the payload of a signature behind a tag like sha256-….sig: simple signing, as containers' clients read it.
type Simple struct {
	Reference string            // the name of the repository, which is part of the signed data
	Digest    digest.Digest     // of the manifest
	Optional  map[string]string // annotations; other values than strings are left out
}

type simpleDocument struct {
	Critical simpleCritical  `json:"critical"`
	Optional json.RawMessage `json:"optional"`
}

type simpleCritical struct {
	Identity struct {
		Reference string `json:"docker-reference"`
	} `json:"identity"`
	Image struct {
		Digest digest.Digest `json:"docker-manifest-digest"`
	} `json:"image"`
	Type string `json:"type"`
}

// Encode returns the payload as JSON. The same values make the same bytes.
func (s Simple) Encode() ([]byte, error) {
	var d simpleDocument
	d.Critical.Identity.Reference, d.Critical.Image.Digest, d.Critical.Type = s.Reference, s.Digest, simpleType
	optional, err := json.Marshal(s.Optional) // null without annotations, as cosign writes it
	if err != nil {
		return nil, err
	}
	d.Optional = optional
	return json.Marshal(d)
}

// ParseSimple reads a payload. An unknown field in its critical part is an error: it may limit what
// the signature means.
func ParseSimple(data []byte) (*Simple, error) {
	var outer struct {
		Critical json.RawMessage `json:"critical"`
		Optional map[string]any  `json:"optional"`
	}
	if err := json.Unmarshal(data, &outer); err != nil {
		return nil, fmt.Errorf("invalid signature payload: %w", err)
	}
	if len(outer.Critical) == 0 {
		return nil, errors.New("invalid signature payload: no critical part")
	}
	var c simpleCritical
	d := json.NewDecoder(bytes.NewReader(outer.Critical))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("invalid signature payload: %w", err)
	}
	if c.Type != simpleType {
		return nil, fmt.Errorf("unknown signature type %q", c.Type)
	}
	if c.Image.Digest.Validate() != nil {
		return nil, fmt.Errorf("invalid signature payload: invalid digest %.200q", c.Image.Digest)
	}
	s := &Simple{Reference: c.Identity.Reference, Digest: c.Image.Digest}
	for k, v := range outer.Optional {
		if text, ok := v.(string); ok {
			if s.Optional == nil {
				s.Optional = map[string]string{}
			}
			s.Optional[k] = text
		}
	}
	return s, nil
}

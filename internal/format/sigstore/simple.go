package sigstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
)

// The names in the manifest of a signature tag (cosign, specs/SIGNATURE_SPEC.md).
const (
	SimpleSigning         = "application/vnd.dev.cosign.simplesigning.v1+json" // the media type of a layer with a payload
	SignatureAnnotation   = "dev.cosignproject.cosign/signature"               // of the layer
	CertificateAnnotation = "dev.sigstore.cosign/certificate"                  // of the layer
	simpleType            = "cosign container image signature"                 // the type in the payload
)

// Simple is the payload of a signature in the simple signing format. cosign stores it under a tag such as sha256-….sig, and podman
// and skopeo read it.
type Simple struct {
	Reference string            // the repository that the signer named
	Digest    digest.Digest     // of the manifest
	Optional  map[string]string // annotations; values other than strings are dropped
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

// Encode returns the payload as JSON. The result is deterministic.
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

// ParseSimple reads a payload. It fails if the critical part has an unknown field, which may restrict the meaning of the
// signature.
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

package sigstore

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/davit-oci/davit/internal/jsonwalk"
	"github.com/opencontainers/go-digest"
)

// CosignSign is the predicate type of a signature, as opposed to an attestation (cosign, pkg/types/predicate.go).
const CosignSign = "https://sigstore.dev/cosign/sign/v1"

// The types of in-toto statements.
const (
	statementV1 = "https://in-toto.io/Statement/v1"
	statementV0 = "https://in-toto.io/Statement/v0.1" // in attestations before 2023
)

// Statement is an in-toto statement about one artifact.
type Statement struct {
	Type          string          `json:"_type"`
	Subjects      []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Subject is the artifact that a statement describes.
type Subject struct {
	Name        string            `json:"name,omitempty"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

// SignatureOf returns the statement that "cosign sign" signs. The annotations are those of its flag -a.
func SignatureOf(d digest.Digest, annotations map[string]string) Statement {
	var all map[string]any
	for k, v := range annotations {
		if all == nil {
			all = map[string]any{}
		}
		all[k] = v
	}
	return Statement{
		Type:          statementV1,
		Subjects:      []Subject{{Digest: map[string]string{d.Algorithm().String(): d.Encoded()}, Annotations: all}},
		PredicateType: CosignSign,
		Predicate:     json.RawMessage("{}"),
	}
}

// limits bounds the memory for decoding a bundle or the subjects of a statement. A log entry with its proof has a few hundred values,
// and a payload is a single value.
var limits = jsonwalk.Limits{Objects: 1000, Values: 20_000}

// parse reads a statement. It does not decode the predicate, which may be large.
func (s *Statement) parse(data []byte) error {
	var parts struct {
		Type          string          `json:"_type"`
		Subjects      json.RawMessage `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     json.RawMessage `json:"predicate"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if err := limits.Check(parts.Subjects); err != nil {
		return fmt.Errorf("subjects: %w", err)
	}
	*s = Statement{Type: parts.Type, PredicateType: parts.PredicateType, Predicate: parts.Predicate}
	if parts.Subjects == nil {
		return nil
	}
	return json.Unmarshal(parts.Subjects, &s.Subjects)
}

// check fails unless the statement has a known type, one subject, and a predicate type.
func (s *Statement) check() error {
	switch {
	case s.Type != statementV1 && s.Type != statementV0:
		return fmt.Errorf("unknown statement type %q", s.Type)
	case len(s.Subjects) != 1:
		return fmt.Errorf("%d subjects in a statement, want 1", len(s.Subjects))
	case s.PredicateType == "":
		return errors.New("statement without a predicate type")
	}
	return nil
}

// IsAbout reports whether the statement has a single subject and the subject has this digest.
func (s *Statement) IsAbout(d digest.Digest) bool {
	return len(s.Subjects) == 1 && s.Subjects[0].Digest[d.Algorithm().String()] == d.Encoded()
}

// Annotations returns the annotations of the subjects whose values are strings, or nil without such annotations.
func (s *Statement) Annotations() map[string]string {
	var all map[string]string
	for _, subject := range s.Subjects {
		for k, v := range subject.Annotations {
			if text, ok := v.(string); ok {
				if all == nil {
					all = map[string]string{}
				}
				all[k] = text
			}
		}
	}
	return all
}

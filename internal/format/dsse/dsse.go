// Package dsse reads envelopes of the Dead Simple Signing Envelope specification, including those in sigstore bundles. It
// does not verify signatures.
package dsse

import (
	"encoding/base64"
	"encoding/json"
	"errors"
)

// Envelope is a DSSE envelope.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	Sig string `json:"sig"`
}

// Content returns the decoded payload. The specification allows both alphabets of base64.
func (e *Envelope) Content() ([]byte, error) {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if payload, err := encoding.DecodeString(e.Payload); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("the payload of the DSSE envelope is not base64")
}

// Open returns the payload of an envelope, or of the envelope in a sigstore bundle, and the media type of the payload. Both are empty
// if data is neither or the payload is empty or invalid.
func Open(data []byte) (content []byte, mediaType string) {
	var bundle struct {
		Envelope
		Inner *Envelope `json:"dsseEnvelope"`
	}
	if json.Unmarshal(data, &bundle) != nil {
		return nil, ""
	}
	e := &bundle.Envelope
	if bundle.Inner != nil {
		e = bundle.Inner
	}
	content, err := e.Content()
	if err != nil || len(content) == 0 {
		return nil, ""
	}
	return content, e.PayloadType
}

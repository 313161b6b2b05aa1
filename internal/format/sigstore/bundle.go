// Package sigstore reads and writes the documents of sigstore's clients: bundles (protobuf-specs, sigstore_bundle.proto, version
// 0.3) with a DSSE envelope over an in-toto statement, and the payloads of cosign's signature tags.
//
// Only a key of the caller verifies a signature. The package does not check the log entries, timestamps, and certificates in a
// bundle.
package sigstore

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-oci/davit/internal/format/sigkey"
)

// The media types of a bundle of version 0.3 and of its payload.
const (
	BundleType  = "application/vnd.dev.sigstore.bundle.v0.3+json"
	olderType   = "application/vnd.dev.sigstore.bundle+json;version=0.3"
	PayloadType = "application/vnd.in-toto+json"
)

// Bundle is a signed statement.
type Bundle struct {
	Statement Statement
	Hint      string // the hint of the key, as the signer wrote it; not verified
	Identity  string // the names in the certificate, such as an email address or URI, not verified; "" if the bundle names a key
	Issuer    string // the OIDC issuer in the certificate, not verified; "" if absent

	payload, signature []byte
}

// document is the JSON form of a bundle, without the log entries and timestamps, which verification with a key does not need.
type document struct {
	MediaType string    `json:"mediaType"`
	Material  material  `json:"verificationMaterial"`
	Envelope  *envelope `json:"dsseEnvelope,omitempty"`
}

type material struct {
	PublicKey   *publicKey   `json:"publicKey,omitempty"`
	Certificate *certificate `json:"certificate,omitempty"`
}

type publicKey struct {
	Hint string `json:"hint"`
}

type certificate struct {
	RawBytes []byte `json:"rawBytes"`
}

type envelope struct {
	Payload     []byte              `json:"payload"`
	PayloadType string              `json:"payloadType"`
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	Sig []byte `json:"sig"`
}

// NewBundle signs a statement and returns the bundle as JSON. The result is deterministic.
func NewBundle(s Statement, key *sigkey.Private) ([]byte, error) {
	payload, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	signature, err := key.Sign(preAuthEncode(PayloadType, payload))
	if err != nil {
		return nil, err
	}
	return json.Marshal(document{
		MediaType: BundleType,
		Material:  material{PublicKey: &publicKey{key.Hint()}},
		Envelope:  &envelope{payload, PayloadType, []envelopeSignature{{signature}}},
	})
}

// ParseBundle reads a bundle. It fails unless the bundle has version 0.3, one signature over one in-toto statement with one subject,
// and either a key or a certificate: a bundle that can be read in two ways can't be trusted.
func ParseBundle(data []byte) (*Bundle, error) {
	if err := limits.Check(data); err != nil {
		return nil, fmt.Errorf("invalid sigstore bundle: %w", err)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("invalid sigstore bundle: %w", err)
	}
	switch e := d.Envelope; {
	case d.MediaType != BundleType && d.MediaType != olderType:
		return nil, fmt.Errorf("not a sigstore bundle of version 0.3: media type %q", d.MediaType)
	case e == nil:
		return nil, errors.New("sigstore bundle without a DSSE envelope")
	case e.PayloadType != PayloadType:
		return nil, fmt.Errorf("unknown payload type %q", e.PayloadType)
	case len(e.Signatures) != 1:
		return nil, fmt.Errorf("%d signatures in a sigstore bundle, want 1", len(e.Signatures))
	case len(e.Signatures[0].Sig) == 0:
		return nil, errors.New("empty signature")
	case (d.Material.PublicKey == nil) == (d.Material.Certificate == nil):
		return nil, errors.New("sigstore bundle must name either a key or a certificate")
	}
	b := &Bundle{payload: d.Envelope.Payload, signature: d.Envelope.Signatures[0].Sig}
	if err := b.Statement.parse(b.payload); err != nil {
		return nil, fmt.Errorf("invalid in-toto statement: %w", err)
	}
	if err := b.Statement.check(); err != nil {
		return nil, err
	}
	if d.Material.PublicKey != nil {
		b.Hint = d.Material.PublicKey.Hint
		return b, nil
	}
	return b, b.readCertificate(d.Material.Certificate.RawBytes)
}

// IsSignedBy reports whether the signature is valid for the statement and the key.
func (b *Bundle) IsSignedBy(key *sigkey.Public) bool {
	return key.Verify(preAuthEncode(PayloadType, b.payload), b.signature)
}

// preAuthEncode returns the bytes that a DSSE signature covers (DSSE protocol, "PAE").
func preAuthEncode(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// The extensions with the OIDC issuer in certificates of Fulcio (fulcio, docs/oid-info.md). The value of the second is in DER.
var (
	issuerExtension   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
	issuerV2Extension = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
)

// readCertificate sets the identity and the issuer from a certificate.
func (b *Bundle) readCertificate(der []byte) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("invalid certificate in a sigstore bundle: %w", err)
	}
	b.Identity, b.Issuer = identityOf(cert), issuerOf(cert)
	return nil
}

// CertificateIdentity returns the identity in a PEM certificate, or "" if the certificate can't be read.
func CertificateIdentity(data []byte) string {
	block, _ := pem.Decode(data)
	if block == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return identityOf(cert)
}

// identityOf returns the names in a certificate, joined by commas, or the subject if there are no names.
func identityOf(cert *x509.Certificate) string {
	names := slices.Concat(cert.EmailAddresses, cert.DNSNames)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	if len(names) == 0 {
		return cert.Subject.String()
	}
	return strings.Join(names, ", ")
}

// issuerOf returns the OIDC issuer in a certificate, or "" if absent.
func issuerOf(cert *x509.Certificate) string {
	issuer := ""
	for _, e := range cert.Extensions {
		switch {
		case e.Id.Equal(issuerV2Extension):
			var text string
			if _, err := asn1.Unmarshal(e.Value, &text); err == nil {
				return text
			}
		case e.Id.Equal(issuerExtension):
			issuer = string(e.Value)
		}
	}
	return issuer
}

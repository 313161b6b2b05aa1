// Package sigkey reads and writes cosign keys: private keys in cosign's encrypted form or in plain PEM, and public keys in
// PEM. It signs and verifies with the algorithms that sigstore allows for these keys.
//
// The caller chooses the key that verifies a signature, and the type of the key determines the algorithm.
package sigkey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384 and SHA-512
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// MaxSize limits the size of a key file, in bytes. A file with an 8192-bit RSA key is about 6 KiB long.
const MaxSize = 64 << 10

const typePublic = "PUBLIC KEY"

// Public is a public key, which verifies signatures.
type Public struct {
	key crypto.PublicKey
	der []byte // SubjectPublicKeyInfo
}

// ParsePublic reads a public key in PEM (SubjectPublicKeyInfo, RFC 5280). It refuses a certificate: trust in a certificate
// depends on its names and issuers, which this package does not check.
func ParsePublic(data []byte) (*Public, error) {
	block, err := decode(data)
	if err != nil {
		return nil, err
	}
	switch {
	case block.Type == typePublic:
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errors.New("a private key, not a public key")
	default:
		return nil, fmt.Errorf("a PEM block of type %q, not a public key", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("invalid public key: %w", err)
	}
	return newPublic(key)
}

// decode returns the only PEM block of a key file, except for EC PARAMETERS before it.
func decode(data []byte) (*pem.Block, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("key file too large: limit is %d KiB", MaxSize>>10)
	}
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("no PEM block found")
	case block.Type == "EC PARAMETERS": // openssl ecparam writes it in front of the key
		return decode(rest)
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("unexpected data after the key")
	}
	return block, nil
}

// Hint returns the hint that identifies a key in sigstore bundles: the SHA-256 of its SubjectPublicKeyInfo, in base64.
func (k *Public) Hint() string {
	sum := sha256.Sum256(k.der)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Equal reports whether two keys are the same.
func (k *Public) Equal(other *Public) bool { return bytes.Equal(k.der, other.der) }

// PEM returns the key in the form that ParsePublic reads.
func (k *Public) PEM() []byte { return pem.EncodeToMemory(&pem.Block{Type: typePublic, Bytes: k.der}) }

// Verify reports whether the signature is valid for the message and the key, with any of the hashes that sigstore's clients use
// for keys of this type.
func (k *Public) Verify(message, signature []byte) bool {
	for _, s := range k.schemes() {
		if k.verify(message, signature, s) {
			return true
		}
	}
	return false
}

// verify reports whether the signature is valid for the message and the key under one scheme.
func (k *Public) verify(message, signature []byte, s scheme) bool {
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum(s.hash, message), signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, s.hash, sum(s.hash, message), signature) == nil
	case ed25519.PublicKey:
		if s.hash == 0 {
			return ed25519.Verify(key, message, signature)
		}
		return ed25519.VerifyWithOptions(key, sum(s.hash, message), signature, &ed25519.Options{Hash: s.hash}) == nil
	}
	return false
}

// scheme is a signature scheme. The key determines all of it but the hash of the message, which is 0 for pure Ed25519.
type scheme struct{ hash crypto.Hash }

// schemes returns the signature schemes for the key: first the one that Sign uses, then the one that cosign 3 uses if that differs
// (sigstore, pkg/signature/algorithm_registry.go).
func (k *Public) schemes() []scheme {
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P384():
			return []scheme{{crypto.SHA256}, {crypto.SHA384}}
		case elliptic.P521():
			return []scheme{{crypto.SHA256}, {crypto.SHA512}}
		}
	case ed25519.PublicKey:
		return []scheme{{}, {crypto.SHA512}}
	}
	return []scheme{{crypto.SHA256}}
}

// sum returns the hash of a message.
func sum(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

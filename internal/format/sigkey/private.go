package sigkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// The types of the PEM blocks that hold a private key.
const (
	typeSigstore = "ENCRYPTED SIGSTORE PRIVATE KEY"
	typeCosign   = "ENCRYPTED COSIGN PRIVATE KEY" // of cosign before 2.0
	typePKCS8    = "PRIVATE KEY"
	typeEC       = "EC PRIVATE KEY"
	typeRSA      = "RSA PRIVATE KEY"

	typeEncrypted = "ENCRYPTED PRIVATE KEY" // by OpenSSL
)

// ErrPassword is the error for a password that cannot decrypt a private key.
var ErrPassword = errors.New("wrong password")

// Private is a private key, which signs messages.
type Private struct {
	Public
	signer crypto.Signer
}

// ParsePrivate reads a private key in PEM: one that any version of cosign encrypted, or a plain one in PKCS #8, PKCS #1, or
// SEC 1. It calls password only for an encrypted key, and fails with ErrPassword if the password is wrong.
func ParsePrivate(data []byte, password func() ([]byte, error)) (*Private, error) {
	block, err := decode(data)
	if err != nil {
		return nil, err
	}
	if block.Headers["DEK-Info"] != "" { // RFC 1421, as in "openssl ec -aes128"
		block.Type = typeEncrypted
	}
	der := block.Bytes
	parse := x509.ParsePKCS8PrivateKey
	switch block.Type {
	case typeSigstore, typeCosign:
		secret, err := password()
		if err != nil {
			return nil, err
		}
		if der, err = decrypt(block.Bytes, secret); err != nil {
			return nil, err
		}
	case typePKCS8:
	case typeEC:
		parse = func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) }
	case typeRSA:
		parse = func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) }
	case typeEncrypted:
		return nil, errors.New("a private key encrypted by OpenSSL: cosign import-key-pair converts it")
	case typePublic, "RSA PUBLIC KEY":
		return nil, errors.New("a public key, not a private key")
	default:
		return nil, fmt.Errorf("a PEM block of type %q, not a private key", block.Type)
	}
	key, err := parse(der)
	if err != nil {
		return nil, fmt.Errorf("invalid private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("unsupported private key of type %T", key)
	}
	public, err := newPublic(signer.Public())
	if err != nil {
		return nil, err
	}
	return &Private{Public: *public, signer: signer}, nil
}

// Sign signs a message with the algorithm that every verifier supports for the type of the key: SHA-256, or pure Ed25519. The
// signature is deterministic: ECDSA derives its nonce from the key and the message, as RFC 6979 specifies.
//
// cosign 3.1 signs with SHA-384 on P-384, with SHA-512 on P-521, and with Ed25519ph. Its own verify --key refuses these
// signatures unless flags name the hash. It accepts the signatures of Sign, as do Flux, podman, and skopeo.
func (k *Private) Sign(message []byte) ([]byte, error) {
	s := k.schemes()[0]
	digest := message
	if s.hash != 0 {
		digest = sum(s.hash, message)
	}
	// With a nil source of randomness, the signature of an ECDSA key is deterministic.
	return k.signer.Sign(nil, digest, s.hash)
}

// Generate makes an ECDSA key on P-256. It returns the private key, encrypted with the password, and the public key: the two files
// that "cosign generate-key-pair" writes.
func Generate(password []byte) (private, public []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	box, err := encrypt(der, password)
	if err != nil {
		return nil, nil, err
	}
	if der, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		return nil, nil, err
	}
	private = pem.EncodeToMemory(&pem.Block{Type: typeSigstore, Bytes: box})
	return private, pem.EncodeToMemory(&pem.Block{Type: typePublic, Bytes: der}), nil
}

// minRSA is the size of the shortest accepted RSA key, in bits.
const minRSA = 2048

// newPublic returns a public key. It fails if sigstore does not allow the type or the size of the key.
func newPublic(key crypto.PublicKey) (*Public, error) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
		default:
			return nil, fmt.Errorf("unsupported curve %s: P-256, P-384, and P-521 are supported", k.Curve.Params().Name)
		}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSA || bits > 8192 {
			return nil, fmt.Errorf("unsupported RSA key of %d bits: 2048 to 8192 are supported", bits)
		}
	case ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("unsupported key of type %T: ECDSA, RSA, and Ed25519 are supported", key)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	return &Public{key: key, der: der}, nil
}

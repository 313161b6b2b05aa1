package sigkey_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/sigkey"
)

// noPassword fails the parsing of an encrypted key.
func noPassword() ([]byte, error) { return nil, errors.New("a password was requested") }

// generateKeys returns a private key of each supported type, in PEM.
func generateKeys(t *testing.T) map[string][]byte {
	t.Helper()
	encode := func(kind string, der []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	all := map[string][]byte{}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		all[name] = encode("PRIVATE KEY", der, err)
		der, err = x509.MarshalECPrivateKey(key)
		all[name+" SEC 1"] = append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"),
			encode("EC PRIVATE KEY", der, err)...)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	all["RSA"] = encode("PRIVATE KEY", der, err)
	all["RSA PKCS 1"] = encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), nil)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err = x509.MarshalPKCS8PrivateKey(ed)
	all["Ed25519"] = encode("PRIVATE KEY", der, err)
	return all
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	message := []byte("a message")
	for name, data := range generateKeys(t) {
		private, err := sigkey.ParsePrivate(data, noPassword)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		public, err := sigkey.ParsePublic(private.PEM())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !public.Equal(&private.Public) || public.Hint() != private.Hint() {
			t.Errorf("%s: got another public key after PEM and ParsePublic", name)
		}
		one, err := private.Sign(message)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if two, _ := private.Sign(message); !bytes.Equal(one, two) {
			t.Errorf("%s: got two signatures of one message, want the same", name)
		}
		if !public.Verify(message, one) {
			t.Errorf("%s: Verify: got false, want true", name)
		}
		if public.Verify([]byte("another message"), one) {
			t.Errorf("%s: Verify of another message: got true, want false", name)
		}
		for i := 0; i < len(one); i += 1 + len(one)/8 {
			one[i] ^= 1
			if public.Verify(message, one) {
				t.Errorf("%s: Verify with byte %d changed: got true, want false", name, i)
			}
			one[i] ^= 1
		}
	}
}

// TestOtherKeys checks that no other key verifies a signature.
func TestOtherKeys(t *testing.T) {
	t.Parallel()
	all := map[string]*sigkey.Private{}
	for name, data := range generateKeys(t) {
		if strings.Contains(name, " ") { // the same keys, encoded in another way
			continue
		}
		key, err := sigkey.ParsePrivate(data, noPassword)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = key
	}
	for name, key := range all {
		signature, err := key.Sign([]byte("a message"))
		if err != nil {
			t.Fatal(err)
		}
		for other, k := range all {
			if got := k.Verify([]byte("a message"), signature); got != (name == other) {
				t.Errorf("signature of %s, key %s: verified: got %t, want %t", name, other, got, name == other)
			}
		}
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	private, public, err := sigkey.Generate([]byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	password := func(s string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(s), nil } }
	key, err := sigkey.ParsePrivate(private, password("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key.PEM(), public) {
		t.Errorf("got public key %s, want that of the private key, %s", public, key.PEM())
	}
	if _, err := sigkey.ParsePrivate(private, password("Secret")); !errors.Is(err, sigkey.ErrPassword) {
		t.Errorf("wrong password: got %v, want ErrPassword", err)
	}
	if _, err := sigkey.ParsePrivate(private, noPassword); err == nil || errors.Is(err, sigkey.ErrPassword) {
		t.Errorf("no password: got %v, want the error of the function", err)
	}
	// Before version 2, cosign wrote another type of PEM block.
	old := bytes.ReplaceAll(private, []byte("SIGSTORE"), []byte("COSIGN"))
	if _, err := sigkey.ParsePrivate(old, password("secret")); err != nil {
		t.Errorf("PEM block of cosign before version 2: %v", err)
	}
}

func TestBadKeys(t *testing.T) {
	t.Parallel()
	block := func(kind, text string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(text)}))
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	smallPublic, err := x509.MarshalPKIXPublicKey(small.Public())
	if err != nil {
		t.Fatal(err)
	}
	otherCurve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherCurvePublic, err := x509.MarshalPKIXPublicKey(crypto.PublicKey(otherCurve.Public()))
	if err != nil {
		t.Fatal(err)
	}
	private, public, err := sigkey.Generate(nil)
	if err != nil {
		t.Fatal(err)
	}
	const box = "ENCRYPTED SIGSTORE PRIVATE KEY"
	for _, c := range []struct{ data, want string }{
		{"", "no PEM block found"},
		{"ssh-ed25519 AAAA", "no PEM block found"},
		{strings.Repeat("x", sigkey.MaxSize+1), "too large"},
		{string(public) + string(public), "unexpected data after the key"},
		{block("CERTIFICATE", "x"), "CERTIFICATE"},
		{block("PUBLIC KEY", "x"), "key"},
		{block("PUBLIC KEY", string(smallPublic)), "1024 bits"},
		{block("PUBLIC KEY", string(otherCurvePublic)), "P-224"},
		{block("PRIVATE KEY", "x"), "private key"},
		{block(box, "x"), "private key"},
		{block(box, `{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":8,"p":1}},"cipher":{"name":"nacl/secretbox"}}`), "key"},
		{block(box, `{"kdf":{"name":"none"}}`), "key"},
		{block(box, `{"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1}},"cipher":{"name":"nacl/secretbox","nonce":"AA=="}}`), "key"},
		{block("ENCRYPTED PRIVATE KEY", "x"), "key"},
	} {
		_, err := sigkey.ParsePublic([]byte(c.data))
		_, other := sigkey.ParsePrivate([]byte(c.data), func() ([]byte, error) { return nil, nil })
		if err == nil || other == nil || !strings.Contains(err.Error()+other.Error(), c.want) {
			t.Errorf("%.60q: got %v as a public key and %v as a private key, want %q", c.data, err, other, c.want)
		}
	}
	for _, data := range []string{
		string(private), block("PRIVATE KEY", "x"), block("EC PRIVATE KEY", "x"), block("RSA PRIVATE KEY", "x"), block("ENCRYPTED PRIVATE KEY", "x"),
		block("OPENSSH PRIVATE KEY", "x"), block("ENCRYPTED COSIGN PRIVATE KEY", "x"),
	} {
		if _, err := sigkey.ParsePublic([]byte(data)); err == nil || err.Error() != "a private key, not a public key" {
			t.Errorf("%.40q as a public key: got %v, want \"a private key, not a public key\"", data, err)
		}
	}
	for _, data := range []string{string(public), block("PUBLIC KEY", "x"), block("RSA PUBLIC KEY", "x")} {
		if _, err := sigkey.ParsePrivate([]byte(data), noPassword); err == nil || err.Error() != "a public key, not a private key" {
			t.Errorf("%.40q as a private key: got %v, want \"a public key, not a private key\"", data, err)
		}
	}
	encrypted := pem.EncodeToMemory(&pem.Block{
		Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x"),
	})
	if _, err := sigkey.ParsePrivate(encrypted, noPassword); err == nil || !strings.Contains(err.Error(), "encrypted by OpenSSL") {
		t.Errorf("key encrypted by OpenSSL: got %v, want \"encrypted by OpenSSL\"", err)
	}
}

func FuzzKeys(f *testing.F) {
	private, public, err := sigkey.Generate(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(public)
	f.Add(private)
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := sigkey.ParsePublic(data); err == nil {
			again, err := sigkey.ParsePublic(key.PEM())
			if err != nil || !again.Equal(key) {
				t.Errorf("%q: got %v, %v after PEM and ParsePublic, want the same key", data, again, err)
			}
			key.Verify(data, data)
		}
		if key, err := sigkey.ParsePrivate(data, noPassword); err == nil {
			if _, err := key.Sign(data); err != nil {
				t.Errorf("%q: %v", data, err)
			}
		}
	})
}

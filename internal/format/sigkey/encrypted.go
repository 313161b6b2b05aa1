package sigkey

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// sealed is an encrypted private key, as package encrypted of go-securesystemslib writes it.
type sealed struct {
	KDF struct {
		Name   string       `json:"name"`
		Params scryptParams `json:"params"`
		Salt   []byte       `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

type scryptParams struct {
	N int `json:"N"`
	R int `json:"r"`
	P int `json:"p"`
}

// The supported costs of scrypt. cosign used N = 2^15 for old keys and uses 2^16 today; 2^17 is the highest cost of its library.
// Other costs are refused, because a key file could demand any amount of memory.
var (
	oldCost     = scryptParams{N: 1 << 15, R: 8, P: 1}
	currentCost = scryptParams{N: 1 << 16, R: 8, P: 1}
	strongCost  = scryptParams{N: 1 << 17, R: 8, P: 1}
)

// The sizes of the salt, the key, and the nonce, in bytes.
const (
	saltSize  = 32
	keySize   = 32
	nonceSize = 24
)

// decrypt returns the DER of the encrypted private key in data. It fails with ErrPassword if the password is wrong.
func decrypt(data, password []byte) ([]byte, error) {
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("invalid encrypted private key: %w", err)
	}
	switch {
	case s.KDF.Name != "scrypt" || s.Cipher.Name != "nacl/secretbox":
		return nil, fmt.Errorf("unsupported encryption %q with %q", s.Cipher.Name, s.KDF.Name)
	case s.KDF.Params != oldCost && s.KDF.Params != currentCost && s.KDF.Params != strongCost:
		return nil, errors.New("unsupported scrypt parameters")
	case len(s.Cipher.Nonce) != nonceSize:
		return nil, errors.New("invalid encrypted private key: the nonce has the wrong size")
	}
	key, err := deriveKey(password, s.KDF.Salt, s.KDF.Params)
	if err != nil {
		return nil, err
	}
	plain, ok := secretbox.Open(nil, s.Ciphertext, (*[nonceSize]byte)(s.Cipher.Nonce), key)
	if !ok {
		return nil, ErrPassword
	}
	return plain, nil
}

// encrypt encrypts a private key with a password, as cosign does.
func encrypt(plain, password []byte) ([]byte, error) {
	var s sealed
	s.KDF.Name, s.KDF.Params, s.KDF.Salt = "scrypt", currentCost, make([]byte, saltSize)
	s.Cipher.Name, s.Cipher.Nonce = "nacl/secretbox", make([]byte, nonceSize)
	rand.Read(s.KDF.Salt) // never fails
	rand.Read(s.Cipher.Nonce)
	key, err := deriveKey(password, s.KDF.Salt, s.KDF.Params)
	if err != nil {
		return nil, err
	}
	s.Ciphertext = secretbox.Seal(nil, plain, (*[nonceSize]byte)(s.Cipher.Nonce), key)
	return json.Marshal(s)
}

// deriveKey derives the key of the secretbox from a password.
func deriveKey(password, salt []byte, cost scryptParams) (*[keySize]byte, error) {
	key, err := scrypt.Key(password, salt, cost.N, cost.R, cost.P, keySize)
	if err != nil {
		return nil, err
	}
	return (*[keySize]byte)(key), nil
}

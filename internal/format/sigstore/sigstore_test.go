package sigstore_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/sigkey"
	"github.com/davit-oci/davit/internal/format/sigstore"
	"github.com/opencontainers/go-digest"
)

func newKey(t testing.TB) *sigkey.Private {
	t.Helper()
	private, _, err := sigkey.Generate(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sigkey.ParsePrivate(private, func() ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestBundle(t *testing.T) {
	t.Parallel()
	key, other := newKey(t), newKey(t)
	d := digest.FromString("artifact")
	data, err := sigstore.NewBundle(sigstore.SignatureOf(d, map[string]string{"stage": "test"}), key)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := sigstore.NewBundle(sigstore.SignatureOf(d, map[string]string{"stage": "test"}), key); !bytes.Equal(data, again) {
		t.Error("got two bundles of one statement, want the same")
	}
	b, err := sigstore.ParseBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case !b.IsSignedBy(&key.Public), b.IsSignedBy(&other.Public):
		t.Error("IsSignedBy: want true only for the key")
	case b.Hint != key.Hint():
		t.Errorf("got hint %q, want %q", b.Hint, key.Hint())
	case !b.Statement.IsAbout(d), b.Statement.IsAbout(digest.FromString("x")), b.Statement.IsAbout(digest.SHA512.FromString("artifact")):
		t.Error("IsAbout: want true only for the SHA-256 digest of the artifact")
	case b.Statement.PredicateType != sigstore.CosignSign, b.Statement.Annotations()["stage"] != "test":
		t.Errorf("got statement %+v, want a cosign signature with stage=test", b.Statement)
	}
}

// TestChangedBundles checks that a bundle with any changed part is refused or not signed by the key.
func TestChangedBundles(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	data, err := sigstore.NewBundle(sigstore.SignatureOf(digest.FromString("artifact"), nil), key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	statement := func(subject string) string {
		return encode(`{"_type":"https://in-toto.io/Statement/v1","subject":` + subject + `,"predicateType":"x","predicate":{}}`)
	}
	for name, change := range map[string]func(b map[string]any, e map[string]any){
		"another media type": func(b, _ map[string]any) { b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1" },
		"no envelope":        func(b, _ map[string]any) { delete(b, "dsseEnvelope") },
		"no signature":       func(_, e map[string]any) { e["signatures"] = []any{} },
		"an empty signature": func(_, e map[string]any) { e["signatures"] = []any{map[string]any{"sig": ""}} },
		"two signatures": func(_, e map[string]any) {
			e["signatures"] = append(e["signatures"].([]any), e["signatures"].([]any)[0])
		},
		"another payload type":       func(_, e map[string]any) { e["payloadType"] = "text/plain" },
		"a payload that is not JSON": func(_, e map[string]any) { e["payload"] = encode("x") },
		"no subject":                 func(_, e map[string]any) { e["payload"] = statement("[]") },
		"two subjects": func(_, e map[string]any) {
			e["payload"] = statement(`[{"digest":{"sha256":"a"}},{"digest":{"sha256":"b"}}]`)
		},
		"many subjects":   func(_, e map[string]any) { e["payload"] = statement("[" + strings.Repeat("{},", 1_000_000) + "{}]") },
		"many signatures": func(_, e map[string]any) { e["signatures"] = make([]struct{}, 1_000_000) },
		"many log entries": func(b, _ map[string]any) {
			b["verificationMaterial"].(map[string]any)["tlogEntries"] = make([]struct{}, 1_000_000)
		},
		"deeply nested subjects": func(_, e map[string]any) {
			e["payload"] = statement(strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000))
		},
		"null as subjects": func(_, e map[string]any) { e["payload"] = statement("null") },
		"two lists of subjects": func(_, e map[string]any) {
			e["payload"] = encode(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"a"}}],"subject":[{"digest":{"sha256":"b"}}],"predicateType":"x"}`)
		},
		"a key in another case": func(b, e map[string]any) {
			b["DSSEENVELOPE"] = map[string]any{"payload": e["payload"], "payloadType": e["payloadType"], "signatures": []any{map[string]any{"sig": "AAAA"}}}
			delete(b, "dsseEnvelope")
		},
		"another statement":         func(_, e map[string]any) { e["payload"] = statement(`[{"digest":{"sha256":"a"}}]`) },
		"another statement type":    func(_, e map[string]any) { e["payload"] = encode(`{"_type":"x","subject":[{}],"predicateType":"x"}`) },
		"no key and no certificate": func(b, _ map[string]any) { b["verificationMaterial"] = map[string]any{} },
		"a key and a certificate": func(b, _ map[string]any) {
			b["verificationMaterial"].(map[string]any)["certificate"] = map[string]any{"rawBytes": "AA=="}
		},
		"a broken certificate": func(b, _ map[string]any) {
			b["verificationMaterial"] = map[string]any{"certificate": map[string]any{"rawBytes": "AA=="}}
		},
	} {
		var b map[string]any
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		change(b, b["dsseEnvelope"].(map[string]any))
		changed, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sigstore.ParseBundle(changed); err == nil && got.IsSignedBy(&key.Public) {
			t.Errorf("%s: got a bundle signed by the key, want it refused", name)
		}
	}
}

// TestCertificate checks the identity read from a certificate, in a bundle and in PEM.
func TestCertificate(t *testing.T) {
	t.Parallel()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), EmailAddresses: []string{"jane@example.com"},
		URIs: []*url.URL{{Scheme: "https", Host: "example.com", Path: "/workflow"}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	data, err := sigstore.NewBundle(sigstore.SignatureOf(digest.FromString("artifact"), nil), key)
	if err != nil {
		t.Fatal(err)
	}
	var b map[string]any
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	b["verificationMaterial"] = map[string]any{"certificate": map[string]any{"rawBytes": der}}
	if data, err = json.Marshal(b); err != nil {
		t.Fatal(err)
	}
	got, err := sigstore.ParseBundle(data)
	if err != nil {
		t.Fatal(err)
	}
	const want = "jane@example.com, https://example.com/workflow"
	if got.Identity != want {
		t.Errorf("got identity %q, want %q", got.Identity, want)
	}
	if id := sigstore.CertificateIdentity(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); id != want {
		t.Errorf("PEM: got identity %q, want %q", id, want)
	}
}

func TestSimple(t *testing.T) {
	t.Parallel()
	s := sigstore.Simple{Reference: "example.com/app", Digest: digest.FromString("x"), Optional: map[string]string{"k": "v"}}
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := sigstore.ParseSimple(data)
	if err != nil || got.Reference != s.Reference || got.Digest != s.Digest || got.Optional["k"] != "v" {
		t.Errorf("%s: got %+v, %v, want %+v", data, got, err, s)
	}
	const d = `"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"`
	for _, bad := range []string{
		``, `[]`, `{}`, `{"critical":null}`,
		`{"critical":{"type":"cosign container image signature","image":{"docker-manifest-digest":"x"},"identity":{"docker-reference":"a"}}}`,
		`{"critical":{"type":"another","image":{"docker-manifest-digest":` + d + `},"identity":{"docker-reference":"a"}}}`,
		`{"critical":{"type":"cosign container image signature","expires":1,"image":{"docker-manifest-digest":` + d + `}}}`,
		`{"critical":{"type":"cosign container image signature","image":{"docker-manifest-digest":` + d + `,"more":1}}}`,
	} {
		if got, err := sigstore.ParseSimple([]byte(bad)); err == nil {
			t.Errorf("%s: got %+v, want an error", bad, got)
		}
	}
}

func FuzzBundle(f *testing.F) {
	data, err := sigstore.NewBundle(sigstore.SignatureOf(digest.FromString("artifact"), nil), newKey(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	simple, _ := sigstore.Simple{Reference: "example.com/app", Digest: digest.FromString("x")}.Encode()
	f.Add(simple)
	key := newKey(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := sigstore.ParseBundle(data); err == nil {
			if len(b.Statement.Subjects) != 1 || b.Statement.PredicateType == "" {
				t.Errorf("%q: got %+v, want one subject and a predicate type", data, b.Statement)
			}
			if b.IsSignedBy(&key.Public) {
				t.Errorf("%q: got signed by a key that signed nothing", data)
			}
		}
		if s, err := sigstore.ParseSimple(data); err == nil && (s.Digest.Validate() != nil || !strings.Contains(string(data), "ritical")) {
			t.Errorf("%q: got %+v, want a valid digest from a critical section", data, s)
		}
	})
}

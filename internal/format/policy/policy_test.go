package policy_test

import (
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/policy"
)

const sample = `{
  "default": [{"type": "reject"}],
  "transports": {
    "docker": {
      "registry.example.com/app:1.0": [{"type": "sigstoreSigned", "keyPath": "/exact"}],
      "registry.example.com/app": [{"type": "sigstoreSigned", "keyPath": "/repository"}],
      "registry.example.com/team": [{"type": "sigstoreSigned", "keyPaths": ["/team"]}],
      "registry.example.com": [{"type": "sigstoreSigned", "keyPath": "/host"}],
      "*.example.org": [{"type": "sigstoreSigned", "keyPath": "/domain"}],
      "other.example.net": [{"type": "insecureAcceptAnything"}]
    },
    "oci": {"/srv": [{"type": "sigstoreSigned", "keyPath": "/srv.pub"}], "": [{"type": "insecureAcceptAnything"}]}
  }
}`

func TestScopes(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for reference, want := range map[string]string{
		"registry.example.com/app:1.0":      "/exact",
		"registry.example.com/app:2.0":      "/repository",
		"registry.example.com/app/deep:1.0": "/repository",
		"registry.example.com/apps:1.0":     "/host",
		"registry.example.com/team/a/b:1":   "/team",
		"a.b.example.org/x:1":               "/domain",
		"example.org/x:1":                   "reject",
		"other.example.net/x:1":             "insecureAcceptAnything",
		"elsewhere.example.net/x:1":         "reject",
	} {
		name, _, _ := strings.Cut(reference, ":")
		got := p.For(name, reference)
		if len(got) != 1 || got[0].Type != want && got[0].KeyPath != want && (len(got[0].KeyPaths) != 1 || got[0].KeyPaths[0] != want) {
			t.Errorf("%s: got %+v, want %s", reference, got, want)
		}
	}
	for name, want := range map[string]string{"/srv/a/b": "/srv.pub", "/srv": "/srv.pub", "/srvx": "", "/": ""} {
		if got := p.ForPath("oci", name); got[0].KeyPath != want {
			t.Errorf("%s: got %+v, want %q", name, got, want)
		}
	}
	if got := p.ForPath("oci-archive", "/x.tar"); got[0].Type != policy.Reject {
		t.Errorf("archive: got %+v, want the default", got)
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		identity, signed, name, tag string
		want                        bool
	}{
		{``, "example.com/app:1", "example.com/app", "1", true},
		{``, "example.com/app", "example.com/app", "1", false},
		{``, "example.com/app:2", "example.com/app", "1", false},
		{``, "example.com/app:2", "example.com/app", "", true},
		{``, "example.com/other", "example.com/app", "", false},
		{``, "example.com/app", "", "", false},
		{`{"type":"matchExact"}`, "example.com/app:1", "example.com/app", "1", true},
		{`{"type":"matchExact"}`, "example.com/app:1", "example.com/app", "", false},
		{`{"type":"matchRepository"}`, "example.com/app", "example.com/app", "1", true},
		{`{"type":"matchRepository"}`, "example.com/app2", "example.com/app", "1", false},
		{`{"type":"matchRepository"}`, "index.docker.io/library/nginx", "docker.io/library/nginx", "1", true},
		{`{"type":"matchRepository"}`, "nginx", "docker.io/library/nginx", "1", true},
		{`{"type":"exactRepository","dockerRepository":"example.com/app"}`, "example.com/app:9", "mirror.example.com/app", "1", true},
		{`{"type":"exactRepository","dockerRepository":"example.com/app"}`, "mirror.example.com/app", "mirror.example.com/app", "1", false},
		{`{"type":"exactReference","dockerReference":"example.com/app:1"}`, "example.com/app:1", "", "", true},
		{`{"type":"exactReference","dockerReference":"example.com/app:1"}`, "example.com/app:2", "", "", false},
		{`{"type":"remapIdentity","prefix":"mirror.example.com","signedPrefix":"example.com"}`, "example.com/app:1", "mirror.example.com/app", "1", true},
		{`{"type":"remapIdentity","prefix":"mirror.example.com","signedPrefix":"example.com"}`, "example.com/app:1", "mirror.example.community/app", "1", false},
	} {
		document := `{"default":[{"type":"sigstoreSigned","keyPath":"/k"}]}`
		if c.identity != "" {
			document = `{"default":[{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":` + c.identity + `}]}`
		}
		p, err := policy.Parse([]byte(document))
		if err != nil {
			t.Errorf("%s: %v", c.identity, err)
			continue
		}
		if got := p.Default[0].SignedIdentity.Accepts(c.signed, c.name, c.tag); got != c.want {
			t.Errorf("%s: signature of %q for %q, tag %q: accepted: got %t, want %t", c.identity, c.signed, c.name, c.tag, got, c.want)
		}
	}
}

func TestBadPolicies(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		``, `[]`, `{}`, `{"default":[]}`, `{"default":[{}]}`, `{"default":[{"type":"x"}]}`, `{"defaults":[]}`,
		`{"default":[{"type":"reject"}],"more":1}`, `{"default":[{"type":"reject"}]} {}`,
		`{"default":[{"type":"sigstoreSigned"}]}`,
		`{"default":[{"type":"sigstoreSigned","keyPath":"a","keyData":"AA=="}]}`,
		`{"default":[{"type":"sigstoreSigned","keyPath":"a","fulcio":{}}]}`,
		`{"default":[{"type":"sigstoreSigned","keyPath":"a","signedIdentity":{"type":"x"}}]}`,
		`{"default":[{"type":"sigstoreSigned","keyPath":"a","signedIdentity":{"type":"exactReference"}}]}`,
		`{"default":[{"type":"reject"}],"transports":{"docker":{"x":[]}}}`,
		strings.Repeat(" ", policy.MaxSize+1),
	} {
		if p, err := policy.Parse([]byte(bad)); err == nil {
			t.Errorf("%.60q: got %+v, want an error", bad, p)
		}
	}
	_, err := policy.Parse([]byte(`{"default":[{"type":"sigstoreSigned","keyPath":"a","signedIdentity":{"type":"remapIdentity","prefix":"a"}}]}`))
	if err == nil || !strings.Contains(err.Error(), `signedIdentity "remapIdentity" requires signedPrefix`) {
		t.Errorf("missing field: got %v, want an error about signedPrefix", err)
	}
	p, err := policy.Parse([]byte(`{"default":[{"type":"sigstoreSigned","fulcio":{"caPath":"x"}}]}`))
	if err != nil || !p.Default[0].Keyless {
		t.Errorf("keyless: got %+v, %v, want a keyless requirement", p, err)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(sample), "registry.example.com/app")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		p, err := policy.Parse(data)
		if err != nil {
			return
		}
		for _, list := range [][]policy.Requirement{p.For(name, name+":1"), p.ForPath("oci", name)} {
			if len(list) == 0 {
				t.Errorf("%q: got no requirements for %q, want at least one", data, name)
			}
			for _, r := range list {
				r.SignedIdentity.Accepts(name, name, "1")
			}
		}
	})
}

package challenge_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/remote/transport/challenge"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	bearer := `Bearer realm="https://a.example/token",service="a, b",scope="repository:x:pull,push"`
	for _, test := range []struct {
		headers []string
		want    string
	}{
		{[]string{bearer}, bearer},
		{[]string{"Negotiate", bearer}, bearer},
		{[]string{"Negotiate, " + bearer}, bearer},
		{[]string{bearer + ", Negotiate"}, bearer},
		{[]string{`Digest realm="x", qop="auth, auth-int", nonce=abc, ` + bearer}, bearer},
		{[]string{`Basic realm="x"`, bearer}, `Basic realm="x"`},
		{[]string{`NTLM`, `basic realm="x", charset="UTF-8"`}, `basic realm="x",charset="UTF-8"`},
		{[]string{`Negotiate YII=, Basic realm="a \" b, c"`}, `Basic realm="a \" b, c"`},
		{[]string{`Bearer realm = "x" , service="y"`}, `Bearer realm = "x",service="y"`},
		{[]string{"Negotiate", "NTLM"}, "Negotiate"},
		{nil, ""},
	} {
		h := http.Header{}
		for _, value := range test.headers {
			h.Add("WWW-Authenticate", value)
		}
		challenge.Choose(h)
		if got := h.Get("WWW-Authenticate"); got != test.want {
			t.Errorf("%q: got %q, want %q", test.headers, got, test.want)
		}
	}
}

// FuzzSplitChallenges checks that Split adds no characters.
func FuzzSplitChallenges(f *testing.F) {
	f.Add(`Negotiate, Bearer realm="a, b",service="x"`)
	f.Add(`Basic realm="\"", ,=,"`)
	f.Fuzz(func(t *testing.T, value string) {
		drop := strings.NewReplacer(",", "", " ", "", "\t", "", "\n", "", "\v", "", "\f", "", "\r", "", "\u0085", "", "\u00a0", "")
		all := challenge.Split(value)
		if got, want := drop.Replace(strings.Join(all, "")), drop.Replace(value); len(got) > len(want) {
			t.Errorf("%q: got %q, which has more characters", value, all)
		}
	})
}

package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"time"
)

const (
	tokenIssuer  = "davit test issuer"
	tokenService = "davit test registry"
	tokenKey     = "key-1"

	// refreshToken is the response to a login with offline_token, an identity token in docker's words.
	refreshToken = "identity-of-" + Username
)

// A tokenServer issues the tokens that a Distribution registry requires: to GET with a password, as in
// https://distribution.github.io/distribution/spec/auth/token/, and to POST with a password or a refresh token, as in
// https://distribution.github.io/distribution/spec/auth/oauth/.
type tokenServer struct{ key *ecdsa.PrivateKey }

// serveTokens starts a token server, with TLS under the certificate in dir, and
// writes the key that its tokens are signed with to jwks.json.
func serveTokens(dir string, secure bool) (*httptest.Server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(dir, "jwks.json"), object{"keys": []object{{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": tokenKey,
		"x": base64url(point[1:33]), "y": base64url(point[33:]),
	}}}); err != nil {
		return nil, err
	}
	srv := httptest.NewUnstartedServer(&tokenServer{key})
	if !secure {
		srv.Start()
		return srv, nil
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"))
	if err != nil {
		return nil, err
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	srv.StartTLS()
	return srv, nil
}

// ServeHTTP answers a request for a token.
func (t *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	offline := r.FormValue("offline_token") == "true"
	if r.Method == http.MethodPost {
		user, password = r.FormValue("username"), r.FormValue("password")
		offline = r.FormValue("access_type") == "offline"
		if r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == refreshToken {
			user, password = Username, Password
		}
	}
	if user != Username || password != Password {
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`, http.StatusUnauthorized)
		return
	}
	var scopes []string
	for _, scope := range r.Form["scope"] {
		scopes = append(scopes, strings.Fields(scope)...)
	}
	now := time.Now()
	token, err := t.sign(object{
		"iss": tokenIssuer, "aud": r.FormValue("service"), "sub": user, "access": access(scopes),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer := object{
		"token": token, "access_token": token, "expires_in": 300,
		"issued_at": now.UTC().Format(time.RFC3339), "scope": strings.Join(scopes, " "),
	}
	if offline {
		answer["refresh_token"] = refreshToken
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// access grants all requested scopes, such as "repository:a/b:pull,push".
func access(scopes []string) []object {
	granted := []object{}
	for _, scope := range scopes {
		kind, rest, _ := strings.Cut(scope, ":")
		if i := strings.LastIndex(rest, ":"); i >= 0 {
			granted = append(granted, object{"type": kind, "name": rest[:i], "actions": strings.Split(rest[i+1:], ",")})
		}
	}
	return granted
}

// sign makes a JSON Web Token with ES256.
func (t *tokenServer) sign(claims object) (string, error) {
	header, err := json.Marshal(object{"typ": "JWT", "alg": "ES256", "kid": tokenKey})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	unsigned := base64url(header) + "." + base64url(body)
	digest := sha256.Sum256([]byte(unsigned))
	r, s, err := ecdsa.Sign(rand.Reader, t.key, digest[:])
	if err != nil {
		return "", err
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return unsigned + "." + base64url(signature), nil
}

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

package registrytest

import (
	"fmt"
	"net/http"
	"strings"
)

// Auth selects how clients authenticate.
type Auth int

// The ways to authenticate: none, a password in every request, or a token from the registry's token endpoint.
const (
	NoAuth Auth = iota
	Basic
	Token
)

// token is an issued token.
type token struct {
	scopes map[string]bool // "repository:NAME:pull"
	uses   int             // requests served with the token
}

// authorize reports whether a request may be served, and answers 401 if not.
func (g *Registry) authorize(w http.ResponseWriter, r *http.Request, repo string) bool {
	switch g.opts.Auth {
	case NoAuth:
		return true
	case Basic:
		if g.acceptsPassword(r) {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registrytest"`)
	case Token:
		action := "pull"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			action = "push"
		}
		if r.Method == http.MethodDelete {
			action = "delete"
		}
		if g.acceptsToken(r, repo, action) {
			return true
		}
		w.Header().Set("WWW-Authenticate", g.challenge(repo, action))
	}
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

// challenge returns the value of the header WWW-Authenticate, with the token endpoint and the scope.
func (g *Registry) challenge(repo, action string) string {
	challenge := fmt.Sprintf(`Bearer realm="%s/token",service="registrytest"`, g.URL)
	if repo == "" {
		return challenge
	}
	if action == "push" {
		action = "pull,push"
	}
	return challenge + fmt.Sprintf(`,scope="repository:%s:%s"`, repo, action)
}

// acceptsToken reports whether a request has a token for an action on a repository, and counts the use of the token.
func (g *Registry) acceptsToken(r *http.Request, repo, action string) bool {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tokens[value]
	if !ok || t == nil || repo != "" && !t.scopes["repository:"+repo+":"+action] {
		return false
	}
	t.uses++
	if g.opts.Login.TokenUses > 0 && t.uses > g.opts.Login.TokenUses {
		delete(g.tokens, value)
		return false
	}
	return true
}

// ExpireTokens revokes every token issued so far.
func (g *Registry) ExpireTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tokens)
}

// serveToken issues tokens: GET with basic authentication, or the OAuth2 POST with a password or a refresh token.
func (g *Registry) serveToken(w http.ResponseWriter, r *http.Request, _, _ string) {
	accepted := g.acceptsPassword(r)
	if r.Method == http.MethodPost {
		accepted = g.acceptsForm(r)
	}
	if !accepted {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "wrong user name or password")
		return
	}
	t := &token{scopes: map[string]bool{}}
	for _, values := range append(r.URL.Query()["scope"], r.PostForm["scope"]...) {
		for scope := range strings.FieldsSeq(values) {
			i := strings.LastIndex(scope, ":")
			for action := range strings.SplitSeq(scope[i+1:], ",") {
				t.scopes[scope[:i+1]+action] = true
			}
		}
	}
	g.mu.Lock()
	g.serial++
	value := fmt.Sprintf("token-%d", g.serial)
	g.tokens[value] = t
	g.mu.Unlock()
	writeJSON(w, "application/json", map[string]any{"token": value, "access_token": value, "expires_in": 300})
}

func (g *Registry) acceptsPassword(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return ok && user == g.opts.Login.Username && password == g.opts.Login.Password
}

// RefreshToken is the token that the token endpoint accepts in place of the password.
const RefreshToken = "registrytest-refresh-token"

func (g *Registry) acceptsForm(r *http.Request) bool {
	if r.ParseForm() != nil {
		return false
	}
	switch r.PostForm.Get("grant_type") {
	case "password":
		return r.PostForm.Get("username") == g.opts.Login.Username && r.PostForm.Get("password") == g.opts.Login.Password
	case "refresh_token":
		return r.PostForm.Get("refresh_token") == RefreshToken
	}
	return false
}

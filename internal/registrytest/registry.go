// Package registrytest implements an OCI registry inside a test process. The registry is as strict as the distribution-spec, and
// can inject faults. Start runs one, Inject makes selected requests fail, and Requests lists the requests of clients.
package registrytest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Options select how the registry behaves. The zero value is a registry in memory with the referrers API, ranges, chunked uploads,
// mounts, and deletion, and without authentication.
type Options struct {
	Dir string // directory for the files of blobs; if empty, blobs are in memory

	NoReferrers bool // no referrers API and no OCI-Subject header, as in distribution
	NoMount     bool // a mount is answered with 202, as if the blob did not exist
	NoTagDelete bool // DELETE of a tag is answered with 405
	NoPatch     bool // PATCH is answered with 405: only monolithic uploads
	NoRange     bool // GET of a blob ignores Range and answers with 200
	OneStepPost bool // POST …?digest= with a body stores the blob; otherwise, it opens a session
	ETags       bool // manifests have an ETag, and PUT honors If-Match and If-None-Match
	Forgetful   bool // an upload session loses the bytes of a request that broke off, as in zot

	Limits Limits
	Auth   Auth
	Login  Login
	TLS    bool
	Line   Line
}

// Limits limit requests and responses. 0 means no limit.
type Limits struct {
	ChunkMin int64 // sent as OCI-Chunk-Min-Length, and enforced
	MaxBody  int64 // a larger request body is answered with 413
	PageSize int   // tags or referrers in one response
}

// Login has the credentials that Options.Auth requires.
type Login struct {
	Username, Password string // default: "test" and "secret"
	TokenUses          int    // requests that a token is valid for; no limit if 0
}

// Line sets the speed of the network between client and registry.
type Line struct {
	Latency time.Duration // round trip added to every request and to every new connection
	Rate    int64         // bytes per second, for each connection and direction; unlimited if 0
}

// Registry is the HTTP handler of a test registry. Its methods may be called while requests are served.
type Registry struct {
	opts Options
	URL  string // of the running server: http://127.0.0.1:PORT
	Host string // 127.0.0.1:PORT, for references
	CA   []byte // PEM of the certificate of a server with TLS

	mu      sync.Mutex
	blobs   map[string]*blob       // by digest, of all repositories
	repos   map[string]*repository // by name
	uploads map[string]*upload     // by session
	tokens  map[string]*token      // issued and still valid
	serial  int
	faults  []*injected
	log     []*entry
}

type repository struct {
	blobs     map[string]bool
	manifests map[string]manifest // by digest
	tags      map[string]string   // digests, by tag
}

// Classes of paths: the second word of Request.Op.
const (
	classPing      = "ping"
	classBlob      = "blob"
	classUploads   = "uploads" // where a session starts
	classUpload    = "upload"  // a session
	classManifest  = "manifest"
	classTags      = "tags"
	classCatalog   = "catalog"
	classReferrers = "referrers"
	classToken     = "token"
	classStore     = "store" // a blob at the target of a redirect
	classOther     = "other"
)

const namePattern = `([a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)`

var routes = []struct {
	class string
	path  *regexp.Regexp
	serve func(*Registry, http.ResponseWriter, *http.Request, string, string)
}{
	{classPing, regexp.MustCompile(`^/v2/()()$`), (*Registry).servePing},
	{classCatalog, regexp.MustCompile(`^/v2/_catalog()()$`), (*Registry).serveCatalog},
	{classUploads, regexp.MustCompile(`^/v2/` + namePattern + `/blobs/uploads/()$`), (*Registry).serveUploads},
	{classUpload, regexp.MustCompile(`^/v2/` + namePattern + `/blobs/uploads/([^/]+)$`), (*Registry).serveUpload},
	{classBlob, regexp.MustCompile(`^/v2/` + namePattern + `/blobs/([^/]+)$`), (*Registry).serveBlob},
	{classManifest, regexp.MustCompile(`^/v2/` + namePattern + `/manifests/([^/]+)$`), (*Registry).serveManifest},
	{classTags, regexp.MustCompile(`^/v2/` + namePattern + `/tags/list()$`), (*Registry).serveTags},
	{classReferrers, regexp.MustCompile(`^/v2/` + namePattern + `/referrers/([^/]+)$`), (*Registry).serveReferrers},
	{classToken, regexp.MustCompile(`^/token()()$`), (*Registry).serveToken},
	{classStore, regexp.MustCompile(`^/store/` + namePattern + `/([^/]+)$`), (*Registry).serveBlob},
}

// New creates a registry without a server; Start also serves it.
func New(opts Options) *Registry {
	if opts.Login.Username == "" {
		opts.Login.Username, opts.Login.Password = "test", "secret"
	}
	return &Registry{
		opts:    opts,
		blobs:   map[string]*blob{},
		repos:   map[string]*repository{},
		uploads: map[string]*upload{},
		tokens:  map[string]*token{},
	}
}

// ServeHTTP records a request and serves it, with the injected faults that apply to it.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(g.opts.Line.Latency)
	class, serve := g.route(r)
	rec, r := g.record(w, r, class)
	var handler http.Handler = http.HandlerFunc(serve)
	for _, fault := range g.nextFaults(rec.entry.Op) {
		handler = fault(handler)
	}
	handler.ServeHTTP(rec, r)
}

// route returns the class and the handler of a request.
func (g *Registry) route(r *http.Request) (string, http.HandlerFunc) {
	for _, route := range routes {
		m := route.path.FindStringSubmatch(r.URL.Path)
		if m == nil {
			continue
		}
		return route.class, func(w http.ResponseWriter, r *http.Request) {
			if route.class != classToken && route.class != classStore && !g.authorize(w, r, m[1]) {
				return
			}
			route.serve(g, w, r, m[1], m[2])
		}
	}
	return classOther, func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "NAME_INVALID", "no such path")
	}
}

func (g *Registry) servePing(w http.ResponseWriter, _ *http.Request, _, _ string) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	w.WriteHeader(http.StatusOK)
}

// repo returns the repository with a name, which it creates if necessary. g.mu is held.
func (g *Registry) repo(name string) *repository {
	if g.repos[name] == nil {
		g.repos[name] = &repository{blobs: map[string]bool{}, manifests: map[string]manifest{}, tags: map[string]string{}}
	}
	return g.repos[name]
}

// refuse answers with an error in the JSON of the distribution-spec.
func refuse(w http.ResponseWriter, status int, code, message string) {
	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, _ := json.Marshal(map[string][]entry{"errors": {{code, message}}})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

func respondNotAllowed(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", strings.ToLower(r.Method)+" is not supported here")
}

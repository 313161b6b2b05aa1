package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/hashing"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Options say how registries are reached. The zero value is good.
type Options struct {
	PlainHTTP bool // http also to registries that are not on this machine
	TLS       bool // https also to loopback, which has plain HTTP otherwise; a CA or client certificate implies it
	Insecure  bool // https without checking the certificate

	CAFile            string // PEM, trusted besides the system's
	CertFile, KeyFile string // PEM, the client's certificate

	Registry           string // the one that Username and Password are for, as in a Reference; empty: none
	Username, Password string // win over Config. A password alone is an identity token
	Config             string // docker's config.json or containers' auth.json; empty: no stored credentials
	Home               string // what ~ in a path stands for; empty: such a path is refused

	Concurrency int           // connections for one blob, and the idle ones kept; 0: 8
	RetryFor    time.Duration // how long one thing may keep failing; 0: 5 minutes; below 0: it may not
	Stall       time.Duration // how long a registry may be silent; 0: 30 seconds
	CacheDir    string        // state of interrupted uploads and locks; empty: none is kept
	UserAgent   string        // empty: "davit"
	Trace       func(string)  // told a line for every HTTP request, without its secrets; from several goroutines
}

// Client opens targets. What it holds — connections, tokens, what a host asked for — is shared by all of them.
type Client struct {
	opts    Options
	onePass int64         // onePassFrom, or less in tests
	delay   time.Duration // firstDelay, or less in tests

	setup     func() error // once, before the first request
	transport *transport
	bare      *http.Client // never sends credentials
	auth      *auth.Client
	config    func() (*dockerConfig, error)

	mu      sync.Mutex
	extra   int          // connections beyond the first of each download
	queued  atomic.Int32 // blocks that wait for the hashes of downloads
	fetched atomic.Int64 // bytes of downloads
	hashes  hashing.Group
	serials sync.Map // name → *sync.Mutex
	seen    sync.Map // seenKey → repository
}

// New makes a client. It is cheap: nothing is read or dialled before the first use.
func New(opts Options) *Client {
	if opts.Concurrency <= 0 {
		opts.Concurrency = 8
	}
	if opts.RetryFor == 0 {
		opts.RetryFor = 5 * time.Minute
	}
	if opts.Stall <= 0 {
		opts.Stall = 30 * time.Second
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "davit"
	}
	c := &Client{opts: opts, onePass: onePassFrom, delay: firstDelay}
	c.setup = sync.OnceValue(c.connect)
	c.config = sync.OnceValues(func() (*dockerConfig, error) { return readDockerConfig(opts.Config) })
	return c
}

// Open gives the target that a reference names. Its tag and digest are not looked at.
func (c *Client) Open(ctx context.Context, ref Reference, mode Mode) (Target, error) {
	if !ref.IsPath() {
		return c.OpenRepository(ctx, ref, mode)
	}
	path, err := expandHome(ref.Path, c.opts.Home)
	if err != nil {
		return nil, err
	}
	if ref.IsArchive() {
		return openArchive(path, mode)
	}
	return openLayout(path, mode)
}

// expandHome puts the home directory in the place of "~". Other users' homes are the shell's business.
func expandHome(path, home string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok {
		return path, nil
	}
	if home == "" || rest != "" && rest[0] != '/' {
		return "", badReference(path, hinted{errors.New("what ~ stands for is not known"), "write the directory in full"})
	}
	return home + rest, nil
}

// OpenRepository opens a repository of a registry. Nothing is sent before the first use.
func (c *Client) OpenRepository(_ context.Context, ref Reference, mode Mode) (*Repository, error) {
	if err := c.setup(); err != nil {
		return nil, err
	}
	return newRepository(c, ref, mode), nil
}

// connect builds the HTTP client.
func (c *Client) connect() error {
	config, err := c.tlsConfig()
	if err != nil {
		return err
	}
	idle := c.opts.Concurrency + 4
	c.transport = &transport{
		retryFor: max(c.opts.RetryFor, 0),
		delay:    c.delay,
		stall:    c.opts.Stall,
		trace:    c.opts.Trace,
		agent:    c.opts.UserAgent,
		base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer(&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}),
			TLSClientConfig:       config,
			TLSHandshakeTimeout:   15 * time.Second,
			ExpectContinueTimeout: time.Second,
			// HTTP/1.1: one TCP connection would carry all streams of HTTP/2, and ranges want several.
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
			MaxIdleConns:           4 * idle,
			MaxIdleConnsPerHost:    idle,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
			ReadBufferSize:         64 << 10,
			WriteBufferSize:        64 << 10,
			DisableCompression:     true, // a blob's bytes are what its digest is of
		},
	}
	c.bare = &http.Client{Transport: c.transport, CheckRedirect: checkRedirect}
	c.auth = &auth.Client{
		Client:     c.bare,
		Cache:      auth.NewCache(),
		ClientID:   "davit",
		Credential: c.credential,
	}
	return nil
}

func (c *Client) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.opts.Insecure}
	if c.opts.CAFile != "" {
		pem, err := os.ReadFile(c.opts.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading CA certificates: %w", err)
		}
		config.RootCAs, err = x509.SystemCertPool()
		if err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &artifact.Error{Op: "reading CA certificates", Item: c.opts.CAFile,
				Err: marked{errors.New("it has no certificate in PEM"), artifact.ErrInvalid}}
		}
	}
	if c.opts.CertFile == "" && c.opts.KeyFile == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(c.opts.CertFile, c.opts.KeyFile)
	if isLocal(err) {
		return nil, fmt.Errorf("reading the client certificate: %w", err)
	}
	if err != nil {
		return nil, &artifact.Error{Op: "reading the client certificate", Item: c.opts.CertFile,
			Err: marked{err, artifact.ErrInvalid}}
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// plain tells whether a registry is spoken to without TLS.
func (c *Client) plain(registry string) bool {
	o := c.opts
	return o.PlainHTTP || loopback(registry) && !o.TLS && !o.Insecure && o.CAFile == "" && o.CertFile == ""
}

// credential finds the credentials for a host, when one asks for them. Those given by hand go to one registry only:
// whatever else a command opens (the source of a copy, the base of an image) may belong to somebody else.
func (c *Client) credential(ctx context.Context, hostport string) (auth.Credential, error) {
	o := c.opts
	given := o.Username != "" || o.Password != ""
	if given && o.Registry != "" && hostport == (registry.Reference{Registry: o.Registry}).Host() {
		return explicitCredential(o.Username, o.Password), nil
	}
	config, err := c.config()
	if err != nil {
		return auth.EmptyCredential, err
	}
	return config.lookup(ctx, hostport, repositoryOf(ctx))
}

func explicitCredential(username, password string) auth.Credential {
	if username == "" {
		return auth.Credential{RefreshToken: password}
	}
	return auth.Credential{Username: username, Password: password}
}

// maskedQuery shows the names of a query's values, and of the values only those that are no secret.
func maskedQuery(q url.Values) string {
	var parts []string
	for name, values := range q {
		switch name {
		case "digest", "mount", "from", "n", "last", "artifactType", "scope", "service":
			for _, v := range values {
				parts = append(parts, name+"="+oneLine(v, 200))
			}
		default:
			parts = append(parts, name+"=***")
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

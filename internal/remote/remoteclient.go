package remote

import (
	"context"
	"sync"
	"time"

	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/blob"
	"github.com/davit-oci/davit/internal/remote/blob/share"
	"github.com/davit-oci/davit/internal/remote/blob/upload"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// Options configure how registries are reached. The zero value is usable.
type Options struct {
	Security    transport.Security
	Credentials credentials.Options

	Concurrency int           // connections for one blob, and the idle ones kept; 0: 8
	RetryFor    time.Duration // how long requests of one type may keep failing; 0: 5 minutes; below 0: no retries
	Stall       time.Duration // how long a registry may be silent; 0: 30 seconds
	CacheDir    string        // state of interrupted uploads and locks; empty: none is kept
	UserAgent   string        // empty: "davit"
	Trace       func(string)  // receives a line for every HTTP request, without its secrets; from several goroutines
	Notify      func(string)  // receives messages for the user, such as that it waits; from several goroutines
	Failing     func(error)   // receives why a request will be sent again, and nil when it succeeds; from several goroutines

	delay time.Duration // before the second try; 0: what the transport chooses
}

// Client opens repositories of registries. They share its connections, tokens, and rate limits.
type Client struct {
	opts Options

	setup func() error // once, before the first request
	http  *api.Client
	creds *credentials.Store
	blobs *blob.Shared
	share *share.Downloads

	serials sync.Map // name → *sync.Mutex
}

// New returns a client. It reads nothing and connects to nothing before the first use.
func New(opts Options) *Client {
	if opts.Concurrency <= 0 {
		opts.Concurrency = 8
	}
	c := &Client{
		opts:  opts,
		creds: credentials.NewStore(opts.Credentials),
		blobs: &blob.Shared{Concurrency: opts.Concurrency, CacheDir: opts.CacheDir, OnePass: upload.OnePassFrom},
	}
	c.share = &share.Downloads{Dir: blob.CacheDir(opts.CacheDir, "downloads")}
	c.http = api.NewClient(transport.Options{
		Security: opts.Security, Connections: opts.Concurrency, RetryFor: opts.RetryFor, Stall: opts.Stall, Delay: opts.delay,
		UserAgent: opts.UserAgent, Trace: opts.Trace, Notify: opts.Notify, Failing: opts.Failing,
	}, c.creds)
	c.creds.Notify = c.http.Transport.Notify
	c.setup = sync.OnceValue(c.http.Transport.Connect)
	return c
}

// OpenRepository opens a repository of a registry. Nothing is sent before the first use.
func (c *Client) OpenRepository(host, repository string, mode reference.Mode) (*Repository, error) {
	if err := c.setup(); err != nil {
		return nil, err
	}
	return newRepository(c, host, repository, mode), nil
}

// connect reads the files that the options name. Any of them may be a pipe.
func (c *Client) connect(ctx context.Context) error {
	_, err := pause.Await(ctx, func() (struct{}, error) { return struct{}{}, c.setup() })
	return err
}

// Login checks a username and password (or, without a username, an identity token) with the registry at host, and keeps
// them in the store that Credentials.File names: a helper, or the file itself. It returns where they are kept, "" for a
// helper.
func (c *Client) Login(ctx context.Context, host, username, password string) (string, error) {
	if err := c.connect(ctx); err != nil {
		return "", err
	}
	return c.creds.Login(ctx, c.http.Transport, host, username, password)
}

// Logout removes the credentials of a host. Without any, the error is errdef.ErrNotFound.
func (c *Client) Logout(ctx context.Context, host string) error {
	return c.creds.Logout(ctx, host)
}

// serial lets one goroutine at a time work on name; call the returned function when done.
func (c *Client) serial(name string) (unlock func()) {
	m, _ := c.serials.LoadOrStore(name, &sync.Mutex{})
	m.(*sync.Mutex).Lock()
	return m.(*sync.Mutex).Unlock
}

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

	Concurrency int           // maximum connections for one blob, and idle connections to keep; 8 if 0
	RetryFor    time.Duration // how long requests of one type may keep failing; 5 minutes if 0; no retries if negative
	Stall       time.Duration // how long a registry may be silent; 30 seconds if 0
	CacheDir    string        // directory for locks, shared downloads, and the state of uploads; may be empty
	UserAgent   string        // "davit" if empty
	Trace       func(string)  // receives a line for every HTTP request, without its secrets; from several goroutines
	Notify      func(string)  // receives messages for the user, such as that a request waits; from several goroutines
	Failing     func(error)   // receives the error before a request is retried, and nil when it succeeds; from several goroutines

	delay time.Duration // before the second attempt; the transport's default if 0
}

// Client opens repositories of registries. The repositories share its connections, tokens, and rate limits.
type Client struct {
	opts Options

	setup func() error // must be called before the first request; does its work only once
	http  *api.Client
	creds *credentials.Store
	blobs *blob.Shared
	share *share.Downloads

	locks sync.Map // name → *sync.Mutex
}

// New returns a client. The client reads no files and opens no connections before its first use.
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

// OpenRepository opens a repository of a registry, without sending a request.
func (c *Client) OpenRepository(host, repository string, mode reference.Mode) (*Repository, error) {
	if err := c.setup(); err != nil {
		return nil, err
	}
	return newRepository(c, host, repository, mode), nil
}

// connect reads the files named in the options. It stops waiting when ctx ends, because any of them may be a pipe.
func (c *Client) connect(ctx context.Context) error {
	_, err := pause.Await(ctx, func() (struct{}, error) { return struct{}{}, c.setup() })
	return err
}

// Login checks a username and password (or, without a username, an identity token) with the registry at host, and stores
// them: in the credential helper that Credentials.File names, or in that file itself. It returns the path of the file, or "" for
// a helper.
func (c *Client) Login(ctx context.Context, host, username, password string) (string, error) {
	if err := c.connect(ctx); err != nil {
		return "", err
	}
	return c.creds.Login(ctx, c.http.Transport, host, username, password)
}

// Logout removes the credentials of a host. It fails with errdef.ErrNotFound if the host has no credentials.
func (c *Client) Logout(ctx context.Context, host string) error {
	return c.creds.Logout(ctx, host)
}

// lock locks a name among the goroutines that use the client, and returns a function that unlocks it.
func (c *Client) lock(name string) (unlock func()) {
	m, _ := c.locks.LoadOrStore(name, &sync.Mutex{})
	m.(*sync.Mutex).Lock()
	return m.(*sync.Mutex).Unlock
}

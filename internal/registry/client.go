package registry

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// Options say how registries are reached. The zero value is good.
type Options struct {
	Security    Security
	Credentials Credentials
	Home        string // what ~ in a path stands for; empty: such a path is refused

	Concurrency int           // connections for one blob, and the idle ones kept; 0: 8
	RetryFor    time.Duration // how long one thing may keep failing; 0: 5 minutes; below 0: it may not
	Stall       time.Duration // how long a registry may be silent; 0: 30 seconds
	CacheDir    string        // state of interrupted uploads and locks; empty: none is kept
	UserAgent   string        // empty: "davit"
	Trace       func(string)  // told a line for every HTTP request, without its secrets; from several goroutines
}

// Client opens targets. What it holds — connections, tokens, what a host asked for — is shared by all of them.
type Client struct {
	opts Options

	setup func() error // once, before the first request
	http  *apiClient
	creds *credentialStore
	blobs *blobShared

	serials sync.Map // name → *sync.Mutex
}

// New makes a client. It is cheap: nothing is read or dialled before the first use.
func New(opts Options) *Client {
	if opts.Concurrency <= 0 {
		opts.Concurrency = 8
	}
	c := &Client{
		opts:  opts,
		creds: newCredentialStore(opts.Credentials),
		blobs: &blobShared{concurrency: opts.Concurrency, cacheDir: opts.CacheDir, onePass: onePassFrom},
	}
	c.http = newAPIClient(transportOptions{
		Security: opts.Security, Connections: opts.Concurrency, RetryFor: opts.RetryFor, Stall: opts.Stall,
		UserAgent: opts.UserAgent, Trace: opts.Trace,
	}, c.creds)
	c.setup = sync.OnceValue(c.http.transport.connect)
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

// Login checks a username and password (or, without a username, an identity token) with the registry at host, and keeps
// them in the store that Credentials.File names: a helper, or the file itself. It returns where they are kept, "" for a
// helper.
func (c *Client) Login(ctx context.Context, host, username, password string) (string, error) {
	if err := c.setup(); err != nil {
		return "", err
	}
	return c.creds.login(ctx, c.http.transport, host, username, password)
}

// Logout forgets the credentials of a host. There being none is errdef.ErrNotFound.
func (c *Client) Logout(ctx context.Context, host string) error { return c.creds.logout(ctx, host) }

// serial lets one goroutine at a time do what name stands for; call the result when done.
func (c *Client) serial(name string) (unlock func()) {
	m, _ := c.serials.LoadOrStore(name, &sync.Mutex{})
	m.(*sync.Mutex).Lock()
	return m.(*sync.Mutex).Unlock
}

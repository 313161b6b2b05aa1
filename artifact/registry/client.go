package registry

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/hostconfig"
	"github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/layout/archive"
	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/mirrors"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// Options configure how registries are reached. The zero value is usable.
type Options struct {
	Security    transport.Security
	Credentials credentials.Options
	Home        string // replaces ~ in a path; if empty, such a path is refused

	Concurrency int           // maximum number of connections for one blob, and of idle ones; 0 means 8
	RetryFor    time.Duration // how long requests of one type may keep failing; 0 means 5 minutes, a negative value no retries
	Stall       time.Duration // how long a registry may be silent; 0 means 30 seconds
	CacheDir    string        // state of interrupted uploads and locks; if empty, no state is kept
	UserAgent   string        // if empty, "davit"
	Trace       func(string)  // receives a line for every HTTP request, without its secrets; from several goroutines
	Notify      func(string)  // receives messages for the user, such as that a request waits; from several goroutines
	Failing     func(error)   // receives the error after which a request is sent again, and nil when it succeeds; from several goroutines

	Hosts *hostconfig.Rules // mirrors, certificates, and other settings of hosts; Security takes precedence over them; may be nil
}

// Client opens targets, which share its connections, tokens, and rate limits.
type Client struct {
	opts Options

	mu      sync.Mutex
	remotes map[hostSettings]*remote.Client
}

// hostSettings are the options that differ between hosts.
type hostSettings struct {
	transport.Security
	concurrency int
}

// New returns a client. It reads nothing and connects to nothing before the first use.
func New(o Options) *Client {
	return &Client{opts: o, remotes: map[hostSettings]*remote.Client{}}
}

// at returns the client for an endpoint.
func (c *Client) at(e hostconfig.Endpoint) *remote.Client {
	s := hostSettings{c.opts.Security.For(e), cmp.Or(c.opts.Concurrency, e.Concurrency)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remotes[s] == nil {
		o := c.opts
		c.remotes[s] = remote.New(remote.Options{
			Security: s.Security, Credentials: o.Credentials, Concurrency: s.concurrency, RetryFor: o.RetryFor, Stall: o.Stall,
			CacheDir: o.CacheDir, UserAgent: o.UserAgent, Trace: o.Trace, Notify: o.Notify, Failing: o.Failing,
		})
	}
	return c.remotes[s]
}

// host returns the client for a registry.
func (c *Client) host(name string) (*remote.Client, error) {
	if c.opts.Hosts == nil {
		return c.at(hostconfig.Endpoint{}), nil
	}
	if host, err := reference.ParseHost(name); err == nil {
		name = host // without a scheme
	}
	e, err := c.opts.Hosts.Host(name)
	return c.at(e), err
}

// openRepository opens the repository that the host rules route ref to. For reading, it includes the mirrors of the route.
func (c *Client) openRepository(ref Reference, mode reference.Mode) (Target, error) {
	if c.opts.Hosts == nil {
		return c.at(hostconfig.Endpoint{}).OpenRepository(ref.Registry, ref.Repository, mode)
	}
	route, err := c.opts.Hosts.For(ref.Registry, ref.Repository)
	if err != nil {
		return nil, err
	}
	if route.Blocked != "" {
		return nil, artifact.Refused(ref.Name(), "registries.conf blocks %s", route.Blocked)
	}
	primary, err := c.at(route.Target).OpenRepository(route.Target.Host, route.Target.Repository, mode)
	if err != nil || mode != reference.Read || len(route.Mirrors) == 0 {
		return primary, err
	}
	r := mirrors.New(primary, c.opts.Notify)
	for _, e := range route.Mirrors {
		mirror, err := c.at(e).OpenRepository(e.Host, e.Repository, mode)
		if err != nil {
			return nil, err
		}
		r.Add(mirror, e.When)
	}
	return r, nil
}

// Open opens the target that a reference names, and ignores its tag and digest. A registry is not contacted yet. Open fails
// with errdef.ErrNotFound if a layout or archive to read does not exist, and with artifact.ErrInvalid if a file is not an image
// layout.
func (c *Client) Open(ctx context.Context, ref Reference, mode reference.Mode) (Target, error) {
	if !ref.IsPath() {
		return pause.Await(ctx, func() (Target, error) { return c.openRepository(ref, mode) }) // the options may name files that are pipes
	}
	path, err := expandHome(ref.Path, c.opts.Home)
	if err != nil {
		return nil, err
	}
	if ref.IsArchive() {
		return archive.Open(path, mode)
	}
	return layout.Open(path, mode)
}

// Repositories lists the repositories in the catalog of a registry, and calls fn for each page. It fails with
// errdef.ErrNotFound if the registry has no catalog, and with a *[Denied] if the user may not read the catalog.
func (c *Client) Repositories(ctx context.Context, host string, fn func(names []string) error) error {
	client, err := c.host(host)
	if err != nil {
		return err
	}
	return client.Repositories(ctx, host, fn)
}

// expandHome replaces "~" with the home directory. It refuses "~USER", which shells expand.
func expandHome(path, home string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok {
		return path, nil
	}
	if home == "" || rest != "" && rest[0] != '/' {
		return "", reference.Error(path, reference.WithHint(errors.New("unknown home directory"), "write the path without ~"))
	}
	return home + rest, nil
}

// Login checks a username and password (or, without a username, an identity token) with the registry at host, and keeps
// them in the store that Credentials.File names: a helper, or the file itself. It returns the path of that file, or "" for
// a helper.
//
// Login fails with artifact.ErrInvalid if the host is invalid, with a *[Denied] if the registry refuses the credentials,
// with an *[Unavailable] if the registry does not answer, and with an *artifact.Error if the store can't keep them.
func (c *Client) Login(ctx context.Context, host, username, password string) (string, error) {
	client, err := c.host(host)
	if err != nil {
		return "", err
	}
	return client.Login(ctx, host, username, password)
}

// Logout removes the credentials of a host. It fails with errdef.ErrNotFound if none are stored. Its other errors are those of Login.
func (c *Client) Logout(ctx context.Context, host string) error {
	return c.at(hostconfig.Endpoint{}).Logout(ctx, host)
}

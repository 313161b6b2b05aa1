package registry

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/davit-oci/davit/internal/layout"
	"github.com/davit-oci/davit/internal/layout/archive"

	"github.com/davit-oci/davit/internal/reference"
	"github.com/davit-oci/davit/internal/remote"
	"github.com/davit-oci/davit/internal/remote/credentials"
	"github.com/davit-oci/davit/internal/remote/transport"
)

// Options configure how registries are reached. The zero value is usable.
type Options struct {
	Security    transport.Security
	Credentials credentials.Options
	Home        string // replaces ~ in a path; empty: such a path is refused

	Concurrency int           // connections for one blob, and the idle ones kept; 0: 8
	RetryFor    time.Duration // how long one operation may keep failing; 0: 5 minutes; below 0: no retries
	Stall       time.Duration // how long a registry may be silent; 0: 30 seconds
	CacheDir    string        // state of interrupted uploads and locks; empty: none is kept
	UserAgent   string        // empty: "davit"
	Trace       func(string)  // receives a line for every HTTP request, without its secrets; from several goroutines
	Notify      func(string)  // receives what the user should know, such as a wait; from several goroutines
}

// Client opens targets, which share its connections, tokens, and rate limits.
type Client struct {
	remote *remote.Client
	home   string
}

// New returns a client. It reads nothing and connects to nothing before the first use.
func New(o Options) *Client {
	return &Client{home: o.Home, remote: remote.New(remote.Options{
		Security: o.Security, Credentials: o.Credentials, Concurrency: o.Concurrency, RetryFor: o.RetryFor, Stall: o.Stall,
		CacheDir: o.CacheDir, UserAgent: o.UserAgent, Trace: o.Trace, Notify: o.Notify,
	})}
}

// Open opens the target that a reference names, and ignores its tag and digest. A registry is not contacted yet. A layout
// or archive that is opened for reading and does not exist is an errdef.ErrNotFound; a file that is not an image layout is
// an artifact.ErrInvalid.
func (c *Client) Open(_ context.Context, ref Reference, mode reference.Mode) (Target, error) {
	if !ref.IsPath() {
		return c.remote.OpenRepository(ref.Registry, ref.Repository, mode)
	}
	path, err := expandHome(ref.Path, c.home)
	if err != nil {
		return nil, err
	}
	if ref.IsArchive() {
		return archive.Open(path, mode)
	}
	return layout.Open(path, mode)
}

// Repositories lists the repositories of a registry, page by page, by its catalog. Registries that do not have one, or do not let the
// user read it, answer with an errdef.ErrNotFound or a *[Denied].
func (c *Client) Repositories(ctx context.Context, host string, fn func(names []string) error) error {
	return c.remote.Repositories(ctx, host, fn)
}

// expandHome replaces "~" with the home directory. The homes of other users are left to the shell.
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
// them in the store that Credentials.File names: a helper, or the file itself. It returns where they are kept, "" for a
// helper.
func (c *Client) Login(ctx context.Context, host, username, password string) (string, error) {
	return c.remote.Login(ctx, host, username, password)
}

// Logout removes the credentials of a host. Without any, the error is errdef.ErrNotFound.
func (c *Client) Logout(ctx context.Context, host string) error { return c.remote.Logout(ctx, host) }

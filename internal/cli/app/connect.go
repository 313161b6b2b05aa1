package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/build"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/pack"
	"github.com/spf13/pflag"
)

// AddRegistryFlags adds the flags of every command that opens a target.
func (a *App) AddRegistryFlags(fs *pflag.FlagSet) {
	o := &a.Registry
	shared := pflag.NewFlagSet("registry", pflag.ContinueOnError)
	shared.BoolFunc("plain-http", "use plain HTTP (the default for localhost; =false forces TLS)", func(s string) error {
		plain, err := strconv.ParseBool(s)
		o.Security.PlainHTTP, o.Security.TLS = plain, !plain
		return err
	})
	shared.BoolVar(&o.Security.Insecure, "insecure", false, "do not check the certificate of the registry")
	shared.StringVar(&o.Security.CAFile, "ca-file", "", "trust the certificates in this `FILE` (PEM) too")
	shared.StringVar(&o.Security.CertFile, "cert-file", "", "present the client certificate in this `FILE` (PEM)")
	shared.StringVar(&o.Security.KeyFile, "key-file", "", "read the key of the client certificate from this `FILE` (PEM)")
	shared.StringVarP(&a.Logins.Only.username, "username", "u", "", "log in as `USER` instead of with the stored credentials")
	shared.BoolVar(&a.Logins.Only.passwordStdin, "password-stdin", false, "read the password, or a token, from standard input")
	shared.StringVar(&o.Credentials.File, "registry-config", "", "read credentials from this `FILE` (default: docker's and podman's)")
	shared.Func("concurrency", "transfer `N` blobs at once, and use N connections for one blob (default 8)", func(s string) (err error) {
		if o.Concurrency, err = strconv.Atoi(s); err != nil || o.Concurrency < 1 {
			return errors.New("must be a number, at least 1")
		}
		return nil
	})
	shared.DurationVar(&o.RetryFor, "retry-for", 0, "give up after requests of one type have failed for this `TIME` without progress (default 5m; negative: no retries)")
	shared.DurationVar(&o.Stall, "stall-timeout", 0, "break a connection on which nothing arrives for this `TIME` (default 30s)")
	shared.DurationVar(&a.timeout, "timeout", 0, "give up the command after this `TIME` (default: no limit)")
	addGrouped(fs, shared)
}

// addGrouped adds flags to the group RegistryFlags, and lets environment variables set them.
func addGrouped(fs, shared *pflag.FlagSet) {
	shared.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{FlagGroup: {RegistryFlags}}
		ReadFromEnv(f)
		fs.AddFlag(f)
	})
}

// client returns the client for a connection, made from the flags and the environment. Targets with the same connection share
// a client. It returns a usage error for negative flags.
func (a *App) client(via connection) (*registry.Client, error) {
	if client := a.clients[via]; client != nil {
		return client, nil
	}
	o := a.Registry
	if o.Stall < 0 {
		return nil, &exit.UsageError{Err: fmt.Errorf("--stall-timeout %v: can't be negative", o.Stall)}
	}
	o.Credentials.Registry, o.Credentials.Username, o.Credentials.Password = via.registry, via.username, via.password
	o.Security.PlainHTTP, o.Security.TLS, o.Security.Insecure = via.plainHTTP, via.tls, via.insecure
	o.Home, _ = os.UserHomeDir() // without a home directory, a path with ~ is an error
	if o.Credentials.File == "" {
		stored := registry.FromEnvironment().Credentials
		o.Credentials.File, o.Credentials.Named, o.Credentials.Files, o.Credentials.Inline = stored.File, stored.Named, stored.Files, stored.Inline
	} else {
		o.Credentials.Named = true
	}
	o.CacheDir, o.Hosts = CacheDir(), registry.FromEnvironment().Hosts
	o.UserAgent = "davit/" + build.Read().Version
	o.Notify = func(text string) { a.Note("%s", text) }
	o.Failing = func(err error) { a.failing.Store(&err) }
	if a.Debug {
		o.Trace = a.PrintDebug
	}
	client := registry.New(o)
	if a.clients == nil {
		a.clients = map[connection]*registry.Client{}
	}
	a.clients[via] = client
	return client, nil
}

// PlainClient returns a client without the credentials in flags.
func (a *App) PlainClient() (*registry.Client, error) { return a.client(a.plainConnection()) }

// PlainClientFor is like PlainClient, but requires TLS for an https:// address, even on localhost, unless --plain-http is set.
func (a *App) PlainClientFor(address string) (*registry.Client, error) {
	via := a.plainConnection()
	via.tls = via.tls || strings.HasPrefix(address, "https://") && !via.plainHTTP
	return a.client(via)
}

// CacheDir returns the cache directory. It is empty if the environment names none.
func CacheDir() string {
	return registry.FromEnvironment().CacheDir
}

// Cache returns the cache of file digests and packed directories.
func (a *App) Cache() *pack.Cache {
	if a.cache == nil {
		a.cache = pack.NewCache(CacheDir())
	}
	return a.cache
}

// WithTimeout returns a context that ends after --timeout, if that is set, with an exit.TimeoutError as its cause. It fails if the flag is
// negative.
func (a *App) WithTimeout(ctx context.Context) (context.Context, error) {
	if a.timeout < 0 {
		return ctx, &exit.UsageError{Err: fmt.Errorf("--timeout %v: can't be negative", a.timeout)}
	}
	if a.timeout == 0 {
		return ctx, nil
	}
	ctx, a.stop = context.WithTimeoutCause(ctx, a.timeout, &exit.TimeoutError{After: a.timeout})
	return ctx, nil
}

// Failing returns the error of a request that is about to be retried, or nil.
func (a *App) Failing() error {
	if err := a.failing.Load(); err != nil {
		return *err
	}
	return nil
}

// Close stops the timer of --timeout and writes the caches.
func (a *App) Close() {
	if a.stop != nil {
		a.stop()
	}
	if a.cache != nil {
		a.cache.Close()
	}
}

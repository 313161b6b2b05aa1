package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/cli/places"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/serve"
	"github.com/davit-oci/davit/internal/serve/accesslog"
	"github.com/davit-oci/davit/internal/shell"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/errdef"
)

func newServeCommand(a *app.App) *cobra.Command {
	var opts serveOptions
	cmd := &cobra.Command{
		Use:   "serve PATH",
		Short: "Serve a layout as an OCI registry, and as pages",
		Long: `Serve the content of PATH as an OCI registry until Ctrl-C: helm, docker, podman, skopeo, and
others pull from it, and push with --write. Ctrl-C finishes running requests and exits with 0;
a second one ends at once. --progress plain writes a line for each request.

PATH is an image layout, or a .tar archive of one, which is read-only. It is a repository under
its own name (./oci is HOST/oci) and under any other name: all of them have the tags of the
layout. An artifact that is pushed to another name keeps that name: HOST/charts/web:1.0 becomes
charts/web:1.0 in the layout, and only charts/web has its tag 1.0.

PATH may also be a directory with layouts in it. Each is the repository that its path names
(./mirror/team/app is HOST/team/app with "davit serve ./mirror"), and a push to a new name
creates a new layout.

A browser gets pages about repositories, tags, and artifacts at the same address. They are
read-only, and shown only under localhost, an IP address, or a name from --allow-host.

There is no authentication: every client that reaches the address can read everything, and
change it with --write. An address that other machines reach needs --allow-remote.`,
		Example: `  davit serve ./oci
  davit serve ./oci --write --addr 127.0.0.1:0
  helm push web-1.0.0.tgz oci://127.0.0.1:5000/charts --plain-http`,
		GroupID: app.GroupRegistry,
		Args:    app.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.path = args[0]
			return runServe(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.address, "addr", "127.0.0.1:5000", "listen on `HOST:PORT`; port 0 picks a free port")
	app.ReadFromEnv(cmd.Flags().Lookup("addr"))
	cmd.Flags().BoolVar(&opts.write, "write", false, "accept pushes and deletions")
	cmd.Flags().BoolVar(&opts.remote, "allow-remote", false, "allow an address that other machines reach, without authentication")
	cmd.Flags().StringArrayVar(&opts.hosts, "allow-host", nil, "show pages also under this host `NAME`, with --allow-remote (repeatable)")
	return cmd
}

type serveOptions struct {
	path, address string
	write, remote bool
	hosts         []string // of --allow-host
}

func runServe(ctx context.Context, a *app.App, opts serveOptions) error {
	ref, err := opts.reference()
	if err != nil {
		return err
	}
	if len(opts.hosts) > 0 && !opts.remote {
		return &exit.UsageError{Err: errors.New("--allow-host is for clients on other machines"), Hint: "add --allow-remote"}
	}
	address, err := opts.parseAddress()
	if err != nil {
		return err
	}
	client, err := a.PlainClient()
	if err != nil {
		return err
	}
	server, err := serve.Open(ctx, client.Open, ref.Path, serve.Options{
		Write: opts.write, Remote: opts.remote, Hosts: opts.hosts, Log: func(r accesslog.Request) { logRequest(a, r) }, Stopping: func(requests int) { noteStopping(a, requests) },
	})
	if (errors.Is(err, errdef.ErrNotFound) || errors.Is(err, fs.ErrNotExist)) && !opts.write {
		return &artifact.Error{Err: err, Hint: "to make one there by pushing: " + shell.Command("davit", "serve", opts.path, "--write")}
	}
	if err != nil {
		return err
	}
	listener, err := net.ListenTCP("tcp", address)
	if err != nil {
		return fault.Join(&listenError{err}, server.Close())
	}
	if err := announce(ctx, a, server, listener, opts); err != nil {
		return fault.Join(err, listener.Close(), server.Close())
	}
	return server.Serve(ctx, listener)
}

// reference returns the reference of the layout to serve. It returns a usage error for a registry, for one
// artifact, and for an archive with --write.
func (o serveOptions) reference() (registry.Reference, error) {
	ref, err := registry.Parse(app.LocalPath(o.path))
	switch {
	case err != nil:
		return ref, err
	case !o.write && !paths.Exists(ref.Path) && places.IsRemote(o.path):
		err = &exit.UsageError{Err: fmt.Errorf("%q is in a registry: serve takes a layout on disk", o.path), Hint: shell.Command("davit", "browse", o.path)}
	case ref.Reference() != "":
		err = &exit.UsageError{Err: fmt.Errorf("%q names one artifact: a layout is served as a whole", o.path), Hint: shell.Command("davit", "serve", ref.Path)}
	case ref.IsArchive() && o.write:
		err = &exit.UsageError{
			Err:  fmt.Errorf("--write: the archive %q is read-only", o.path),
			Hint: "make a layout of it: " + shell.Command("davit", "copy", ref.Path, strings.TrimSuffix(ref.Path, ".tar"), "--all-tags"),
		}
	}
	return ref, err
}

// parseAddress parses --addr. An address that other machines can reach requires --allow-remote.
func (o serveOptions) parseAddress() (*net.TCPAddr, error) {
	address, err := net.ResolveTCPAddr("tcp", o.address)
	if err != nil {
		return nil, &exit.UsageError{Err: fmt.Errorf("--addr %q: %w", o.address, err), Hint: "use HOST:PORT, such as 127.0.0.1:5000"}
	}
	if address.IP.IsLoopback() || o.remote {
		return address, nil
	}
	return nil, &exit.UsageError{
		Err:  fmt.Errorf("--addr %s can be reached from other machines, and there is no authentication: %s", o.address, o.describeExposure()),
		Hint: "add --allow-remote to allow it; only this machine reaches 127.0.0.1",
	}
}

// describeExposure describes the access that every client gets.
func (o serveOptions) describeExposure() string {
	if o.write {
		return "every client that reaches the port can read, replace, and delete everything in " + o.path
	}
	return "every client that reaches the port can read everything in " + o.path
}

// listenError reports an address on which the program can't listen.
type listenError struct{ error }

// Unwrap returns the cause.
func (e *listenError) Unwrap() error { return e.error }

// Hint returns another address to try.
func (e *listenError) Hint() string {
	return "choose another address with --addr; port 0 picks a free port"
}

// announce prints the address of the server, and warnings about access and layouts that are not served. The listener already accepts
// connections.
func announce(ctx context.Context, a *app.App, server *serve.Server, listener net.Listener, opts serveOptions) error {
	repositories, err := server.Repositories(ctx)
	if err != nil {
		return err
	}
	address := listener.Addr().(*net.TCPAddr)
	if !address.IP.IsLoopback() {
		a.Warn("there is no authentication: %s", opts.describeExposure())
	}
	for _, name := range server.Nameless {
		a.Warn("%q is not served: its path is not a valid repository name (lower-case letters, digits, '-', '_', '.')", name)
	}
	return a.Print(&serveResult{
		Path: opts.path, URL: "http://" + address.String(), Address: address.String(), Write: opts.write, Repositories: repositories,
	})
}

// serveResult is the result of serve. It is printed when the server accepts connections.
type serveResult struct {
	Path         string   `json:"path"`
	URL          string   `json:"url"`
	Address      string   `json:"address"`
	Write        bool     `json:"write"`
	Repositories []string `json:"repositories"`
}

// WriteText prints the path and the address.
func (r *serveResult) WriteText(w io.Writer) error {
	return term.WriteLine(w, fmt.Sprintf("serving %s at %s", r.Path, r.URL))
}

// QuietLine returns the address.
func (r *serveResult) QuietLine() string { return r.URL }

// noteStopping prints a note if requests are still running after Ctrl-C.
func noteStopping(a *app.App, requests int) {
	if requests > 0 {
		a.Note("finishing %s; Ctrl-C again ends at once", term.Plural(requests, "request"))
	}
}

// logRequest prints a request with --debug or --progress plain. It always prints one that failed in the server (status 500 or above).
func logRequest(a *app.App, r accesslog.Request) {
	line := fmt.Sprintf("%s %s %d %s in %s", r.Method, r.Path, r.Status, term.Size(max(r.Sent, r.Received)), r.Took.Round(time.Millisecond))
	if r.Err != nil {
		line += ": " + r.Err.Error()
	}
	switch {
	case a.Debug:
		fmt.Fprintf(a.Stderr, "davit: debug: %s\n", term.Escape(line+" ("+r.Client+" "+r.UserAgent+")"))
	case r.Status >= 500:
		a.Warn("%s", line)
	case a.Stderr.Mode == term.ProgressPlain:
		fmt.Fprintf(a.Stderr, "%s\n", term.Escape(line))
	}
}

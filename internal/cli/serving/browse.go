package serving

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/davit-oci/davit/artifact/registry"
	"github.com/davit-oci/davit/internal/cli/app"
	"github.com/davit-oci/davit/internal/cli/exit"
	"github.com/davit-oci/davit/internal/cli/paths"
	"github.com/davit-oci/davit/internal/fault"
	"github.com/davit-oci/davit/internal/serve"
	"github.com/davit-oci/davit/internal/serve/accesslog"
	"github.com/davit-oci/davit/internal/serve/web"
	"github.com/davit-oci/davit/internal/serve/web/view"
	"github.com/davit-oci/davit/internal/term"
	"github.com/spf13/cobra"
)

// defaultTarget is the layout that pack writes by default.
const defaultTarget = "./oci"

func newBrowseCommand(a *app.App) *cobra.Command {
	var opts browseOptions
	cmd := &cobra.Command{
		Use:   "browse [TARGET]",
		Short: "Read a registry, repository, layout, or archive in a browser",
		Long: `Show the tags and artifacts of TARGET (default: the layout ./oci) as web pages until Ctrl-C. TARGET
may also be a directory with layouts in it, or the host of a registry that lists its repositories.

The address is printed, and opened if standard output is a terminal. Only this machine can reach it,
and a part of it is random and secret, because the pages show whatever your credentials can read.
The pages are read-only. "davit serve" shows the same pages about layouts at a fixed address.`,
		Example: `  davit browse
  davit browse registry.example.com/models/tiny:1.0
  davit browse ./registry --addr 127.0.0.1:0`,
		GroupID: app.GroupLook,
		Args:    app.Arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.target = strings.Join(args, "")
			return runBrowse(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVar(&opts.address, "addr", "127.0.0.1:0", "listen on `HOST:PORT` of this machine; port 0 picks a free port")
	a.AddRegistryFlags(cmd.Flags())
	return cmd
}

type browseOptions struct{ target, address string }

func runBrowse(ctx context.Context, a *app.App, opts browseOptions) error {
	if opts.target == "" {
		if !paths.Exists(defaultTarget) {
			return &exit.UsageError{Err: errors.New("TARGET is missing, and there is no ./oci in this directory"), Hint: "davit browse TARGET"}
		}
		opts.target = defaultTarget
	}
	address, err := opts.parseAddress()
	if err != nil {
		return err
	}
	source, closeSource, ref, err := openBrowsed(ctx, a, opts.target)
	if err != nil {
		return err
	}
	listener, err := net.ListenTCP("tcp", address)
	if err != nil {
		return fault.Join(&listenError{err}, closeSource())
	}
	result, err := newBrowseResult(ctx, source, ref, listener.Addr())
	if err == nil {
		err = a.Print(result)
	}
	if err != nil {
		return fault.Join(err, listener.Close(), closeSource())
	}
	if out, ok := a.Stdout.(*os.File); ok && term.IsTerminal(out) {
		openBrowser(result.URL)
	}
	err = serve.Pages(ctx, listener, source, serve.PageOptions{
		Prefix: result.prefix, Log: func(r accesslog.Request) { logPage(a, r, result.prefix) }, Stopping: func(requests int) { noteStopping(a, requests) },
	})
	return fault.Join(err, closeSource())
}

// parseAddress parses --addr. It returns a usage error for an address that other machines can reach.
func (o browseOptions) parseAddress() (*net.TCPAddr, error) {
	address, err := net.ResolveTCPAddr("tcp", o.address)
	if err != nil {
		return nil, &exit.UsageError{Err: fmt.Errorf("--addr %q: %w", o.address, err), Hint: "use HOST:PORT, such as 127.0.0.1:8080"}
	}
	if !address.IP.IsLoopback() {
		return nil, &exit.UsageError{
			Err:  fmt.Errorf("--addr %s can be reached from other machines, and the pages show whatever your credentials can read", o.address),
			Hint: "listen on 127.0.0.1; davit serve shows layouts to others",
		}
	}
	return address, nil
}

// browseResult is the result of browse. It is printed when the server accepts connections.
type browseResult struct {
	Reference string `json:"reference"`
	URL       string `json:"url"`

	prefix string // the secret part of the path
}

// WriteText prints the reference and the address.
func (r *browseResult) WriteText(w io.Writer) error {
	return term.WriteLine(w, fmt.Sprintf("%s is shown at %s", r.Reference, r.URL))
}

// QuietLine returns the address.
func (r *browseResult) QuietLine() string { return r.URL }

// newBrowseResult returns the result with the address of the page about ref, or of the start page if no repository can be determined.
func newBrowseResult(ctx context.Context, source web.Source, ref registry.Reference, address net.Addr) (*browseResult, error) {
	r := &browseResult{Reference: ref.String(), prefix: "/" + rand.Text()}
	if ref.Repository == "" && !ref.IsPath() {
		r.Reference = ref.Registry
	}
	at := url.URL{Scheme: "http", Host: address.String(), Path: r.prefix + "/"}
	repositories, err := source.Repositories(ctx)
	if err == nil {
		repository, separator, version := cmp.Or(ref.Repository, findRepository(ctx, source, repositories, ref)), "", ref.Tag
		switch {
		case ref.Digest != "":
			separator, version = "@", ref.Digest.String()
		case ref.Tag != "":
			separator = ":"
		}
		if repository != "" {
			at.Path = r.prefix + view.PathTo(repository, separator, version)
		}
	}
	r.URL = at.String()
	return r, err
}

// findRepository returns the only repository or, of several, the first one that has the artifact in ref. Of several, it returns ""
// if none has the artifact, or if ref has neither tag nor digest.
func findRepository(ctx context.Context, source web.Source, repositories []string, ref registry.Reference) string {
	if len(repositories) == 1 {
		return repositories[0]
	}
	if ref.Reference() == "" {
		return ""
	}
	for _, name := range repositories {
		if target, err := source.Open(ctx, name); err == nil {
			if _, err := target.Resolve(ctx, ref.Reference()); err == nil {
				return name
			}
		}
	}
	return ""
}

// openBrowser opens an address in the user's browser, if there is one.
func openBrowser(address string) {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	cmd := exec.Command(name, args...)
	if cmd.Start() == nil {
		_ = cmd.Process.Release() // it may outlive davit
	}
}

// logPage logs a request without the secret part of its path.
func logPage(a *app.App, r accesslog.Request, prefix string) {
	r.Path = strings.TrimPrefix(r.Path, prefix)
	logRequest(a, r)
}

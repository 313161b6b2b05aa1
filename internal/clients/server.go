package clients

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Auth is how a registry authenticates users.
type Auth int

// The ways to authenticate: none, HTTP basic, or a bearer token from a token server.
const (
	NoAuth Auth = iota
	Basic
	Token
)

// Options choose how a registry is run; the zero value is plain HTTP for everyone.
type Options struct {
	Auth        Auth
	TLS         bool // with a certificate of an authority that was created for the test
	ClientCerts bool // require a client certificate of that authority (Distribution only; implies TLS)
	ReadOnly    bool
}

// Username and Password are the only account of a registry with [Basic] or [Token].
const (
	Username = "alice"
	Password = "correct-horse-battery"
	// Registries require bcrypt, which the standard library lacks.
	passwordHash = "$2a$04$cpxoT0zS6PgUVKVCYiAsCuxPs9V5yoGqrTmssRG8oYAtKLsp.xj5a"
)

// A Server is a running registry.
type Server struct {
	Host   string // 127.0.0.1:PORT
	URL    string // Host with http:// or https://
	Dir    string // directory of its blobs
	Log    string // its log file; Distribution logs each request
	PID    int    // its process
	CAFile string // with TLS: the authority's certificate

	// With Auth: the account.
	Username, Password string

	// With ClientCerts: a certificate that it accepts, and its key.
	CertFile, KeyFile string

	stop []func() // stop the registry and its token server, in order
}

// Distribution starts the CNCF Distribution registry, the one behind most
// others. It has no referrers API and allows deleting.
func Distribution(tb testing.TB, opts Options) *Server {
	tb.Helper()
	return start(tb, "registry", opts, configureDistribution)
}

// Olareg starts olareg, which has the referrers API and allows deleting. Its
// storage is one OCI image layout for each repository.
func Olareg(tb testing.TB, opts Options) *Server {
	tb.Helper()
	return start(tb, "olareg", opts, configureOlareg)
}

var sharedDistribution, sharedOlareg shared

// SharedDistribution returns the [Distribution] registry without options that the tests of a binary share. Each test uses its own repository.
func SharedDistribution(tb testing.TB) *Server {
	tb.Helper()
	return sharedDistribution.get(tb, "registry", configureDistribution)
}

// SharedOlareg is like [SharedDistribution], but starts [Olareg].
func SharedOlareg(tb testing.TB) *Server {
	tb.Helper()
	return sharedOlareg.get(tb, "olareg", configureOlareg)
}

// configureDistribution writes the configuration of a Distribution registry into dir and returns its arguments.
func configureDistribution(s *Server, dir string, opts Options) ([]string, error) {
	listen := object{"addr": s.Host, "secret": "shared"}
	if opts.TLS {
		certs := object{"certificate": filepath.Join(dir, "server.pem"), "key": filepath.Join(dir, "server.key")}
		if opts.ClientCerts {
			certs["clientcas"] = []string{s.CAFile}
		}
		listen["tls"] = certs
	}
	config := object{
		"version": "0.1",
		"log":     object{"level": "error"},
		"http":    listen,
		"storage": object{
			"filesystem":  object{"rootdirectory": s.Dir},
			"delete":      object{"enabled": true},
			"maintenance": object{"readonly": object{"enabled": opts.ReadOnly}},
		},
	}
	switch opts.Auth {
	case Basic:
		users := filepath.Join(dir, "htpasswd")
		if err := os.WriteFile(users, []byte(Username+":"+passwordHash+"\n"), 0o600); err != nil {
			return nil, err
		}
		config["auth"] = object{"htpasswd": object{"realm": "davit", "path": users}}
	case Token:
		issuer, err := serveTokens(dir, opts.TLS)
		if err != nil {
			return nil, err
		}
		s.stop = append(s.stop, issuer.Close)
		config["auth"] = object{"token": object{
			"realm": issuer.URL + "/token", "issuer": tokenIssuer, "service": tokenService,
			"jwks": filepath.Join(dir, "jwks.json"), "signingalgorithms": []string{"ES256"},
		}}
	}
	file := filepath.Join(dir, "config.yaml") // JSON is YAML
	return []string{"serve", file}, writeJSON(file, config)
}

// configureOlareg is like [configureDistribution], but for olareg.
func configureOlareg(s *Server, dir string, opts Options) ([]string, error) {
	host, port, err := net.SplitHostPort(s.Host)
	if err != nil {
		return nil, err
	}
	args := []string{
		"serve", "--addr", host, "--port", port, "--dir", s.Dir, "--verbosity", "debug",
		"--api-delete", "--api-blob-delete", fmt.Sprintf("--store-ro=%t", opts.ReadOnly),
	}
	if opts.TLS {
		args = append(args, "--tls-cert", filepath.Join(dir, "server.pem"), "--tls-key", filepath.Join(dir, "server.key"))
	}
	users := filepath.Join(dir, "auth.yaml")
	switch opts.Auth {
	case Basic:
		args = append(args, "--auth-basic", users)
	case Token:
		args = append(args, "--auth-token-opaque", users, "--external-url", s.URL)
	}
	everything := func(repo string) object {
		return object{"repo": repo, "members": []string{Username}, "access": []string{"*"}}
	}
	return args, writeJSON(users, object{
		"users": object{Username: object{"cred": passwordHash}},
		"acls":  []object{everything(""), everything("*")},
	})
}

// shared is a server that lives as long as the test binary.
type shared struct {
	once sync.Once
	*Server
	err error
}

func (s *shared) get(tb testing.TB, program string, prepare prepare) *Server {
	tb.Helper()
	path := Path(tb, program)
	s.once.Do(func() {
		var dir string
		if dir, s.err = os.MkdirTemp("", "davit-"+program+"-"); s.err == nil {
			s.Server, s.err = launch(path, dir, Options{}, prepare)
		}
	})
	if s.err != nil {
		tb.Fatal(s.err)
	}
	return s.Server
}

// prepare writes the files that a registry reads to dir, and returns its arguments.
type prepare func(s *Server, dir string, opts Options) (args []string, err error)

func start(tb testing.TB, program string, opts Options, prepare prepare) *Server {
	tb.Helper()
	s, err := launch(Path(tb, program), tb.TempDir(), opts, prepare)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.close()
		if tb.Failed() {
			tb.Logf("%s said:\n%s", program, tail(s.Log))
		}
	})
	return s
}

// launch starts the registry at path and waits until it answers. If this process ends before the registry is stopped, dir is removed.
func launch(path, dir string, opts Options, prepare prepare) (*Server, error) {
	opts.TLS = opts.TLS || opts.ClientCerts
	s := &Server{Dir: filepath.Join(dir, "storage"), Log: filepath.Join(dir, "log")}
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		return nil, err
	}
	if opts.Auth != NoAuth {
		s.Username, s.Password = Username, Password
	}
	if opts.TLS {
		if err := writeCerts(dir); err != nil {
			return nil, err
		}
		s.CAFile = filepath.Join(dir, "ca.pem")
	}
	if opts.ClientCerts {
		s.CertFile, s.KeyFile = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	}
	var err error
	for range 5 { // another process may take the port before the registry does
		if err = s.run(path, dir, opts, prepare); err == nil {
			return s, nil
		}
		s.close()
	}
	return nil, fmt.Errorf("%s does not start: %w\n%s", filepath.Base(path), err, tail(s.Log))
}

func (s *Server) run(path, dir string, opts Options, prepare prepare) error {
	var err error
	if s.Host, err = freeAddress(); err != nil {
		return err
	}
	s.URL = "http://" + s.Host
	if opts.TLS {
		s.URL = "https://" + s.Host
	}
	args, err := prepare(s, dir, opts)
	if err != nil {
		return err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, append(environ(dir), "OTEL_TRACES_EXPORTER=none")
	exited, stop, err := spawn(cmd, s.Log, dir)
	if err != nil {
		return err
	}
	s.PID, s.stop = cmd.Process.Pid, append(s.stop, stop)
	return s.awaitReady(exited)
}

// awaitReady waits until the registry answers.
func (s *Server) awaitReady(exited <-chan struct{}) error {
	transport := &http.Transport{TLSClientConfig: new(tls.Config)}
	defer transport.CloseIdleConnections()
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return err
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	if s.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return err
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{cert}
	}
	return awaitServer(&http.Client{Transport: transport}, s.URL+"/v2/", exited)
}

func (s *Server) close() {
	for _, stop := range s.stop {
		stop()
	}
	s.stop = nil
}

type object = map[string]any

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/hostconfig"
	"github.com/davit-oci/davit/internal/reference"
)

// Security configures how connections are protected. The zero value means TLS, but plain HTTP to loopback addresses.
type Security struct {
	PlainHTTP bool // plain HTTP to all registries
	TLS       bool // TLS also to loopback addresses; a CA or client certificate implies it
	Insecure  bool // TLS without checking the certificate

	CAFile            string // PEM file of certificates that are trusted in addition to the system's
	CertFile, KeyFile string // PEM files of the client certificate
	CertDir           string // like Docker's certs.d/HOST: *.crt are trusted, *.cert and *.key are client certificates

	OrPlain bool // plain HTTP if the registry has no TLS
}

// For returns o with the settings of a host. Settings in o take precedence.
func (o Security) For(e hostconfig.Endpoint) Security {
	if !o.PlainHTTP && !o.TLS {
		o.PlainHTTP = e.PlainHTTP
		o.OrPlain = e.Insecure && !e.PlainHTTP
	}
	o.Insecure = o.Insecure || e.Insecure
	if o.CAFile == "" {
		o.CAFile = e.CAFile
	}
	o.CertDir = e.CertDir
	return o
}

// Connect reads the certificates and prepares the connections.
func (t *Transport) Connect() error {
	config, err := t.Security.tlsConfig()
	if err != nil {
		return err
	}
	idle := t.connections + 4
	t.base = &http.Transport{
		Proxy:                 proxyFor,
		DialContext:           dialer(&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}),
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		// Only HTTP/1.1, because HTTP/2 sends all streams over one TCP connection, and ranges are faster over several.
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxIdleConns:           4 * idle,
		MaxIdleConnsPerHost:    idle,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         64 << 10,
		WriteBufferSize:        64 << 10,
		DisableCompression:     true, // a blob's digest is that of its bytes as sent
	}
	return nil
}

// proxyFor returns the proxy set in the environment, but none for loopback addresses.
func proxyFor(req *http.Request) (*url.URL, error) {
	if reference.IsLoopback(req.URL.Host) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

func (o Security) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
	if err := o.addCertDir(config); err != nil {
		return nil, err
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading CA certificates: %w", err)
		}
		addSystemRoots(config)
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &artifact.Error{Op: "reading CA certificates", Item: o.CAFile,
				Err: reference.Invalid(errors.New("no PEM certificate found"), artifact.ErrInvalid)}
		}
	}
	if o.CertFile == "" && o.KeyFile == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if IsLocal(err) {
		return nil, fmt.Errorf("reading the client certificate: %w", err)
	}
	if err != nil {
		return nil, &artifact.Error{Op: "reading the client certificate", Item: o.CertFile,
			Err: reference.Invalid(err, artifact.ErrInvalid)}
	}
	config.Certificates = append([]tls.Certificate{pair}, config.Certificates...)
	return config, nil
}

// addSystemRoots sets the root certificates to the system's, so that more can be added.
func addSystemRoots(config *tls.Config) {
	if config.RootCAs != nil {
		return
	}
	var err error
	if config.RootCAs, err = x509.SystemCertPool(); err != nil {
		config.RootCAs = x509.NewCertPool()
	}
}

// addCertDir reads the certificates of CertDir.
func (o Security) addCertDir(config *tls.Config) error {
	if o.CertDir == "" {
		return nil
	}
	entries, err := os.ReadDir(o.CertDir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // like skopeo and Docker
	}
	if err != nil {
		return fmt.Errorf("reading certificates: %w", err)
	}
	for _, entry := range entries {
		file := filepath.Join(o.CertDir, entry.Name())
		switch base, kind := strings.TrimSuffix(file, filepath.Ext(file)), filepath.Ext(file); kind {
		case ".crt":
			pem, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("reading CA certificates: %w", err)
			}
			addSystemRoots(config)
			config.RootCAs.AppendCertsFromPEM(pem)
		case ".cert":
			pair, err := tls.LoadX509KeyPair(file, base+".key")
			if err != nil {
				return &artifact.Error{Op: "reading the client certificate", Item: file, Err: reference.Invalid(err, artifact.ErrInvalid)}
			}
			config.Certificates = append(config.Certificates, pair)
		}
	}
	return nil
}

// IsPlain reports whether requests to a registry use plain HTTP.
func (o Security) IsPlain(registry string) bool {
	return o.PlainHTTP || reference.IsLoopback(registry) && !o.TLS && !o.Insecure && o.CAFile == "" && o.CertFile == "" && o.CertDir == ""
}

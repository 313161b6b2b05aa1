package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/davit-oci/davit/internal/reference"

	"github.com/davit-oci/davit/artifact"
)

// Security configures how the connection to a registry is protected. The zero value means TLS, but plain HTTP to
// loopback.
type Security struct {
	PlainHTTP bool // http also to registries that are not on this machine
	TLS       bool // https also to loopback, which has plain HTTP otherwise; a CA or client certificate implies it
	Insecure  bool // https without checking the certificate

	CAFile            string // PEM, trusted besides the system's
	CertFile, KeyFile string // PEM, the client's certificate
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
		// HTTP/1.1: one TCP connection would carry all streams of HTTP/2, and ranges want several.
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

// proxyFor returns the proxy in the environment, but none for this machine.
func proxyFor(req *http.Request) (*url.URL, error) {
	if reference.IsLoopback(req.URL.Host) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

func (o Security) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading CA certificates: %w", err)
		}
		config.RootCAs, err = x509.SystemCertPool()
		if err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &artifact.Error{Op: "reading CA certificates", Item: o.CAFile,
				Err: reference.Invalid(errors.New("it has no certificate in PEM"), artifact.ErrInvalid)}
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
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// Plain reports whether a registry is reached without TLS.
func (o Security) Plain(registry string) bool {
	return o.PlainHTTP || reference.IsLoopback(registry) && !o.TLS && !o.Insecure && o.CAFile == "" && o.CertFile == ""
}

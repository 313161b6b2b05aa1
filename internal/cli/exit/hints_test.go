package exit

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/davit-oci/davit/artifact/registry"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// TestHintsOfRegistries checks the hints for errors of registries.
func TestHintsOfRegistries(t *testing.T) {
	t.Parallel()
	const manifest = "https://example.com/v2/app/manifests/1"
	answered := func(status int, method, url, code, message string) error {
		answer := registry.Answer{Method: method, URL: url, Status: status, Errors: errcode.Errors{{Code: code, Message: message}}}
		if status == http.StatusForbidden || status == http.StatusUnauthorized {
			return &registry.Denied{Host: "example.com", Answer: answer}
		}
		return &registry.Unavailable{Host: "example.com", Answer: answer}
	}
	denied := func(code, message string) error {
		return answered(http.StatusForbidden, "PUT", manifest, code, message)
	}
	named := &x509.Certificate{DNSNames: []string{"registry.example.com"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}}
	for _, c := range []struct {
		err  error
		want string // "": no hint
	}{
		{denied("DENIED", ""), `"davit login example.com"`},
		{denied("UNAUTHORIZED", "authentication required"), `"davit login example.com"`},
		{denied("DENIED", "requested access to the resource is denied"), `"davit login example.com"`},
		{denied("", "requested access to the resource is denied"), `"davit login example.com"`},
		{denied("DENIED", "User: x is not authorized to perform: ecr:PutImage because no resource-based policy allows it"), `"davit login example.com"`},
		{&registry.Denied{Host: "example.com", Answer: registry.Answer{Method: "HEAD", URL: manifest, Status: http.StatusForbidden}}, `"davit login example.com"`},
		{&registry.Denied{Host: "example.com", Err: errors.New("no credentials found")}, `"davit login example.com"`},
		{answered(http.StatusUnauthorized, "GET", manifest, "UNAUTHORIZED", ""), `"davit login example.com"`},
		{denied("TAG_INVALID", ""), "immutable"},
		{denied("TAG_IMMUTABLE", ""), "immutable"},
		{denied("DENIED", "the tag 1 is immutable"), "immutable"},
		{denied("DENIED", "tags cannot be overwritten"), "immutable"},
		{answered(http.StatusConflict, "PUT", manifest, "TAG_INVALID", "it exists"), "immutable"},
		{answered(http.StatusBadRequest, "PUT", manifest, "MANIFEST_INVALID", "Immutable tag"), "immutable"},
		{answered(http.StatusPreconditionFailed, "PUT", manifest, "PRECONDITION", "configured as immutable"), "immutable"},
		{answered(http.StatusMethodNotAllowed, "PUT", manifest, "UNSUPPORTED", "no overwriting"), "immutable"},
		{answered(http.StatusBadRequest, "PUT", manifest, "MANIFEST_INVALID", "no config"), ""},
		{answered(http.StatusConflict, "PUT", "https://example.com/v2/app/manifests/sha256:00", "TAG_INVALID", "immutable"), ""},
		{answered(http.StatusForbidden, "DELETE", manifest, "DENIED", "the tag is immutable"), ""},
		{denied("DENIED", "Quota exceeded when processing the request"), ""},
		{denied("DENIED", "The system is in read only mode. Any modification is prohibited."), ""},
		{denied("DENIED", "client with IP '10.0.0.1' is not allowed access"), ""},
		{denied("PROJECTPOLICYVIOLATION", "vulnerable"), ""},
		{denied("MANIFEST_INVALID", "subjects are not allowed"), ""},
		{denied("TOOMANYREQUESTS", "slow down"), ""},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "renew its certificate"},
		{&registry.Unavailable{Host: "example.com", Err: &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}}, "check the name of the registry"},
		{&registry.Unavailable{Host: "example.com", Err: &net.DNSError{IsTemporary: true}}, ""},
		{&TimeoutError{Last: fmt.Errorf("example.com: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})}, "no registry listens there"},
		{&TimeoutError{Last: errors.New("example.com: 503 Service Unavailable")}, "--timeout"},
		{&registry.Unavailable{Host: "example.com:5000", Err: x509.UnknownAuthorityError{}}, "certs.d/example.com:5000/ca.crt"},
		{x509.HostnameError{Certificate: named, Host: "localhost"}, "(registry.example.com, 10.0.0.1)"},
		{fmt.Errorf("fetching: %w", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "localhost"}), "--insecure"},
		{errors.New("other"), ""},
	} {
		got := strings.Join(Hints(c.err), "\n")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" || strings.Contains(got, "log in") != strings.Contains(c.want, "login") {
			t.Errorf("%#v: got hint %q, want a hint with %q", c.err, got, c.want)
		}
	}
}

// TestIsBroken checks which errors mean that a transfer broke off in the middle.
func TestIsBroken(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		fmt.Errorf("fetching: %w", io.ErrUnexpectedEOF):                                                    true,
		&registry.Unavailable{Host: "example.com", Err: syscall.ECONNRESET}:                                true,
		&registry.Unavailable{Host: "example.com", Err: io.EOF}:                                            true,
		&registry.Unavailable{Host: "example.com", Err: &net.DNSError{IsTimeout: true}}:                    true,
		&registry.Unavailable{Host: "example.com", Err: &net.DNSError{IsNotFound: true}}:                   false,
		&registry.Unavailable{Host: "example.com", Err: syscall.ECONNREFUSED}:                              false,
		&registry.Unavailable{Host: "example.com", Err: syscall.ECONNREFUSED, Answered: true}:              true,
		&registry.Unavailable{Host: "example.com", Err: syscall.EHOSTUNREACH, Answered: true}:              true,
		&registry.Unavailable{Host: "example.com", Answer: registry.Answer{Status: http.StatusBadGateway}}: false,
		syscall.EPIPE: false, // from a local pipe
		io.EOF:        false,
	} {
		if IsBroken(err) != want {
			t.Errorf("%v: got %v, want %v", err, !want, want)
		}
	}
}

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

// TestHintsOfRegistries checks the hints about errors of registries.
func TestHintsOfRegistries(t *testing.T) {
	t.Parallel()
	denied := func(code string) error {
		return &registry.Denied{Host: "example.com", Answer: registry.Answer{Method: "PUT", Status: http.StatusForbidden, Errors: errcode.Errors{{Code: code}}}}
	}
	named := &x509.Certificate{DNSNames: []string{"registry.example.com"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}}
	for _, c := range []struct {
		err  error
		want string // "": no hint
	}{
		{denied("DENIED"), `"davit login example.com"`},
		{denied("UNAUTHORIZED"), `"davit login example.com"`},
		{denied("TAG_INVALID"), "immutable"},
		{denied("TAG_IMMUTABLE"), "immutable"},
		{x509.HostnameError{Certificate: named, Host: "localhost"}, "(registry.example.com, 10.0.0.1)"},
		{fmt.Errorf("fetching: %w", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "localhost"}), "--insecure"},
		{errors.New("other"), ""},
	} {
		got := strings.Join(Hints(c.err), "\n")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" || strings.Contains(got, "log in") != strings.Contains(c.want, "login") {
			t.Errorf("%#v: got %s", c.err, got)
		}
	}
}

// TestIsBroken checks which errors end a transfer in the middle.
func TestIsBroken(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		fmt.Errorf("fetching: %w", io.ErrUnexpectedEOF):                                                    true,
		&registry.Unavailable{Host: "example.com", Err: syscall.ECONNRESET}:                                true,
		&registry.Unavailable{Host: "example.com", Err: io.EOF}:                                            true,
		&registry.Unavailable{Host: "example.com", Err: &net.DNSError{IsTimeout: true}}:                    true,
		&registry.Unavailable{Host: "example.com", Err: &net.DNSError{IsNotFound: true}}:                   false,
		&registry.Unavailable{Host: "example.com", Err: syscall.ECONNREFUSED}:                              false,
		&registry.Unavailable{Host: "example.com", Answer: registry.Answer{Status: http.StatusBadGateway}}: false,
		syscall.EPIPE: false, // of a pipe of this machine
		io.EOF:        false,
	} {
		if IsBroken(err) != want {
			t.Errorf("%v: got %v", err, !want)
		}
	}
}

package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/remote/transport/backoff"
	"github.com/davit-oci/davit/internal/remote/transport/challenge"
	"github.com/davit-oci/davit/internal/untrusted"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Answer is the printable part of a response. It has no headers and no query, because both may contain secrets.
type Answer struct {
	Method string
	URL    string // without user, query, and fragment
	Status int    // 0 without a response
	Errors errcode.Errors
}

// String returns "PUT https://host/v2/…: 503 Service Unavailable: message".
func (a Answer) String() string {
	s := a.Method + " " + a.URL
	if a.Status == 0 {
		return s
	}
	return s + ": " + a.Text()
}

// Text returns "503 Service Unavailable: message".
func (a Answer) Text() string {
	s := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	for i, e := range a.Errors {
		if i == 3 {
			break
		}
		if _, isText := e.Detail.(string); !isText {
			e.Detail = nil // only a text is printed: GitLab's names an unsupported media type
		}
		s += ": " + untrusted.Line(redact(strings.TrimPrefix(e.Error(), ": ")), 300) // Artifactory sends no codes
	}
	return s
}

// Unavailable means that the registry or the network failed, despite retries.
type Unavailable struct {
	Host   string
	Step   string // the failed operation, such as "uploading sha256:…"
	Answer Answer // the last response; its Status is 0 if there was none
	Err    error  // why there was no response; nil if there was one

	Answered bool // the registry has answered an earlier request
}

// Error returns "step: response" or "step: host: cause".
func (e *Unavailable) Error() string {
	return formatError(e.Step, e.Host, e.Answer, e.Err)
}

// Unwrap returns the cause, or the response.
func (e *Unavailable) Unwrap() error { return cause(e.Err, e.Answer) }

// Denied means that the registry denies an operation to this user: with 401, with 403, or because credentials are missing.
type Denied struct {
	Host   string
	Step   string
	Answer Answer
	Err    error // the cause, if the registry did not respond
}

// Error returns "step: response" or "step: host: cause".
func (e *Denied) Error() string {
	return formatError(e.Step, e.Host, e.Answer, e.Err)
}

// Unwrap returns the cause, or the response.
func (e *Denied) Unwrap() error { return cause(e.Err, e.Answer) }

// Missing means that the registry does not have the object or its repository. It matches errdef.ErrNotFound.
type Missing struct {
	Step   string
	Answer Answer
}

// Error returns "step: not found", and the rest of the response.
func (e *Missing) Error() string {
	s := e.Step + ": not found"
	if e.isPlain() {
		return s
	}
	return s + ": " + e.Answer.String()
}

// isPlain reports whether the response says no more than that the tag, manifest, or blob does not exist.
func (e *Missing) isPlain() bool {
	if e.Answer.Method == http.MethodHead {
		return true
	}
	for _, one := range e.Answer.Errors {
		unknown := one.Code == errcode.ErrorCodeManifestUnknown || one.Code == errcode.ErrorCodeBlobUnknown
		words := strings.ToLower(one.Message)
		if !unknown || words != "" && !strings.Contains(words, "unknown") && !strings.Contains(words, "not found") && !strings.Contains(words, "not exist") {
			return false
		}
	}
	return len(e.Answer.Errors) > 0
}

// Words returns the text of the response, or "" if the response says no more than that the object does not exist.
func (e *Missing) Words() string {
	if e.isPlain() {
		return ""
	}
	return e.Answer.String()
}

// Unwrap returns errdef.ErrNotFound and the response.
func (e *Missing) Unwrap() []error { return []error{errdef.ErrNotFound, cause(nil, e.Answer)} }

// cause returns err or, if err is nil, the response as an *errcode.ErrorResponse.
func cause(err error, answer Answer) error {
	if err != nil || answer.Status == 0 {
		return err
	}
	at, parseErr := url.Parse(answer.URL)
	if parseErr != nil {
		at = &url.URL{}
	}
	return &errcode.ErrorResponse{Method: answer.Method, URL: at, StatusCode: answer.Status, Errors: answer.Errors}
}

// Violation is a response that violates the protocol.
type Violation = challenge.Violation

// Violationf returns a Violation.
func Violationf(format string, args ...any) Violation { return Violation(fmt.Sprintf(format, args...)) }

// WebPage returns a Violation if a response is a web page, such as a sign-in page in front of a registry.
func WebPage(resp *http.Response) error {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType != "text/html" && mediaType != "application/xhtml+xml" {
		return nil
	}
	return Violationf("%s %s (%s), not with the registry API", BareURL(resp.Request.URL), challenge.AnswersWithPage, mediaType)
}

func formatError(step, host string, answer Answer, err error) string {
	switch {
	case answer.Status != 0:
		return step + ": " + answer.String()
	case err != nil:
		return step + ": " + host + ": " + untrusted.Line(redact(err.Error()), 500)
	}
	return step + ": " + host + ": no response"
}

// ResponseError returns the error for an unexpected response. It reads the registry's errors from the body.
func ResponseError(resp *http.Response) error {
	if resp.StatusCode/100 == 2 {
		if err := WebPage(resp); err != nil {
			return err
		}
	}
	e := &errcode.ErrorResponse{Method: resp.Request.Method, URL: BareURL(resp.Request.URL), StatusCode: resp.StatusCode}
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	var body struct {
		Errors errcode.Errors `json:"errors"`
	}
	var bare struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &body) == nil && len(body.Errors) > 0 {
		e.Errors = body.Errors
	} else if json.Unmarshal(data, &bare) == nil && bare.Error+bare.Message != "" {
		e.Errors = errcode.Errors{{Code: bare.Error, Message: bare.Message}}
	}
	if wait := backoff.RequestedPause(resp.Header.Get("Retry-After"), time.Now()); wait > backoff.MaxPause {
		e.Errors = append(e.Errors, errcode.Error{Message: fmt.Sprintf("retry after %v", wait.Round(time.Second))})
	}
	return e
}

// Wrap converts the error of a request to an error that matches errdef.ErrNotFound, a *Denied, or an *Unavailable. Other errors
// (about refused content, a local file, or the end of ctx) stay as they are.
func Wrap(ctx context.Context, host, step string, err error) error {
	var answer *errcode.ErrorResponse
	var unavailable *Unavailable
	var denied *Denied
	var missing *Missing
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !errors.As(err, &unavailable):
		return context.Cause(ctx)
	case errors.As(err, &unavailable), errors.As(err, &denied), errors.As(err, &missing), IsLocal(err):
		return err
	case errors.As(err, &answer):
		return responseError(host, step, answer)
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%s: %w", step, errdef.ErrNotFound)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return &Denied{Host: host, Step: step, Err: errors.New("authentication required, no credentials found")}
	case isAboutCredentials(err):
		return &Denied{Host: host, Step: step, Err: WithoutURL(err)}
	}
	return &Unavailable{Host: host, Step: step, Err: withAddress(host, challenge.NotToken(err))}
}

// Elsewhere is the error of a request to an address that the registry sent, often because its public address is misconfigured.
type Elsewhere struct {
	What string // "uploads" or "clients"
	URL  string
	Err  error
}

// Error returns the address and the cause.
func (e *Elsewhere) Error() string {
	return fmt.Sprintf("the registry sends %s to %s: %v", e.What, e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *Elsewhere) Unwrap() error { return e.Err }

// withAddress is like WithoutURL, but keeps a URL outside the registry's API in an Elsewhere.
func withAddress(host string, err error) error {
	var u *url.Error
	var known *Elsewhere
	if !errors.As(err, &u) || errors.As(err, &known) {
		return WithoutURL(err)
	}
	at, parseErr := url.Parse(u.URL)
	if parseErr != nil || at.Host == "" || strings.EqualFold(at.Host, host) || strings.HasPrefix(at.Path, "/v2/") {
		return u.Err
	}
	return &Elsewhere{What: "clients", URL: BareURL(at).String(), Err: u.Err}
}

// isAboutCredentials reports whether an error of oras-go's client is about credentials. Most of these errors have no type.
func isAboutCredentials(err error) bool {
	var denied *Denied
	text := err.Error()
	return errors.Is(err, auth.ErrBasicCredentialNotFound) || errors.As(err, &denied) ||
		strings.Contains(text, "bearer realm") || strings.Contains(text, "missing username or password") ||
		strings.Contains(text, "redirect of token request rejected") || strings.Contains(text, "refusing to resend a token")
}

func responseError(host, step string, e *errcode.ErrorResponse) error {
	answer := Answer{Method: e.Method, URL: BareURL(e.URL).String(), Status: e.StatusCode, Errors: e.Errors}
	switch e.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return &Denied{Host: host, Step: step, Answer: answer}
	case http.StatusNotFound:
		return &Missing{Step: step, Answer: answer}
	}
	return &Unavailable{Host: host, Step: step, Answer: answer}
}

// IsLocal reports whether the cause of an error is local, such as a file or refused content, not the registry or the network.
func IsLocal(err error) bool {
	var path *fs.PathError
	var item *artifact.Error
	var source *SourceError
	var link *net.OpError
	switch {
	case errors.As(err, &source):
		return true
	case errors.As(err, &link):
		return false
	case errors.As(err, &path), errors.As(err, &item):
		return true
	}
	for _, is := range []error{artifact.ErrRefused, artifact.ErrChanged, artifact.ErrInvalid, errdef.ErrInvalidReference, errdef.ErrTooManyPages,
		errdef.ErrSizeExceedsLimit, syscall.ENOSPC} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// WithoutURL returns the cause of a *url.Error, whose text has the URL with its query. It returns any other error unchanged.
func WithoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// BareURL returns u without the parts that may be secret.
func BareURL(u *url.URL) *url.URL {
	if u == nil {
		return &url.URL{}
	}
	path, _, _ := strings.Cut(u.Path, ";")
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}
}

// Retryability is the class of time for which a request that failed without a response is retried.
type Retryability int

const (
	Never   Retryability = iota // the request will fail again
	briefly                     // for a few seconds: the host name may have a typo, or the registry is not running
	fully                       // for the whole time that retries may take
)

// RetryabilityOf returns the retryability of an error of the transport.
func RetryabilityOf(err error) Retryability {
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var redirect RedirectRefused
	var violation Violation
	var remote *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &remote) && remote.Op == "dial" && remote.Timeout():
		return briefly // net's timeout is also a context.DeadlineExceeded
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), IsLocal(err), isAboutCredentials(err):
		return Never
	case errors.As(err, &unknownAuthority), errors.As(err, &hostname), errors.As(err, &invalid),
		errors.As(err, &verification), errors.As(err, &alert), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch),
		errors.As(err, &redirect), errors.As(err, &violation), errors.As(err, &remote) && (remote.Op == "remote error" || remote.Op == "local error"): // of TLS
		return Never
	case errors.As(err, &dns) && dns.IsNotFound, errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH),
		errors.Is(err, syscall.ENETUNREACH):
		return briefly
	}
	return fully
}

// IsDenied reports whether a registry answered with 401 or 403.
func IsDenied(err error) bool {
	answer := AsResponse(err)
	return answer != nil && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// IsTransient reports whether a request that was answered with the status may succeed later.
func IsTransient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	}
	return status >= 500
}

// SourceError is an error of reading the content to be sent.
type SourceError struct{ Err error }

// Error returns the text of the cause.
func (e *SourceError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// AsResponse returns the registry's response in the chain of an error, or nil.
func AsResponse(err error) *errcode.ErrorResponse {
	var answer *errcode.ErrorResponse
	errors.As(err, &answer)
	return answer
}

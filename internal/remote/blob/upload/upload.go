package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/davit-oci/davit/internal/pause"
	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/blob"
	"github.com/davit-oci/davit/internal/remote/transport"
	"github.com/davit-oci/davit/internal/untrusted"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

const (
	// onePassFrom is the size from which a blob of an unknown digest is hashed while it is sent. A smaller one is
	// hashed first: then the registry may turn out to have it.
	OnePassFrom = 64 << 20
	// newOnePassFrom is onePassFrom for a repository that has nothing yet. Below it, a request more costs as much as
	// hashing beforehand.
	newOnePassFrom = 4 << 20
	// askFrom is the size from which a registry is asked whether it has a blob, where opening the upload has not told it.
	// A smaller one is sent sooner than the answer comes.
	askFrom = 16 << 10
	// resumableFrom is the size from which an upload's state is kept for another process.
	resumableFrom = 8 << 20
	// firstChunk is what a registry that wants chunks gets at once; 413 halves it, down to minChunk.
	firstChunk, minChunk = 32 << 20, 1 << 20
	// bufferedChunk is a chunk of a blob whose size is not known: it has to be in memory to have a length.
	bufferedChunk = 8 << 20
	// askAgain is the pause between two questions for a session's position, maxAsks how many there are at most.
	askAgain, maxAsks = 60 * time.Millisecond, 100
	// aheadBuffer is how many bytes of a blob are hashed at once on their way out.
	aheadBuffer = 128 << 10
	// watchEvery is how often progress is looked at.
	watchEvery = 100 * time.Millisecond
)

// way is how a blob is sent.
type way int

const (
	inPut    way = iota // one PUT with everything, which needs the digest
	inPatch             // one PATCH with everything, then a PUT
	inChunks            // several PATCHes, then a PUT
)

// Blob stores a blob. It is not sent when the registry has it, or can take it from another of its repositories.
// When its digest is not known and it is large, it is hashed while it is sent. A broken upload goes on where the
// registry says it stands; with Options.CacheDir and Blob.ID also in another process. Report is told how many bytes the
// registry has, from one goroutine at a time; it may be nil.
func Blob(ctx context.Context, r *blob.Store, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	if report == nil {
		report = func(int64) {}
	}
	u := &upload{repo: r, blob: b, report: report, size: b.Size, digest: b.Digest}
	if u.size < 0 {
		u.digest = "" // of bytes that nobody has counted
	}
	transport := r.Client.Transport
	u.tries = transport.NewRetrier(transport.Limiter(r.Origin.Host))
	step, err := u.run(r.WithScope(ctx))
	desc := b.Descriptor()
	desc.Digest, desc.Size = u.digest, u.size
	if desc.MediaType == "" {
		desc.MediaType = "application/octet-stream"
	}
	if err == nil {
		r.Shared.Saw(r.Origin.Host, r.Name.Repository, desc)
		report(u.size)
	}
	return desc, step, r.Wrap(ctx, "uploading "+u.name(), err)
}

// Reader is uploadBlob for a reader, of which the bytes are had once only unless it can seek.
func Reader(ctx context.Context, r *blob.Store, desc ocispec.Descriptor, content io.Reader) error {
	b := artifact.Blob{MediaType: desc.MediaType, Size: desc.Size, Digest: desc.Digest}
	seeker, seeks := content.(io.ReadSeeker)
	if !seeks && desc.Size <= manifest.MaxSize {
		data, err := api.ReadBounded(content, manifest.MaxSize)
		if err != nil {
			return err
		}
		if int64(len(data)) != desc.Size {
			return artifact.Refused(desc.Digest.String(), "%d bytes, the descriptor says %d", len(data), desc.Size)
		}
		seeker, seeks = bytes.NewReader(data), true
	}
	opened := false
	b.Open = func(offset int64) (io.ReadCloser, error) {
		if seeks {
			_, err := seeker.Seek(offset, io.SeekStart)
			return io.NopCloser(seeker), err
		}
		if opened {
			return nil, errors.New("the connection broke, and the source can't be read again")
		}
		opened = true
		return io.NopCloser(content), nil
	}
	_, _, err := Blob(ctx, r, b, nil)
	return err
}

// Mount takes a blob from another repository of the registry, or else sends what getContent gives.
func Mount(ctx context.Context, r *blob.Store, desc ocispec.Descriptor, fromRepo string, getContent func() (io.ReadCloser, error)) error {
	r.Shared.Saw(r.Origin.Host, fromRepo, desc)
	b := artifact.Blob{MediaType: desc.MediaType, Size: desc.Size, Digest: desc.Digest}
	b.Open = func(offset int64) (io.ReadCloser, error) {
		if getContent == nil {
			source := r.WithName(fromRepo)
			return source.FetchRange(ctx, desc, offset, desc.Size-offset)
		}
		rc, err := getContent()
		if err == nil && offset > 0 {
			_, err = io.CopyN(io.Discard, rc, offset)
		}
		return rc, err
	}
	_, _, err := Blob(ctx, r, b, nil)
	return err
}

// upload is one blob on its way.
type upload struct {
	repo   *blob.Store
	blob   artifact.Blob
	report func(int64)
	tries  *transport.Retrier
	state  *uploadState // for another process; nil: none is kept

	digest digest.Digest // "": not known yet
	size   int64         // -1: not known yet
	sum    *summer       // works out the digest; nil: it was known
	opened os.FileInfo   // of the file when it was first opened
	failed atomic.Pointer[transport.SourceError]
	ended  atomic.Int64 // where a reader of unknown size ended; 0: it did not yet

	location *url.URL // of the session; nil: there is none
	offset   int64    // bytes that the registry has
	furthest int64    // the most it ever had
	way      way
	chunk    int64 // of inChunks
	least    int64 // that a chunk must have
	careful  bool  // ask before sending: a refusal costs no bytes then, and is not swallowed by the connection's end
	unsure   bool  // where the session stands is not known
	finished bool  // a PUT with the digest was sent; it may have worked
	ours     bool  // one was sent, to this session or another: what the registry then has came from here
	empty    bool  // "Range: 0-0" is to be read as one byte
	begun    bool  // a body was sent to the session
	stuck    int   // bodies that broke since anything arrived
	misfits  int   // times the registry said that a part does not fit
	spoiled  bool  // the registry once found another digest
}

func (u *upload) name() string {
	switch {
	case u.digest != "":
		return u.repo.Named(u.digest.String())
	case u.blob.Annotations[ocispec.AnnotationTitle] != "":
		return strconv.Quote(u.blob.Annotations[ocispec.AnnotationTitle]) + " to " + u.repo.FullName()
	}
	return "a blob to " + u.repo.FullName()
}

// run brings the blob to the registry.
func (u *upload) run(ctx context.Context) (artifact.Step, error) {
	if u.digest == "" {
		u.sum = newSummer(&u.repo.Shared.Hashes)
		defer u.sum.close()
		if u.size >= 0 && u.size < u.repo.Shared.OnePass && (u.size < newOnePassFrom || !u.repo.IsNew(ctx)) {
			if err := u.measure(ctx); err != nil {
				return 0, err
			}
		}
	}
	if u.digest == "" {
		u.way = inPatch
	}
	u.resume()
	defer u.state.release()
	for {
		step, err := u.attempt(ctx)
		if err == nil {
			u.state.remove()
			if u.ours {
				step = artifact.Done
			}
			return step, nil
		}
		if ctx.Err() != nil {
			u.saveState()
			u.abandon(ctx)
			return 0, context.Cause(ctx)
		}
		if err := u.recover(ctx, err); err != nil {
			u.abandon(ctx)
			return 0, err
		}
	}
}

// attempt goes as far as it can without an error.
func (u *upload) attempt(ctx context.Context) (artifact.Step, error) {
	if u.finished && u.unsure {
		if ok, err := u.stored(ctx); ok || err != nil {
			return artifact.Done, err
		}
	}
	if u.location != nil && u.unsure {
		if err := u.ask(ctx); err != nil {
			return 0, err
		}
	}
	if u.location == nil {
		if step, err := u.begin(ctx); step != 0 || err != nil {
			return step, err
		}
	}
	if err := u.transfer(ctx); err != nil {
		return 0, err
	}
	return artifact.Done, nil
}

// begin finds out whether the registry has the blob, and opens a session if not. Its step is 0 when the blob has to be
// sent.
func (u *upload) begin(ctx context.Context) (artifact.Step, error) {
	if u.digest == "" {
		return 0, u.post(ctx, nil)
	}
	known := u.repo.Mounting()
	if known == blob.MountsIgnored {
		if ok, err := u.stored(ctx); ok || err != nil {
			return artifact.Skipped, err
		}
		return 0, u.post(ctx, nil)
	}
	from, seen := u.repo.Shared.SeenIn(u.repo.Origin.Host, u.digest)
	if !seen {
		from = u.repo.Name.Repository
	}
	mounted, err := u.mount(ctx, from)
	switch {
	case err != nil:
		return 0, err
	case mounted && from == u.repo.Name.Repository:
		u.repo.LearnMounting(blob.MountsWork)
		return artifact.Skipped, nil
	case mounted:
		return artifact.Mounted, nil
	case known == blob.MountsWork || u.size < askFrom || (!seen || from != u.repo.Name.Repository) && u.repo.IsNew(ctx):
		return 0, nil
	}
	ok, err := u.stored(ctx)
	if ok {
		u.repo.LearnMounting(blob.MountsIgnored)
		u.abandon(ctx)
		return artifact.Skipped, nil
	}
	return 0, err
}

// mount asks the registry to take the blob from a repository. Asked to take it from the same one, it tells whether it
// is there, and opens a session if not: a round trip less than HEAD and POST.
func (u *upload) mount(ctx context.Context, from string) (bool, error) {
	err := u.post(u.repo.WithSourceScope(ctx, from), url.Values{"mount": {u.digest.String()}, "from": {from}})
	if errors.Is(err, errMounted) {
		return true, nil
	}
	if answer := transport.AsResponse(err); answer != nil && answer.StatusCode/100 == 4 && !transport.IsTransient(answer.StatusCode) {
		return false, u.post(ctx, nil) // no right to read the other repository, or no mounting at all
	}
	return false, err
}

// errMounted: the answer to opening a session was that there is nothing to send.
var errMounted = errors.New("mounted")

// post opens a session.
func (u *upload) post(ctx context.Context, query url.Values) error {
	address := u.repo.URL("blobs/uploads/")
	if query != nil {
		address += "?" + query.Encode()
	}
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	resp, err := u.send(ctx, request{method: http.MethodPost, url: at})
	if err != nil {
		return err
	}
	defer transport.Drain(resp)
	switch {
	case resp.StatusCode == http.StatusCreated && query != nil:
		return errMounted
	case resp.StatusCode != http.StatusAccepted:
		return transport.ResponseError(resp)
	}
	if err := u.follow(resp, at); err != nil {
		return err
	}
	u.least, _ = strconv.ParseInt(resp.Header.Get("OCI-Chunk-Min-Length"), 10, 64)
	if u.least > 0 && (u.size < 0 || u.size > u.least) {
		u.inChunks(max(u.chunk, firstChunk))
	}
	u.saveState()
	return nil
}

// follow takes the newest address of the session, which must be as safe as the one before.
func (u *upload) follow(resp *http.Response, asked *url.URL) error {
	location := resp.Header.Get("Location")
	if location == "" {
		if u.location != nil {
			return nil
		}
		return errors.New("the registry opened an upload without a Location")
	}
	next, err := asked.Parse(location)
	if err != nil || next.Host == "" || next.Scheme != "https" && next.Scheme != "http" {
		return fmt.Errorf("the registry's Location for the upload is no URL")
	}
	if asked.Scheme == "https" && next.Scheme != "https" {
		return transport.RedirectRefused("an upload's Location that leaves https is refused")
	}
	u.location = next
	return nil
}

// inChunks makes chunks of n bytes the way, within what the registry allows.
func (u *upload) inChunks(n int64) {
	u.way = inChunks
	u.chunk = max(n, u.least)
}

// stored asks whether the blob is there.
func (u *upload) stored(ctx context.Context) (bool, error) {
	at, err := url.Parse(u.repo.URL("blobs/" + u.digest.String()))
	if err != nil {
		return false, err
	}
	resp, err := u.send(ctx, request{method: http.MethodHead, url: at})
	if err != nil {
		return false, err
	}
	defer transport.Drain(resp)
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.ContentLength < 0 || resp.ContentLength == u.size, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, transport.ResponseError(resp)
}

// ask finds out how many bytes the session has. The registry may still be at those of the request that broke, and a part
// sent meanwhile would be mixed with them, so it is asked until it says the same twice.
func (u *upload) ask(ctx context.Context) error {
	before := int64(-1)
	for range maxAsks {
		has, err := u.position(ctx)
		switch {
		case err != nil:
			return err
		case has < 0:
			u.lost()
			return nil
		case has == before || has == u.size:
			u.arrived(has)
			u.unsure, u.careful = false, true
			return nil
		}
		before = has
		if err := pause.For(ctx, askAgain); err != nil {
			return err
		}
	}
	return fmt.Errorf("the upload's session goes on growing")
}

// position is how many bytes the session says it has; -1: the registry does not know it, or what it says is wrong.
func (u *upload) position(ctx context.Context) (int64, error) {
	resp, err := u.send(ctx, request{method: http.MethodGet, url: u.location})
	if err != nil {
		return 0, err
	}
	defer transport.Drain(resp)
	switch status := resp.StatusCode; {
	case status/100 == 2:
	case transport.IsTransient(status), status == http.StatusUnauthorized, status == http.StatusForbidden:
		return 0, transport.ResponseError(resp)
	default:
		return -1, nil
	}
	if err := u.follow(resp, u.location); err != nil {
		return 0, err
	}
	has, ok := u.sessionHas(resp.Header.Get("Range"))
	if !ok || u.size >= 0 && has > u.size {
		return -1, nil
	}
	return has, nil
}

// sessionHas reads the Range of a session. "0-0" stands for no byte and for one.
func (u *upload) sessionHas(value string) (int64, bool) {
	first, last, ok := strings.Cut(strings.TrimPrefix(value, "bytes="), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if !ok || first != "0" || err != nil || n < 0 {
		return 0, false
	}
	if n == 0 && !u.empty {
		return 0, true
	}
	return n + 1, true
}

// arrived notes what the registry has.
func (u *upload) arrived(offset int64) {
	u.offset = offset
	if offset > u.furthest {
		u.tries.Progress(offset - u.furthest)
		u.furthest, u.stuck = offset, 0
	}
	u.report(offset)
}

// lost gives up a session that the registry no longer knows. If a broken body was its end, from now on finished chunks
// are sent, which a registry keeps.
func (u *upload) lost() {
	if u.begun && u.way != inChunks {
		u.inChunks(firstChunk)
	}
	u.restart()
}

// restart forgets the session.
func (u *upload) restart() {
	u.location, u.offset, u.unsure, u.finished, u.begun, u.misfits = nil, 0, false, false, false, 0
}

// transfer sends what the session lacks and finishes it.
func (u *upload) transfer(ctx context.Context) error {
	if u.way == inPut && u.offset == 0 {
		if err := u.measure(ctx); err != nil {
			return err
		}
		return u.put(ctx, u.size)
	}
	for !u.complete() {
		if err := u.patch(ctx); err != nil {
			return err
		}
	}
	if err := u.measure(ctx); err != nil {
		return err
	}
	return u.put(ctx, 0)
}

// complete tells whether the registry has all bytes. Of a blob of unknown size that shows when its end was read.
func (u *upload) complete() bool { return u.size >= 0 && u.offset == u.size }

// patch sends one part: a chunk, or everything from the offset on.
func (u *upload) patch(ctx context.Context) error {
	length := int64(-1)
	if u.size >= 0 {
		length = u.size - u.offset
	}
	if u.way == inChunks {
		if length < 0 {
			return u.patchBuffered(ctx)
		}
		length = min(length, u.chunk)
	}
	return u.patchWith(ctx, length, func() (io.ReadCloser, error) { return u.body(length) })
}

// patchBuffered sends a chunk of a blob whose size is not known.
func (u *upload) patchBuffered(ctx context.Context) error {
	body, err := u.body(-1)
	if err != nil {
		return &transport.SourceError{Err: err}
	}
	data, err := io.ReadAll(io.LimitReader(body, max(u.least, bufferedChunk)))
	_ = body.Close()
	if err != nil {
		return &transport.SourceError{Err: err}
	}
	if len(data) == 0 { // the end, on a boundary
		u.size = u.offset
		return nil
	}
	return u.patchWith(ctx, int64(len(data)), func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
}

func (u *upload) patchWith(ctx context.Context, length int64, open func() (io.ReadCloser, error)) error {
	req := request{method: http.MethodPatch, url: u.location, length: length, open: open}
	if length >= 0 {
		req.contentRange = fmt.Sprintf("%d-%d", u.offset, u.offset+length-1)
	}
	u.unsure, u.begun = true, true
	resp, err := u.send(ctx, req)
	if ended := u.ended.Load(); ended > 0 && u.size < 0 {
		u.size = ended
	}
	if err != nil {
		return err
	}
	defer transport.Drain(resp)
	if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusNoContent {
		return transport.ResponseError(resp)
	}
	if err := u.follow(resp, u.location); err != nil {
		return err
	}
	if length < 0 {
		u.size = u.ended.Load() // all of it went out
		length = u.size - u.offset
	}
	if has, ok := u.sessionHas(resp.Header.Get("Range")); ok && has > u.offset && has < u.offset+length {
		u.arrived(has) // it took less than it was sent
		return nil
	}
	u.unsure, u.careful = false, false
	u.arrived(u.offset + length)
	u.saveState()
	return nil
}

// put finishes the session, with everything in it when length is that of the blob.
func (u *upload) put(ctx context.Context, length int64) error {
	if err := u.unchanged(); err != nil {
		return err
	}
	at := *u.location
	if at.RawQuery != "" {
		at.RawQuery += "&"
	}
	at.RawQuery += "digest=" + url.QueryEscape(u.digest.String())
	u.unsure, u.finished, u.ours, u.begun = true, true, true, length > 0
	req := request{method: http.MethodPut, url: &at, length: length, commits: true}
	if length > 0 {
		req.open = func() (io.ReadCloser, error) { return u.body(length) }
	}
	resp, err := u.send(ctx, req)
	if err != nil {
		return err
	}
	defer transport.Drain(resp)
	if resp.StatusCode != http.StatusCreated {
		return transport.ResponseError(resp)
	}
	if d := resp.Header.Get("Docker-Content-Digest"); d != "" && d != u.digest.String() {
		return artifact.Refused(u.digest.String(), "the registry stored it as %q", untrusted.Line(d, 200))
	}
	return nil
}

// recover decides how to go on after an error, or that there is no way.
func (u *upload) recover(ctx context.Context, err error) error {
	if changed := u.unchanged(); changed != nil {
		return changed
	}
	answer := transport.AsResponse(err)
	switch {
	case answer == nil && transport.RetryabilityOf(err) == transport.Never:
		return err
	case answer != nil && !transport.IsTransient(answer.StatusCode):
		if err := u.adjust(ctx, answer); err != nil {
			return err
		}
	case answer == nil && u.begun && u.location != nil:
		u.broke()
	}
	if !u.tries.ShouldRetry(err) {
		return err
	}
	return u.tries.Wait(ctx)
}

// broke takes note of a body that did not get through. When none of it arrives again and again, something on the way may
// not like its length, and only smaller ones can show it.
func (u *upload) broke() {
	if u.stuck++; u.stuck < 3 || u.size < 0 {
		return
	}
	u.stuck = 0
	if u.way != inChunks {
		u.inChunks(firstChunk)
	}
	u.inChunks(max(min(u.chunk, u.size-u.offset)/2, minChunk))
}

// adjust chooses another way after an answer that repeating would not change.
func (u *upload) adjust(ctx context.Context, answer *errcode.ErrorResponse) error {
	if u.location == nil {
		return answer
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return answer
	case http.StatusNotFound:
		u.lost()
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		u.misfit()
		return nil
	}
	if hasCode(answer, errcode.ErrorCodeDigestInvalid) {
		return u.again(answer)
	}
	switch {
	case u.way == inPatch && answer.StatusCode != http.StatusRequestEntityTooLarge:
		u.way = inPut
	case u.way != inChunks:
		u.inChunks(firstChunk)
	case u.chunk <= max(minChunk, u.least) || u.size < 0:
		return answer
	default: // smaller chunks, in the session that there is
		u.inChunks(max(min(u.chunk, u.size-u.offset)/2, minChunk))
		if answer.StatusCode == http.StatusRequestEntityTooLarge {
			return nil
		}
	}
	u.abandon(ctx)
	u.restart()
	return nil
}

// misfit takes note that the session stands elsewhere than it was believed to. It is asked again; when it has told no
// byte or one, it may have meant the other.
func (u *upload) misfit() {
	u.empty = !u.empty && u.offset <= 1
	if u.misfits++; u.misfits > 3 {
		u.restart()
	}
}

// again starts from the first byte, once, after the registry found another digest in what it got.
func (u *upload) again(answer *errcode.ErrorResponse) error {
	switch {
	case !u.spoiled:
		u.spoiled = true
		u.restart()
		return nil
	case u.blob.Digest != "":
		return &artifact.Error{Op: "uploading", Item: u.digest.String(), Err: fmt.Errorf("the registry got other bytes than the digest is of: %w", artifact.ErrChanged)}
	}
	return answer
}

func hasCode(answer *errcode.ErrorResponse, code string) bool {
	for _, e := range answer.Errors {
		if e.Code == code {
			return true
		}
	}
	return false
}

// abandon ends a session that nobody will go on with. That it can't be ended does not matter: registries clean up.
func (u *upload) abandon(ctx context.Context) {
	if u.location == nil || u.state.kept() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if resp, err := u.send(ctx, request{method: http.MethodDelete, url: u.location}); err == nil {
		transport.Drain(resp)
	}
	u.location = nil
}

// body opens the blob at the offset, for length bytes (-1: all that come). What is not hashed yet is hashed in passing, so
// that it is in the core's cache when it is sent: the kernel's sendfile and a hash beside it cost the client no less, and a
// registry on the same machine a quarter more, which then copies out of cold pages.
func (u *upload) body(length int64) (io.ReadCloser, error) {
	rc, err := u.blob.Open(u.offset)
	if err != nil {
		return nil, err
	}
	if f, ok := rc.(*os.File); ok && u.size >= 0 && u.opened == nil {
		if u.opened, err = f.Stat(); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	body := &blobBody{Closer: rc, r: rc, upload: u, at: u.offset, end: u.offset + length, bounded: length >= 0}
	if u.digest == "" {
		body.r = newReadAhead(rc, u.sum, u.offset, u.size)
	}
	return body, nil
}

// unchanged tells whether a file that was sent is still the one that was opened.
func (u *upload) unchanged() error {
	if u.opened == nil {
		return nil
	}
	rc, err := u.blob.Open(0)
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }()
	f, ok := rc.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err == nil && (info.Size() != u.opened.Size() || !info.ModTime().Equal(u.opened.ModTime()) || !os.SameFile(info, u.opened)) {
		err = &artifact.Error{Op: "uploading", Item: f.Name(), Err: artifact.ErrChanged}
	}
	return err
}

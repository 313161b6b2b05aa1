package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/davit-oci/davit/internal/remote/api"
	"github.com/davit-oci/davit/internal/remote/blob"
	"github.com/davit-oci/davit/internal/remote/transport"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/manifest"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// OnePassFrom is the minimum size of a blob of unknown digest that is hashed while it is sent. A smaller blob is hashed
	// first, because the registry may have it already.
	OnePassFrom = 64 << 20
	// newOnePassFrom replaces OnePassFrom in an empty repository. For a smaller blob, the request that checks whether the
	// repository is empty takes as long as hashing the blob first.
	newOnePassFrom = 4 << 20
	// checkFrom is the minimum size of a blob for which a HEAD request checks whether the registry has it, if opening the session did
	// not show it. Sending a smaller blob takes less time than the request.
	checkFrom = 16 << 10
	// resumableFrom is the minimum size of a blob whose upload state is saved for another process.
	resumableFrom = 8 << 20
	// firstChunk is the size of the first chunk for a registry that requires chunks. Status 413 halves it, down to minChunk.
	firstChunk, minChunk = 32 << 20, 1 << 20
	// bufferedChunk is the size of a chunk of a blob of unknown size. The chunk is read into memory to determine its length.
	bufferedChunk = 8 << 20
	// queryInterval is the pause between two queries of a session's offset, and maxQueries the maximum number of queries.
	queryInterval, maxQueries = 60 * time.Millisecond, 100
	// maxFailedQueries limits how many of these queries may fail.
	maxFailedQueries = 5
	// aheadBuffer is the number of bytes of a blob that are hashed at once before they are sent.
	aheadBuffer = 128 << 10
	// watchEvery is the interval at which progress is reported.
	watchEvery = 100 * time.Millisecond
)

// method is one of the ways to send a blob.
type method int

const (
	inPut    method = iota // one PUT with the whole blob, which needs the digest
	inPatch                // one PATCH with the whole blob, then an empty PUT
	inChunks               // several PATCHes, then an empty PUT
)

// Blob stores a blob, and returns its descriptor and whether it was sent, mounted, or skipped. It does not send a blob that the
// registry has, or can mount from another repository. It hashes a large blob of unknown digest while sending it. A broken upload
// continues at the offset that the registry reports; with Shared.CacheDir and Blob.ID even in another process. If report is not
// nil, it receives the number of bytes that the registry has, at first those that it had before; its calls do not overlap.
func Blob(ctx context.Context, r *blob.Store, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	if report == nil {
		report = func(int64) {}
	}
	u := &upload{repo: r, blob: b, report: report, size: b.Size, digest: b.Digest}
	if u.size < 0 {
		u.digest = "" // not trusted without a size
	}
	transport := r.Client.Transport
	u.retrier = transport.NewRetrier(transport.Limiter(r.Origin.Host), "upload")
	step, err := u.run(r.WithScope(ctx))
	desc := b.Descriptor()
	desc.Digest, desc.Size = u.digest, u.size
	if desc.MediaType == "" {
		desc.MediaType = "application/octet-stream"
	}
	if err == nil {
		u.retrier.Done()
		r.Shared.Saw(r.Origin.Host, r.Name.Repository, desc)
		report(u.size)
	}
	return desc, step, r.Wrap(ctx, "uploading "+u.name(), err)
}

// Reader is like Blob, for the content of a reader. An upload from a reader that is not an io.Seeker can be resumed only by another
// process, unless the content is so small that Reader buffers it.
func Reader(ctx context.Context, r *blob.Store, desc ocispec.Descriptor, content io.Reader) error {
	b := artifact.Blob{MediaType: desc.MediaType, Size: desc.Size, Digest: desc.Digest}
	seeker, seeks := content.(io.ReadSeeker)
	if !seeks && desc.Size <= manifest.MaxSize {
		data, err := api.ReadBounded(content, manifest.MaxSize)
		if err != nil {
			return err
		}
		if int64(len(data)) != desc.Size {
			return artifact.Refused(desc.Digest.String(), "size mismatch: want %d bytes, got %d", desc.Size, len(data))
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
			return nil, errors.New("connection lost, and the source can't be read again")
		}
		opened = true
		_, err := io.CopyN(io.Discard, content, offset) // an interrupted process sent these bytes
		return io.NopCloser(content), err
	}
	_, _, err := Blob(ctx, r, b, nil)
	return err
}

// Mount mounts a blob from another repository of the registry. If that fails, it sends the blob's content from getContent or,
// if getContent is nil, fetches it from that repository.
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

// upload sends one blob.
type upload struct {
	repo    *blob.Store
	blob    artifact.Blob
	report  func(int64)
	retrier *transport.Retrier
	state   *uploadState // saved for another process; nil if not saved

	digest digest.Digest // "" until it is known
	size   int64         // -1 until it is known
	sum    *prefixHash   // computes the digest; nil if the digest was known
	sourceState
	session
	shape
	quirks
	history
}

// sourceState is the state of the source that is read.
type sourceState struct {
	opened os.FileInfo                           // of the file when it was first opened
	failed atomic.Pointer[transport.SourceError] // error of reading the body of the current request
	ended  atomic.Int64                          // size of a source of unknown size, or 0 until its end is read
}

// session is the state of an upload session. The zero value is the state before a session is opened.
type session struct {
	location     *url.URL // nil if there is no session
	offset       int64    // number of bytes that the registry has
	unsure       bool     // the registry may have more or fewer bytes
	finished     bool     // a PUT with the digest was sent, and may have succeeded
	begun        bool     // a body was sent
	offsetErrors int      // number of responses with status 416
}

// shape is the division of the blob into requests.
type shape struct {
	method method
	chunk  int64 // size of a chunk
	least  int64 // minimum size of a chunk that the registry demands
}

// quirks are properties of the registry that its responses have shown.
type quirks struct {
	// expectContinue sends bodies with Expect: 100-continue, so that a refusal arrives before any byte of the body is sent.
	expectContinue bool
	emptyIsOne     bool // "Range: 0-0" means one byte
	portMissing    bool // the registry omits its port in Location
}

// history is the state of the upload that is kept when a new session is opened.
type history struct {
	furthest   int64 // the most bytes that the registry had in any session
	absent     bool  // the registry has answered that it does not have the blob
	ours       bool  // a PUT was sent, so the blob in the registry is from this upload
	stuck      int   // number of broken bodies since the last progress
	fails      int   // number of errors since the last progress
	mismatched bool  // the registry has reported a wrong digest before
}

// name returns the name of the blob for messages.
func (u *upload) name() string {
	switch {
	case u.digest != "":
		return u.repo.Named(u.digest.String())
	case u.blob.Annotations[ocispec.AnnotationTitle] != "":
		return strconv.Quote(u.blob.Annotations[ocispec.AnnotationTitle]) + " to " + u.repo.FullName()
	}
	return "a blob to " + u.repo.FullName()
}

// run uploads the blob.
func (u *upload) run(ctx context.Context) (artifact.Step, error) {
	if u.digest == "" {
		u.sum = newPrefixHash(&u.repo.Shared.Hashes)
		defer u.sum.close()
		if u.size >= 0 && u.size < u.repo.Shared.OnePass && (u.size < newOnePassFrom || !u.repo.IsNew(ctx)) {
			if err := u.measure(ctx); err != nil {
				return 0, err
			}
		}
	}
	if u.digest == "" {
		u.method = inPatch
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

// attempt continues the upload until it is complete or an error occurs.
func (u *upload) attempt(ctx context.Context) (artifact.Step, error) {
	if u.finished && u.unsure {
		if ok, err := u.isStored(ctx); ok || err != nil {
			return artifact.Done, err
		}
	}
	if u.location != nil && u.unsure {
		if err := u.queryOffset(ctx); err != nil {
			return 0, err
		}
	}
	if u.location == nil {
		if step, err := u.begin(ctx); step != 0 || err != nil {
			return step, err
		}
		u.report(0)
	}
	if err := u.transfer(ctx); err != nil {
		return 0, err
	}
	return artifact.Done, nil
}

// begin checks whether the registry has the blob, and opens a session if not. It returns step 0 if the blob has to be sent.
func (u *upload) begin(ctx context.Context) (artifact.Step, error) {
	if u.digest == "" {
		return 0, u.post(ctx, nil)
	}
	known := u.repo.Mounting()
	if known == blob.MountsIgnored {
		if !u.absent { // only once: if every second request fails, a HEAD before each POST would make every POST fail
			if ok, err := u.isStored(ctx); ok || err != nil {
				return artifact.Skipped, err
			}
			u.absent = true
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
	case mounted && !u.repo.Declines():
		ok, err := u.isStored(ctx)
		if err != nil {
			return 0, err
		}
		if !ok { // the registry claims to have mounted every blob
			u.repo.LearnMounting(blob.MountsIgnored)
			u.absent = true
			return 0, u.post(ctx, nil)
		}
	}
	switch {
	case mounted && from == u.repo.Name.Repository:
		u.repo.LearnMounting(blob.MountsWork)
		return artifact.Skipped, nil
	case mounted:
		return artifact.Mounted, nil
	case known == blob.MountsWork || u.size < checkFrom || (!seen || from != u.repo.Name.Repository) && u.repo.IsNew(ctx):
		return 0, nil
	}
	ok, err := u.isStored(ctx)
	if ok {
		u.repo.LearnMounting(blob.MountsIgnored)
		u.abandon(ctx)
		return artifact.Skipped, nil
	}
	return 0, err
}

// mount requests that the registry mount the blob from a repository, and opens a session if it does not. Mounting a blob from the
// same repository shows whether it exists there, with one request fewer than HEAD and POST.
func (u *upload) mount(ctx context.Context, from string) (bool, error) {
	err := u.post(u.repo.WithSourceScope(ctx, from), url.Values{"mount": {u.digest.String()}, "from": {from}})
	if errors.Is(err, errMounted) {
		return true, nil
	}
	if err == nil {
		u.repo.LearnDecline()
	}
	answer := transport.AsResponse(err)
	if answer == nil {
		return false, err
	}
	if answer.StatusCode/100 == 5 { // the registry does not support mounts
		u.repo.LearnMounting(blob.MountsIgnored)
	}
	return false, u.post(ctx, nil) // needs no permission to read the other repository
}

// isStored reports whether the registry has the blob. It returns false if the registry refuses to answer, so that the blob is
// sent.
func (u *upload) isStored(ctx context.Context) (bool, error) {
	ok, err := u.repo.HasBlob(ctx, ocispec.Descriptor{Digest: u.digest, Size: u.size})
	if answer := transport.AsResponse(err); answer != nil && !transport.IsTransient(answer.StatusCode) {
		return false, nil
	}
	return ok, err
}

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
	// onePassFrom is the size from which a blob of unknown digest is hashed while it is sent. A smaller one is hashed
	// first, because the registry may have it already.
	OnePassFrom = 64 << 20
	// newOnePassFrom is onePassFrom for an empty repository. Below it, an additional request costs as much as hashing
	// beforehand.
	newOnePassFrom = 4 << 20
	// askFrom is the size from which a registry is asked whether it has a blob, if opening the upload has not shown that. A
	// smaller one is sent before the response would arrive.
	askFrom = 16 << 10
	// resumableFrom is the size from which an upload's state is kept for another process.
	resumableFrom = 8 << 20
	// firstChunk is the size of the first chunk for a registry that requires chunks. 413 halves it, down to minChunk.
	firstChunk, minChunk = 32 << 20, 1 << 20
	// bufferedChunk is the size of a chunk of a blob of unknown size: it must be in memory to have a length.
	bufferedChunk = 8 << 20
	// askAgain is the pause between two requests for a session's position, maxAsks their maximum number.
	askAgain, maxAsks = 60 * time.Millisecond, 100
	// maxFailedAsks limits how many of these requests may fail.
	maxFailedAsks = 5
	// aheadBuffer is the number of bytes of a blob that are hashed at once before they are sent.
	aheadBuffer = 128 << 10
	// watchEvery is the interval at which progress is checked.
	watchEvery = 100 * time.Millisecond
)

// method is one of the ways to send a blob.
type method int

const (
	inPut    method = iota // one PUT with everything, which needs the digest
	inPatch                // one PATCH with everything, then a PUT
	inChunks               // several PATCHes, then a PUT
)

// Blob stores a blob. It does not send a blob that the registry has, or can mount from another repository. It hashes a
// large blob of unknown digest while sending it. A broken upload continues at the offset that the registry reports; with
// Options.CacheDir and Blob.ID also in another process. Report receives the number of bytes that the registry has; its
// calls do not overlap. It may be nil.
func Blob(ctx context.Context, r *blob.Store, b artifact.Blob, report func(done int64)) (ocispec.Descriptor, artifact.Step, error) {
	if report == nil {
		report = func(int64) {}
	}
	u := &upload{repo: r, blob: b, report: report, size: b.Size, digest: b.Digest}
	if u.size < 0 {
		u.digest = "" // of a blob whose size is unknown
	}
	transport := r.Client.Transport
	u.tries = transport.NewRetrier(transport.Limiter(r.Origin.Host), "upload")
	step, err := u.run(r.WithScope(ctx))
	desc := b.Descriptor()
	desc.Digest, desc.Size = u.digest, u.size
	if desc.MediaType == "" {
		desc.MediaType = "application/octet-stream"
	}
	if err == nil {
		u.tries.Done()
		r.Shared.Saw(r.Origin.Host, r.Name.Repository, desc)
		report(u.size)
	}
	return desc, step, r.Wrap(ctx, "uploading "+u.name(), err)
}

// Reader is like Blob, for a reader, which can be read only once unless it can seek.
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
			return nil, errors.New("the connection broke, and the source can't be read again")
		}
		opened = true
		return io.NopCloser(content), nil
	}
	_, _, err := Blob(ctx, r, b, nil)
	return err
}

// Mount mounts a blob from another repository of the registry, or else sends the content that getContent returns.
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
	repo   *blob.Store
	blob   artifact.Blob
	report func(int64)
	tries  *transport.Retrier
	state  *uploadState // for another process; nil: none is kept

	digest digest.Digest // "": not known yet
	size   int64         // -1: not known yet
	sum    *summer       // computes the digest; nil: it was known
	sourceState
	session
	shape
	quirks
	history
}

// sourceState is the result of reading the source.
type sourceState struct {
	opened os.FileInfo // of the file when it was first opened
	failed atomic.Pointer[transport.SourceError]
	ended  atomic.Int64 // end of a reader of unknown size; 0: it has not ended
}

// session is the state of an upload session. A new one begins with the zero value.
type session struct {
	location     *url.URL // nil: there is no session
	offset       int64    // bytes that the registry has
	unsure       bool     // the offset is not certain
	finished     bool     // a PUT with the digest was sent, and may have worked
	begun        bool     // a body was sent
	offsetErrors int      // answers that a part begins at another offset
}

// shape is the division of the blob into requests.
type shape struct {
	method method
	chunk  int64 // size of a chunk
	least  int64 // minimum that the registry demands
}

// quirks are the peculiarities that a registry has shown.
type quirks struct {
	careful     bool // ask before sending, so that a refusal costs no bytes and is not lost when the connection ends
	emptyIsOne  bool // "Range: 0-0" means one byte
	portMissing bool // it leaves the port out of its own address
}

// history is the past of the upload, over all sessions.
type history struct {
	furthest   int64 // the most bytes that the registry ever had
	absent     bool  // the registry said that it does not have the blob
	ours       bool  // a PUT was sent, so that the blob in the registry came from here
	stuck      int   // broken bodies since the last progress
	fails      int   // errors since the last progress
	mismatched bool  // the registry has found another digest before
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

// run uploads the blob.
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

// attempt uploads until the first error.
func (u *upload) attempt(ctx context.Context) (artifact.Step, error) {
	if u.finished && u.unsure {
		if ok, err := u.isStored(ctx); ok || err != nil {
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

// begin checks whether the registry has the blob, and opens a session if not. Its step is 0 if the blob has to be sent.
func (u *upload) begin(ctx context.Context) (artifact.Step, error) {
	if u.digest == "" {
		return 0, u.post(ctx, nil)
	}
	known := u.repo.Mounting()
	if known == blob.MountsIgnored {
		if !u.absent { // asked once: if every second request fails, a question before each POST makes every POST fail
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
		if !ok { // it says that of every blob
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
	case known == blob.MountsWork || u.size < askFrom || (!seen || from != u.repo.Name.Repository) && u.repo.IsNew(ctx):
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

// mount asks the registry to mount the blob from a repository, and opens a session if it does not. The same repository
// as source saves a round trip over HEAD and POST.
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
	if answer.StatusCode/100 == 5 { // it does not know mounting
		u.repo.LearnMounting(blob.MountsIgnored)
	}
	return false, u.post(ctx, nil) // also without permission to read the other repository
}

// isStored asks the registry whether it has the blob. If the registry refuses to say, the blob is sent.
func (u *upload) isStored(ctx context.Context) (bool, error) {
	ok, err := u.repo.HasBlob(ctx, ocispec.Descriptor{Digest: u.digest, Size: u.size})
	if answer := transport.AsResponse(err); answer != nil && !transport.IsTransient(answer.StatusCode) {
		return false, nil
	}
	return ok, err
}

package upload

import (
	"context"
	"fmt"
	"net/http"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/internal/remote/transport"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// situation is the state that determines how an upload continues after an error.
type situation struct {
	status        int  // of the response, or 0 without a response
	isTemporary   bool // the same request may succeed later
	digestInvalid bool // the response reports a wrong digest

	hasSession   bool // the registry has opened a session
	begun        bool // a body was sent to the session
	offsetErrors int  // number of earlier responses with status 416
	stuck        int  // number of earlier broken bodies since the last progress

	method      method
	canShrink   bool // chunks can be made smaller
	sizeKnown   bool
	digestKnown bool // the digest was known before the upload, so a mismatch means that the source has changed
	mismatched  bool // the registry has reported a wrong digest before
}

// action is how an upload continues after an error.
type action int

const (
	actionGiveUp    action = iota
	actionRetry            // send the same request again
	actionCount            // count a broken body, and retry
	actionQuery            // query the session's offset
	actionReopen           // open a new session, and send chunks if a broken body ended the last one
	actionRestart          // open a new session after too many offset errors
	actionStartOver        // send the whole blob again
	actionChanged          // report that the source has changed
	actionPut              // send the whole blob in one PUT, in a new session
	actionChunks           // send chunks, in a new session
	actionShrink           // send smaller chunks in the same session
	actionShrinkNew        // send smaller chunks in a new session
)

const (
	maxOffsetErrors = 3 // offset errors before a new session is opened
	maxStuck        = 3 // broken bodies without progress before a smaller body is tried
)

// recoveries lists the action for each situation. The first row that applies is used.
var recoveries = []struct {
	applies func(s situation) bool
	action  action
}{
	// The connection broke without a response. If several bodies broke without progress, a proxy may reject their length, so
	// smaller bodies are tried.
	{func(s situation) bool { return s.status == 0 && !s.isTemporary }, actionGiveUp},
	{func(s situation) bool { return s.status == 0 && (!s.hasSession || !s.begun) }, actionRetry},
	{func(s situation) bool { return s.status == 0 && (s.stuck < maxStuck-1 || !s.sizeKnown) }, actionCount},
	{func(s situation) bool { return s.status == 0 }, actionShrink},

	// Errors that a retry may fix, and errors that it can't.
	{func(s situation) bool { return s.isTemporary }, actionRetry},
	{func(s situation) bool { return !s.hasSession }, actionGiveUp},
	{func(s situation) bool { return s.status == http.StatusUnauthorized || s.status == http.StatusForbidden }, actionGiveUp},

	// The registry and the client disagree about the session.
	{func(s situation) bool { return s.status == http.StatusNotFound }, actionReopen},
	{func(s situation) bool {
		return s.status == http.StatusRequestedRangeNotSatisfiable && s.offsetErrors < maxOffsetErrors
	}, actionQuery},
	{func(s situation) bool { return s.status == http.StatusRequestedRangeNotSatisfiable }, actionRestart},
	{func(s situation) bool { return s.digestInvalid && !s.mismatched }, actionStartOver},
	{func(s situation) bool { return s.digestInvalid && s.digestKnown }, actionChanged},
	{func(s situation) bool { return s.digestInvalid }, actionGiveUp},

	// The registry does not accept the body: try another method, then smaller chunks.
	{func(s situation) bool { return s.method == inPatch && s.status != http.StatusRequestEntityTooLarge }, actionPut},
	{func(s situation) bool { return s.method != inChunks }, actionChunks},
	{func(s situation) bool { return !s.canShrink }, actionGiveUp},
	{func(s situation) bool { return s.status == http.StatusRequestEntityTooLarge }, actionShrink},
	{func(situation) bool { return true }, actionShrinkNew},
}

// nextAction returns the action of the first row that applies.
func nextAction(s situation) action {
	for _, r := range recoveries {
		if r.applies(s) {
			return r.action
		}
	}
	return actionGiveUp
}

// situation returns the situation after an error.
func (u *upload) situation(err error) situation {
	s := situation{
		isTemporary: isTemporary(err),
		hasSession:  u.location != nil, begun: u.begun, offsetErrors: u.offsetErrors, stuck: u.stuck,
		method: u.method, canShrink: u.chunk > max(minChunk, u.least) && u.size >= 0,
		sizeKnown: u.size >= 0, digestKnown: u.blob.Digest != "", mismatched: u.mismatched,
	}
	if answer := transport.AsResponse(err); answer != nil {
		s.status = answer.StatusCode
		s.digestInvalid = hasCode(answer, errcode.ErrorCodeDigestInvalid)
	}
	return s
}

// isTemporary reports whether the same request may succeed later.
func isTemporary(err error) bool {
	if answer := transport.AsResponse(err); answer != nil {
		return transport.IsTransient(answer.StatusCode)
	}
	return transport.RetryabilityOf(err) != transport.Never
}

// recover prepares the next attempt after an error, and waits. It returns an error if there is no next attempt.
func (u *upload) recover(ctx context.Context, err error) error {
	if changed := u.checkUnchanged(); changed != nil {
		return changed
	}
	u.fails++
	if err := u.act(ctx, nextAction(u.situation(err)), err); err != nil {
		return err
	}
	if !u.retrier.ShouldRetry(err) {
		return err
	}
	return u.retrier.Wait(ctx)
}

// act applies an action to the state of the upload. It returns an error if the upload must fail.
func (u *upload) act(ctx context.Context, a action, cause error) error {
	switch a {
	case actionGiveUp:
		return cause
	case actionChanged:
		return &artifact.Error{Op: "uploading", Item: u.digest.String(), Err: fmt.Errorf("digest mismatch in the registry: %w", artifact.ErrChanged)}
	case actionRetry:
	case actionCount:
		u.stuck++
	case actionQuery:
		u.toggleEmptyRange()
		u.offsetErrors++
	case actionReopen:
		u.dropSession()
	case actionRestart:
		u.toggleEmptyRange()
		u.restart()
	case actionStartOver:
		u.mismatched = true
		u.restart()
	case actionPut:
		u.method = inPut
		u.renew(ctx)
	case actionChunks:
		u.useChunks(firstChunk)
		u.renew(ctx)
	case actionShrink:
		u.stuck = 0
		u.shrink()
	case actionShrinkNew:
		u.shrink()
		u.renew(ctx)
	}
	return nil
}

// toggleEmptyRange changes how "Range: 0-0" is interpreted, if the session may have reported it: some registries send it for one
// byte, others for no bytes.
func (u *upload) toggleEmptyRange() { u.emptyIsOne = !u.emptyIsOne && u.offset <= 1 }

// shrink halves the size of chunks, down to minChunk or the registry's minimum.
func (u *upload) shrink() {
	if u.method != inChunks {
		u.useChunks(firstChunk)
	}
	u.useChunks(max(min(u.chunk, u.size-u.offset)/2, minChunk))
}

// renew cancels the session, so that the next attempt opens a new one.
func (u *upload) renew(ctx context.Context) {
	u.abandon(ctx)
	u.restart()
}

// hasCode reports whether a response contains an error with the code.
func hasCode(answer *errcode.ErrorResponse, code string) bool {
	for _, e := range answer.Errors {
		if e.Code == code {
			return true
		}
	}
	return false
}

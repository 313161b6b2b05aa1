package upload

import (
	"net/http"
	"testing"

	"github.com/davit-oci/davit/internal/remote/transport"
)

// TestRecovery checks the next action for every kind of response, in all relevant situations.
func TestRecovery(t *testing.T) {
	t.Parallel()
	const none = 0 // no response
	// session returns a situation with a session to which a body was sent, after applying change.
	session := func(status int, w method, change func(*situation)) situation {
		s := situation{status: status, hasSession: true, begun: true, method: w, sizeKnown: true, canShrink: w == inChunks}
		s.isTemporary = status == none
		if change != nil {
			change(&s)
		}
		return s
	}
	tests := map[string]struct {
		s    situation
		want action
	}{
		"local error":                   {session(none, inPut, func(s *situation) { s.isTemporary = false }), actionGiveUp},
		"broken before a session":       {situation{isTemporary: true, stuck: 2, sizeKnown: true}, actionRetry},
		"broken before a body":          {session(none, inPut, func(s *situation) { s.begun = false; s.stuck = 2 }), actionRetry},
		"first broken body":             {session(none, inPut, nil), actionCount},
		"second broken body":            {session(none, inPatch, func(s *situation) { s.stuck = 1 }), actionCount},
		"third broken body":             {session(none, inPatch, func(s *situation) { s.stuck = 2 }), actionShrink},
		"third broken chunk":            {session(none, inChunks, func(s *situation) { s.stuck = 2 }), actionShrink},
		"broken body of unknown size":   {session(none, inPatch, func(s *situation) { s.stuck = 9; s.sizeKnown = false }), actionCount},
		"server error":                  {session(503, inPatch, func(s *situation) { s.isTemporary = true }), actionRetry},
		"server error before a session": {situation{status: 500, isTemporary: true}, actionRetry},
		"refusal before a session":      {situation{status: 405}, actionGiveUp},
		"unauthorized":                  {session(401, inPatch, nil), actionGiveUp},
		"forbidden":                     {session(403, inChunks, nil), actionGiveUp},
		"session unknown":               {session(404, inPatch, nil), actionReopen},
		"session unknown before a body": {session(404, inPut, func(s *situation) { s.begun = false }), actionReopen},
		"first offset error":            {session(416, inChunks, nil), actionQuery},
		"third offset error":            {session(416, inPatch, func(s *situation) { s.offsetErrors = 2 }), actionQuery},
		"fourth offset error":           {session(416, inPatch, func(s *situation) { s.offsetErrors = 3 }), actionRestart},
		"first wrong digest":            {session(400, inPut, func(s *situation) { s.digestInvalid = true }), actionStartOver},
		"second wrong digest, known":    {session(400, inPut, func(s *situation) { s.digestInvalid, s.mismatched, s.digestKnown = true, true, true }), actionChanged},
		"second wrong digest, computed": {session(400, inPatch, func(s *situation) { s.digestInvalid, s.mismatched = true, true }), actionGiveUp},
		"no PATCH":                      {session(405, inPatch, nil), actionPut},
		"PATCH too large":               {session(413, inPatch, nil), actionChunks},
		"PUT refused":                   {session(400, inPut, nil), actionChunks},
		"PUT too large":                 {session(413, inPut, nil), actionChunks},
		"chunk too large":               {session(413, inChunks, nil), actionShrink},
		"chunk refused":                 {session(400, inChunks, nil), actionShrinkNew},
		"smallest chunk too large":      {session(413, inChunks, func(s *situation) { s.canShrink = false }), actionGiveUp},
		"smallest chunk refused":        {session(400, inChunks, func(s *situation) { s.canShrink = false }), actionGiveUp},
	}
	for name, test := range tests {
		if got := nextAction(test.s); got != test.want {
			t.Errorf("%s: got the action %d, want %d", name, got, test.want)
		}
	}
}

// TestRecoveryShrinks checks that chunks shrink down to minChunk, but not below the registry's minimum.
func TestRecoveryShrinks(t *testing.T) {
	t.Parallel()
	u := &upload{size: 1 << 30}
	u.useChunks(firstChunk)
	for _, want := range []int64{firstChunk / 2, firstChunk / 4, firstChunk / 8, firstChunk / 16, minChunk, minChunk} {
		if u.shrink(); u.chunk != want {
			t.Errorf("got chunks of %d bytes, want %d", u.chunk, want)
		}
	}
	if s := u.situation(&transport.SourceError{Err: http.ErrBodyNotAllowed}); s.canShrink {
		t.Error("smallest chunk: got canShrink true, want false")
	}
	u.least = 8 << 20
	if u.shrink(); u.chunk != u.least {
		t.Errorf("got chunks of %d bytes, want the registry's minimum %d", u.chunk, u.least)
	}
}

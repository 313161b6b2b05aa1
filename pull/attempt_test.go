package pull

import (
	"errors"
	"fmt"
	"testing"

	"github.com/davit-oci/davit/artifact"
	"github.com/davit-oci/davit/pull/internal/unpack"
)

// TestAttempts checks which attempt follows an attempt with each outcome.
func TestAttempts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from  attempt
		end   outcome
		next  attempt
		again bool
	}{
		{attempt{}, ended, attempt{}, false},
		{attempt{}, entangled, attempt{fetchAll: true}, true},
		{attempt{}, restarted, attempt{waitForAll: true}, true},
		{attempt{}, raced, attempt{races: 1}, true},
		{attempt{fetchAll: true}, entangled, attempt{fetchAll: true}, false},
		{attempt{fetchAll: true}, restarted, attempt{fetchAll: true, waitForAll: true}, true},
		{attempt{fetchAll: true}, raced, attempt{fetchAll: true, races: 1}, true},
		{attempt{waitForAll: true}, entangled, attempt{fetchAll: true, waitForAll: true}, true},
		{attempt{waitForAll: true}, restarted, attempt{waitForAll: true}, false},
		{attempt{waitForAll: true, races: 2}, raced, attempt{waitForAll: true, races: 3}, true},
		{attempt{fetchAll: true, waitForAll: true}, ended, attempt{fetchAll: true, waitForAll: true}, false},
		{attempt{races: maxRaces - 1}, raced, attempt{races: maxRaces}, true},
		{attempt{races: maxRaces}, raced, attempt{races: maxRaces + 1}, false},
		{attempt{races: maxRaces}, entangled, attempt{fetchAll: true, races: maxRaces}, true},
		{attempt{races: maxRaces}, ended, attempt{races: maxRaces}, false},
	} {
		if next, again := test.from.after(test.end); next != test.next || again != test.again {
			t.Errorf("%+v after %v: got %+v, %t, want %+v, %t", test.from, test.end, next, again, test.next, test.again)
		}
	}
}

// TestAttemptsEnd checks that a pull stops if all its attempts have the same outcome.
func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	for end, want := range map[outcome]int{ended: 1, entangled: 2, restarted: 2, raced: 1 + maxRaces} {
		attempts := 1
		for a, again := (attempt{}).after(end); again && attempts < 100; a, again = a.after(end) {
			attempts++
		}
		if attempts != want {
			t.Errorf("always %v: got %d attempts, want %d", end, attempts, want)
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]outcome{
		nil:                 ended,
		artifact.ErrKept:    ended,
		artifact.ErrRefused: ended,
		errRaced:            raced,
		unpack.ErrRestarted: restarted,
		fmt.Errorf("unpacking: %w", unpack.ErrEntangled):           entangled,
		&artifact.Error{Op: "unpacking", Err: unpack.ErrRestarted}: restarted,
		errors.Join(errors.New("closing"), unpack.ErrEntangled):    entangled,
	} {
		if got := outcomeOf(err); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
}

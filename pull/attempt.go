package pull

import (
	"errors"

	"github.com/davit-oci/davit/pull/internal/unpack"
)

// An attempt configures one attempt to place the files of an artifact. The zero value is the first attempt, which assumes that
// layers do not depend on each other, that no download starts over, and that no other pull is running.
type attempt struct {
	fetchAll   bool // also fetch layers whose files the last pull unpacked and that are intact
	waitForAll bool // unpack a layer only after it has been verified
	races      int  // attempts that failed because another pull placed files in the same directory
}

// outcome is the way in which an attempt ended.
type outcome int

const (
	ended     outcome = iota // everything is placed, or the pull failed
	entangled                // a layer depends on one that was not fetched
	restarted                // a layer was fetched a second time while it was unpacked
	raced                    // another pull placed files after this one had looked at the directory
)

// String returns the name of the outcome.
func (o outcome) String() string {
	return [...]string{"ended", "entangled", "restarted", "raced"}[o]
}

// errRaced means that another pull changed files that an attempt had found intact, or recorded files that it had taken for
// those of another program.
var errRaced = errors.New("another pull is placing files in the same directory")

func outcomeOf(err error) outcome {
	switch {
	case errors.Is(err, unpack.ErrEntangled):
		return entangled
	case errors.Is(err, unpack.ErrRestarted):
		return restarted
	case errors.Is(err, errRaced):
		return raced
	}
	return ended
}

// maxRaces limits the races with other pulls that one pull tolerates.
const maxRaces = 5

// after returns the attempt to make after one with this outcome. It returns false if there is no such attempt: each setting
// is changed only once, and maxRaces limits the races.
func (a attempt) after(end outcome) (next attempt, again bool) {
	next = a
	switch end {
	case entangled:
		next.fetchAll = true
	case restarted:
		next.waitForAll = true
	case raced:
		next.races++
	}
	return next, next != a && next.races <= maxRaces
}

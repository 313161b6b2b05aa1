package exit

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

// FlagError returns an error about the value of a flag in the user's terms, not in those of packages pflag and strconv.
func FlagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	cause := invalid.Unwrap()
	if invalid.GetFlag().Value.Type() == "duration" {
		cause = errors.New("must be a duration with a unit, such as 90s, 5m, or 1h30m")
		if invalid.GetFlag().Name == "retry-for" {
			cause = errors.New("must be a duration with a unit, such as 90s, 5m, or -1s")
		}
	}
	var number *strconv.NumError
	if errors.As(err, &number) {
		cause = errors.New("must be a number")
		if number.Func == "ParseBool" {
			cause = errors.New("must be true or false")
		}
	}
	return fmt.Errorf("invalid argument %q for --%s: %w", invalid.GetValue(), invalid.GetFlag().Name, cause)
}

package durable

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// BootID names this run of the machine: what was written in another one, and not synced, may be lost. It is "" where
// the system does not say.
var BootID = sync.OnceValue(func() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
})

// ClockSlack is the greatest error of the time at which a run of the machine began.
const ClockSlack = time.Minute

// Booted returns when this run of the machine began, to the second, and the zero time where the system does not say.
var Booted = sync.OnceValue(func() time.Time {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	_, rest, _ := strings.Cut("\n"+string(data), "\nbtime ")
	line, _, _ := strings.Cut(rest, "\n")
	seconds, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
})

package durable

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// BootID returns the ID of the current boot of the machine: unsynced files of an earlier boot may be lost. It returns "" if the
// system has no such ID.
var BootID = sync.OnceValue(func() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
})

// ClockSlack is the maximum error of the time that Booted returns.
const ClockSlack = time.Minute

// Booted returns when the machine was booted, to the second, or the zero time if the system does not report it.
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

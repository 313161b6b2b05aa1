package durable

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// BootID identifies the current boot: data that was written during another boot and not synced may be lost. It is "" if the system does not
// report one.
var BootID = sync.OnceValue(func() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
})

// ClockSlack is the maximum error of Booted.
const ClockSlack = time.Minute

// Booted returns when the current boot began, to the second, or the zero time if the system does not report it.
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

// Package hashing works out the SHA-256 of several streams at a time, on one core two in the time of one.
//
// A processor's instructions for SHA-256 wait for each other's results: with one stream, half of the unit that executes
// them is idle. Those of a second stream, interleaved, fill it. Intel's isa-l_crypto does the same (sha256_ni_x2.asm).
package hashing

//go:build !purego

package hashing

import (
	"sync"

	"golang.org/x/sys/cpu"
)

// canInterleave reports whether the processor has the instructions that hashBlocks uses.
var canInterleave = sync.OnceValue(func() bool {
	const sha = 1 << 29 // EBX of leaf 7: Intel 64 and IA-32 Architectures Software Developer's Manual, CPUID
	last, _ := cpuid(0)
	if last < 7 || !cpu.X86.HasSSSE3 || !cpu.X86.HasSSE41 {
		return false
	}
	_, features := cpuid(7)
	return features&sha != 0
})

// hashBlocks hashes n > 0 blocks of 64 bytes of each lane.
//
//go:noescape
func hashBlocks(a, b lane, n int)

// cpuid returns EAX and EBX of a leaf, subleaf 0.
func cpuid(leaf uint32) (eax, ebx uint32)

//go:build !purego

package hashing

import (
	"sync"

	"golang.org/x/sys/cpu"
)

// canInterleave tells whether the processor has the instructions that blocks uses.
var canInterleave = sync.OnceValue(func() bool {
	const sha = 1 << 29 // of EBX, leaf 7: Intel 64 and IA-32 Architectures Software Developer's Manual, CPUID
	last, _ := cpuid(0)
	if last < 7 || !cpu.X86.HasSSSE3 || !cpu.X86.HasSSE41 {
		return false
	}
	_, features := cpuid(7)
	return features&sha != 0
})

// blocks takes n blocks of 64 bytes, n > 0, from p into the state a of a SHA-256 and as many from q into b.
//
//go:noescape
func blocks(a, b *[8]uint32, p, q *byte, n int)

// cpuid gives EAX and EBX of a leaf, of its subleaf 0.
func cpuid(leaf uint32) (eax, ebx uint32)

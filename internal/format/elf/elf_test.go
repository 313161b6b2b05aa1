package elf_test

import (
	debugelf "debug/elf"
	"os"
	"runtime"
	"testing"

	"github.com/davit-oci/davit/internal/format/elf"
)

// header returns the beginning of an ELF file.
func header(class, order byte, kind, machine uint16) []byte {
	b := make([]byte, elf.HeadSize)
	copy(b, "\x7fELF")
	b[4], b[5], b[6] = class, order, 1
	at := func(i int, v uint16) {
		if order == 1 {
			b[i], b[i+1] = byte(v), byte(v>>8)
		} else {
			b[i], b[i+1] = byte(v>>8), byte(v)
		}
	}
	at(16, kind)
	at(18, machine)
	return b
}

func TestArchitecture(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		head []byte
		want string
	}{
		{header(2, 1, 2, uint16(debugelf.EM_X86_64)), "amd64"},
		{header(2, 1, 3, uint16(debugelf.EM_X86_64)), "amd64"},
		{header(1, 1, 2, uint16(debugelf.EM_386)), "386"},
		{header(1, 1, 2, uint16(debugelf.EM_ARM)), "arm"},
		{header(2, 1, 3, uint16(debugelf.EM_AARCH64)), "arm64"},
		{header(2, 1, 2, uint16(debugelf.EM_RISCV)), "riscv64"},
		{header(2, 1, 2, uint16(debugelf.EM_PPC64)), "ppc64le"},
		{header(2, 2, 2, uint16(debugelf.EM_PPC64)), "ppc64"},
		{header(2, 2, 2, uint16(debugelf.EM_S390)), "s390x"},
		{header(2, 1, 2, uint16(debugelf.EM_LOONGARCH)), "loong64"},
		{header(1, 2, 2, uint16(debugelf.EM_MIPS)), "mips"},
		{header(2, 1, 1, uint16(debugelf.EM_X86_64)), ""}, // an object file
		{header(2, 1, 1, uint16(debugelf.EM_BPF)), ""},
		{header(2, 1, 2, 9999), ""},
		{header(2, 1, 2, uint16(debugelf.EM_X86_64))[:19], ""},
		{[]byte("#!/bin/sh\necho a program\n"), ""},
		{nil, ""},
	} {
		if got := elf.Architecture(tt.head); got != tt.want {
			t.Errorf("%x: got %q, want %q", tt.head, got, tt.want)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	head := make([]byte, elf.HeadSize)
	if _, err := self.Read(head); err != nil || elf.Architecture(head) != runtime.GOARCH {
		t.Errorf("this test program: got %q, %v, want %s", elf.Architecture(head), err, runtime.GOARCH)
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		processor, program string
		want               bool
	}{{"amd64", "amd64", true}, {"amd64", "386", true}, {"386", "amd64", false}, {"arm64", "arm", true}, {"arm", "arm64", false}, {"amd64", "arm64", false}} {
		if got := elf.Runs(tt.processor, tt.program); got != tt.want {
			t.Errorf("%s runs %s: got %t, want %t", tt.processor, tt.program, got, tt.want)
		}
	}
}

func FuzzArchitecture(f *testing.F) {
	f.Add(header(2, 1, 2, 62))
	f.Fuzz(func(t *testing.T, head []byte) {
		if got := elf.Architecture(head); got != "" && len(head) < elf.HeadSize {
			t.Errorf("%x: got %s, want no architecture from so few bytes", head, got)
		}
	})
}

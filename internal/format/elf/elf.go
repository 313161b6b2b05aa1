// Package elf reads for which processor a program was built, from its ELF header.
package elf

import (
	"encoding/binary"
	"strings"
)

// HeadSize is the number of bytes at the start of a file that Architecture needs.
const HeadSize = 20

// The fields of the header (System V ABI, chapter 4): the class and the byte order of e_ident, and the values of e_type.
const (
	class32, class64      = 1, 2
	littleEndian          = 1
	executable, sharedObj = 2, 3
)

// machine is a value of e_machine and a class.
type machine struct {
	number uint16
	class  byte
}

// little and big are Go's names of processors, by byte order.
var (
	little = map[machine]string{
		{3, class32}: "386", {62, class64}: "amd64", {40, class32}: "arm", {183, class64}: "arm64", {243, class64}: "riscv64",
		{258, class64}: "loong64", {21, class64}: "ppc64le", {8, class32}: "mipsle", {8, class64}: "mips64le",
	}
	big = map[machine]string{{22, class64}: "s390x", {21, class64}: "ppc64", {8, class32}: "mips", {8, class64}: "mips64"}
)

// Architecture returns Go's name of the processor that a program or shared library is for, such as arm64. It returns "" for any other file.
func Architecture(head []byte) string {
	if len(head) < HeadSize || !strings.HasPrefix(string(head), "\x7fELF") {
		return ""
	}
	order, names := binary.ByteOrder(binary.BigEndian), big
	if head[5] == littleEndian {
		order, names = binary.LittleEndian, little
	}
	if kind := order.Uint16(head[16:]); kind != executable && kind != sharedObj {
		return ""
	}
	return names[machine{order.Uint16(head[18:]), head[4]}]
}

// Runs reports whether a processor also runs the programs of another one, or of the same.
func Runs(processor, program string) bool {
	return processor == program || processor == "amd64" && program == "386" || processor == "arm64" && program == "arm"
}

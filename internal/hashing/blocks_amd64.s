//go:build !purego

#include "textflag.h"

// SHA-256 (FIPS 180-4, section 6.2.2) of two streams with the SHA extensions. A lane, one of the streams, has
//   S, T   its state in the order that SHA256RNDS2 wants: from the highest word on A, B, E, F and C, D, G, H
//   M      four registers, with the sixteen newest words of the message schedule
//   W      a scratch register
// X0 has the words and constants of the next rounds, for SHA256RNDS2. X15 is the order of bytes.
// What the lanes do does not depend on each other, so that the processor is at both at a time.

// LOAD takes the state at FROM.
#define LOAD(FROM, S, T, W) \
	MOVOU   (FROM), S;   \
	MOVOU   16(FROM), T; \
	PSHUFD  $0xb1, S, S; \
	PSHUFD  $0x1b, T, T; \
	MOVOA   S, W;        \
	PALIGNR $8, T, S;    \
	PBLENDW $0xf0, W, T

// STORE writes the state back.
#define STORE(TO, S, T, W) \
	PSHUFD  $0x1b, S, S; \
	PSHUFD  $0xb1, T, T; \
	MOVOA   S, W;        \
	PBLENDW $0xf0, T, S; \
	PALIGNR $8, W, T;    \
	MOVOU   S, (TO);     \
	MOVOU   T, 16(TO)

// KEEP and ADD are the beginning and the end of a block: its result is added to the state before it.
#define KEEP(AT, S, T) \
	MOVOU S, (AT)(SP); \
	MOVOU T, (AT+16)(SP)

#define ADD(AT, S, T, W) \
	MOVOU (AT)(SP), W;    \
	PADDL W, S;           \
	MOVOU (AT+16)(SP), W; \
	PADDL W, T

// READ takes words 4*I to 4*I+3 of the message.
#define READ(I, FROM, M) \
	MOVOU  (16*I)(FROM), M; \
	PSHUFB X15, M

// ROUNDS does rounds 4*I to 4*I+3.
#define ROUNDS(I, S, T, M) \
	MOVOU       (16*I)(AX), X0; \
	PADDL       M, X0;          \
	SHA256RNDS2 X0, S, T;       \
	PSHUFD      $0x0e, X0, X0;  \
	SHA256RNDS2 X0, T, S

// EXTEND ends the making of NEXT's four words, of which M and LAST are the newest and the second newest before. They were
// begun by SHA256MSG1.
#define EXTEND(LAST, M, NEXT, W) \
	MOVOA      M, W;        \
	PALIGNR    $4, LAST, W; \
	PADDL      W, NEXT;     \
	SHA256MSG2 M, NEXT

// What follows is for both lanes: 1 is the first, 2 the second.

// HASH reads the message's words and does their rounds.
#define HASH(I, M1, M2) \
	READ(I, SI, M1);       \
	READ(I, R8, M2);       \
	ROUNDS(I, X1, X2, M1); \
	ROUNDS(I, X8, X9, M2)

// BEGIN begins the words that replace LAST's.
#define BEGIN(LAST1, M1, LAST2, M2) \
	SHA256MSG1 M1, LAST1; \
	SHA256MSG1 M2, LAST2

// END does the rounds of M and ends the words of the next ones.
#define END(I, LAST1, M1, NEXT1, LAST2, M2, NEXT2) \
	ROUNDS(I, X1, X2, M1);        \
	ROUNDS(I, X8, X9, M2);        \
	EXTEND(LAST1, M1, NEXT1, X7); \
	EXTEND(LAST2, M2, NEXT2, X14)

// STEP is both: rounds, and the message schedule.
#define STEP(I, LAST1, M1, NEXT1, LAST2, M2, NEXT2) \
	END(I, LAST1, M1, NEXT1, LAST2, M2, NEXT2); \
	BEGIN(LAST1, M1, LAST2, M2)

// func blocks(a, b lane, n int)
TEXT ·hashBlocks(SB), NOSPLIT, $64-40
	MOVQ  a_state+0(FP), DI
	MOVQ  b_state+16(FP), R9
	MOVQ  a_data+8(FP), SI
	MOVQ  b_data+24(FP), R8
	MOVQ  n+32(FP), CX
	MOVOU order<>(SB), X15
	LEAQ  constants<>(SB), AX
	LOAD(DI, X1, X2, X7)
	LOAD(R9, X8, X9, X14)

block:
	KEEP(0, X1, X2)
	KEEP(32, X8, X9)

	HASH(0, X3, X10)
	HASH(1, X4, X11)
	BEGIN(X3, X4, X10, X11)
	HASH(2, X5, X12)
	BEGIN(X4, X5, X11, X12)
	READ(3, SI, X6)
	READ(3, R8, X13)
	STEP(3, X5, X6, X3, X12, X13, X10)
	STEP(4, X6, X3, X4, X13, X10, X11)
	STEP(5, X3, X4, X5, X10, X11, X12)
	STEP(6, X4, X5, X6, X11, X12, X13)
	STEP(7, X5, X6, X3, X12, X13, X10)
	STEP(8, X6, X3, X4, X13, X10, X11)
	STEP(9, X3, X4, X5, X10, X11, X12)
	STEP(10, X4, X5, X6, X11, X12, X13)
	STEP(11, X5, X6, X3, X12, X13, X10)
	STEP(12, X6, X3, X4, X13, X10, X11)
	END(13, X3, X4, X5, X10, X11, X12)
	END(14, X4, X5, X6, X11, X12, X13)
	ROUNDS(15, X1, X2, X6)
	ROUNDS(15, X8, X9, X13)

	ADD(0, X1, X2, X7)
	ADD(32, X8, X9, X14)
	ADDQ $64, SI
	ADDQ $64, R8
	DECQ CX
	JNZ  block

	STORE(DI, X1, X2, X7)
	STORE(R9, X8, X9, X14)
	RET

// func cpuid(leaf uint32) (eax, ebx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-16
	MOVL leaf+0(FP), AX
	XORL CX, CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	RET

// Words are big-endian.
DATA order<>+0(SB)/8, $0x0405060700010203
DATA order<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL order<>(SB), RODATA|NOPTR, $16

// The constants of FIPS 180-4, section 4.2.2, two in a line: the one of the lower round is on the right.
DATA constants<>+0(SB)/8, $0x71374491428a2f98
DATA constants<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA constants<>+16(SB)/8, $0x59f111f13956c25b
DATA constants<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA constants<>+32(SB)/8, $0x12835b01d807aa98
DATA constants<>+40(SB)/8, $0x550c7dc3243185be
DATA constants<>+48(SB)/8, $0x80deb1fe72be5d74
DATA constants<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA constants<>+64(SB)/8, $0xefbe4786e49b69c1
DATA constants<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA constants<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA constants<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA constants<>+96(SB)/8, $0xa831c66d983e5152
DATA constants<>+104(SB)/8, $0xbf597fc7b00327c8
DATA constants<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA constants<>+120(SB)/8, $0x1429296706ca6351
DATA constants<>+128(SB)/8, $0x2e1b213827b70a85
DATA constants<>+136(SB)/8, $0x53380d134d2c6dfc
DATA constants<>+144(SB)/8, $0x766a0abb650a7354
DATA constants<>+152(SB)/8, $0x92722c8581c2c92e
DATA constants<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA constants<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA constants<>+176(SB)/8, $0xd6990624d192e819
DATA constants<>+184(SB)/8, $0x106aa070f40e3585
DATA constants<>+192(SB)/8, $0x1e376c0819a4c116
DATA constants<>+200(SB)/8, $0x34b0bcb52748774c
DATA constants<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA constants<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA constants<>+224(SB)/8, $0x78a5636f748f82ee
DATA constants<>+232(SB)/8, $0x8cc7020884c87814
DATA constants<>+240(SB)/8, $0xa4506ceb90befffa
DATA constants<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL constants<>(SB), RODATA|NOPTR, $256

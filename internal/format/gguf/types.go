package gguf

import (
	"slices"
	"strings"
)

// tensorType is a type of tensor data. A block of it has block elements and takes size bytes; both are 0 if they are not known.
type tensorType struct {
	name        string
	block, size uint64
}

// tensorTypes lists the tensor types of ggml by number (enum ggml_type). A type without a size is obsolete, or its number has two
// meanings. bitnet.cpp uses 36 to 39 for I2_S, I8_S, TL1, and TL2; in ggml, 36 to 38 are removed types and 39 is MXFP4.
var tensorTypes = [...]tensorType{
	{"F32", 1, 4}, {"F16", 1, 2}, {"Q4_0", 32, 18}, {"Q4_1", 32, 20}, {"Q4_2", 0, 0}, {"Q4_3", 0, 0}, {"Q5_0", 32, 22},
	{"Q5_1", 32, 24}, {"Q8_0", 32, 34}, {"Q8_1", 32, 36}, {"Q2_K", 256, 84}, {"Q3_K", 256, 110}, {"Q4_K", 256, 144},
	{"Q5_K", 256, 176}, {"Q6_K", 256, 210}, {"Q8_K", 256, 292}, {"IQ2_XXS", 256, 66}, {"IQ2_XS", 256, 74},
	{"IQ3_XXS", 256, 98}, {"IQ1_S", 256, 50}, {"IQ4_NL", 32, 18}, {"IQ3_S", 256, 110}, {"IQ2_S", 256, 82},
	{"IQ4_XS", 256, 136}, {"I8", 1, 1}, {"I16", 1, 2}, {"I32", 1, 4}, {"I64", 1, 8}, {"F64", 1, 8}, {"IQ1_M", 256, 56},
	{"BF16", 1, 2}, {"Q4_0_4_4", 32, 18}, {"Q4_0_4_8", 32, 18}, {"Q4_0_8_8", 32, 18}, {"TQ1_0", 256, 54},
	{"TQ2_0", 256, 66}, {}, {}, {}, {"MXFP4", 0, 0}, {"NVFP4", 64, 36}, {"Q1_0", 0, 0}, {"Q2_0", 64, 18},
}

// forkTypes lists the tensor types of ik_llama.cpp by number. Some have a scale for each row, so their sizes are not computed.
var forkTypes = map[uint32]string{
	133: "Q6_0", 134: "IQ1_BN", 135: "IQ2_BN", 137: "IQ2_K", 138: "IQ3_K", 139: "IQ4_K", 140: "IQ5_K", 141: "IQ6_K", 144: "IQ4_KS",
	145: "IQ2_KS", 146: "IQ4_KSS", 151: "Q8_KV", 152: "IQ5_KS", 153: "IQ2_KT", 154: "IQ3_KT", 155: "IQ4_KT", 156: "IQ3_KS",
	157: "IQ2_KL", 158: "IQ1_KT", 202: "Q4_0_R8", 206: "Q5_0_R4", 208: "Q8_0_R8", 210: "Q2_K_R4", 211: "Q3_K_R4", 212: "Q4_K_R4",
	213: "Q5_K_R4", 214: "Q6_K_R4", 216: "IQ2_XXS_R4", 217: "IQ2_XS_R4", 218: "IQ3_XXS_R4", 219: "IQ1_S_R4", 220: "IQ4_NL_R4",
	221: "IQ3_S_R4", 222: "IQ2_S_R4", 223: "IQ4_XS_R8", 229: "IQ1_M_R4", 230: "BF16_R16", 233: "Q6_0_R4", 335: "IQ2_BN_R4",
	337: "IQ2_K_R4", 338: "IQ3_K_R4", 339: "IQ4_K_R4", 340: "IQ5_K_R4", 344: "IQ4_KS_R4", 352: "IQ5_KS_R4", 398: "Q8_KV_R8",
	399: "Q8_K_R8",
}

// typeName returns the name of a tensor type, or "" if it has no known name.
func typeName(kind uint32) string {
	if int64(kind) < int64(len(tensorTypes)) {
		return tensorTypes[kind].name
	}
	return forkTypes[kind]
}

// unknownType is the key of File.types for tensors of all types that this package does not list.
const unknownType = ^uint32(0)

// limitType returns kind if this package lists it, and unknownType otherwise. This bounds the size of File.types.
func limitType(kind uint32) uint32 {
	if int64(kind) < int64(len(tensorTypes)) || forkTypes[kind] != "" {
		return kind
	}
	return unknownType
}

// Unknown is the name of an unknown quantization or type.
const Unknown = "Unknown"

// fileTypes lists the names of the values of general.file_type (enum llama_ftype). They name the type of most tensors.
var fileTypes = [...]string{
	"F32", "F16", "Q4_0", "Q4_1", "Q4_1_SOME_F16", "Q4_2", "Q4_3", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M",
	"Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS",
	"IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M", "IQ4_XS", "IQ1_M", "BF16", "Q4_0_4_4", "Q4_0_4_8",
	"Q4_0_8_8", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4", "Q1_0", "Q2_0",
}

// bitnetFileTypes lists the values of general.file_type that bitnet.cpp uses differently. A file is from bitnet.cpp if it has
// tensors of type bitnetType and none of type ggmlType.
var bitnetFileTypes = map[int64]struct {
	bitnetType, ggmlType uint32
	name                 string
}{38: {38, 39, "TL1"}, 39: {39, 40, "TL2"}, 40: {36, 41, "I2_S"}}

// forkFileTypes lists the names of the values that only ik_llama.cpp uses for general.file_type.
var forkFileTypes = map[int64]string{
	135: "Q6_0", 136: "IQ1_BN", 137: "IQ2_BN", 138: "IQ2_K", 139: "IQ3_K", 140: "IQ4_K", 141: "IQ5_K", 142: "IQ6_K", 145: "IQ4_KS",
	146: "IQ3_KL", 147: "IQ2_KS", 148: "IQ4_KSS", 149: "Q8_KV", 150: "IQ5_KS", 151: "IQ2_KT", 152: "IQ3_KT", 153: "IQ4_KT",
	154: "IQ3_KS", 155: "IQ2_KL", 156: "IQ1_KT", 202: "Q4_0_R8", 207: "Q8_0_R8", 208: "Q5_0_R4", 210: "Q2_K_R4", 211: "Q3_K_R4",
	214: "Q4_K_R4", 216: "Q5_K_R4", 218: "Q6_K_R4", 219: "IQ2_XXS_R4", 220: "IQ2_XS_R4", 223: "IQ3_XXS_R4", 224: "IQ1_S_R4",
	225: "IQ4_NL_R4", 226: "IQ3_S_R4", 229: "IQ2_M_R4", 230: "IQ4_XS_R8", 231: "IQ1_M_R4", 232: "BF16_R16", 335: "Q6_0_R4",
	337: "IQ2_BN_R4", 338: "IQ2_K_R4", 339: "IQ3_K_R4", 340: "IQ4_K_R4", 341: "IQ5_K_R4", 345: "IQ4_KS_R4", 350: "IQ5_KS_R4",
	398: "Q8_KV_R8", 399: "Q8_K_R8",
}

// Quantization returns the name of general.file_type or, if that is absent, the quantization derived from the types of the
// tensors. It returns Unknown if both are absent or the value is not listed. Docker Model Runner prefixes the name with MOSTLY_;
// users, tags, and older clients don't.
func (f *File) Quantization() string {
	if f.FileType < 0 {
		return f.quantizationByCount()
	}
	if other, ok := bitnetFileTypes[f.FileType]; ok && f.types[other.bitnetType] > 0 && f.types[other.ggmlType] == 0 {
		return other.name
	}
	if f.FileType < int64(len(fileTypes)) {
		return fileTypes[f.FileType]
	}
	if name := forkFileTypes[f.FileType]; name != "" {
		return name
	}
	return Unknown
}

// quantizationByCount derives the quantization from the most frequent tensor type. llama.cpp keeps norms in F32, so F32 is
// returned only if there is no other type. A few tensors of a K mix have more bits than the others, which distinguishes _S, _M, and _L.
func (f *File) quantizationByCount() string {
	const f32, q8_0, q3k, q4k, q5k, q6k, mxfp4 = 0, 8, 11, 12, 13, 14, 39
	counts := f.types
	kinds := make([]uint32, 0, len(counts))
	for kind := range counts {
		if kind != f32 {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		if counts[f32] > 0 {
			return "F32"
		}
		return Unknown
	}
	most := slices.MaxFunc(kinds, func(a, b uint32) int {
		if counts[a] != counts[b] {
			return int(counts[a] - counts[b])
		}
		return int(int64(b) - int64(a))
	})
	size := "_S"
	switch {
	case most == mxfp4 && strings.HasPrefix(f.Metadata["general.architecture"], "bitnet"):
		return "TL2"
	case most == q3k && (counts[q8_0] > 0 || counts[q5k] > 1 && counts[q4k] == 0):
		size = "_L"
	case most == q3k && counts[q4k] > 1, most == q4k && counts[q6k] > 1, most == q5k && counts[q6k] > 1:
		size = "_M"
	}
	name := typeName(most)
	if most == q3k || most == q4k || most == q5k {
		return name + size
	}
	if name == "" {
		return Unknown
	}
	return name
}

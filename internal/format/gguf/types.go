package gguf

import (
	"slices"
)

// tensorType is a type of tensor data: block elements take size bytes.
type tensorType struct {
	name        string
	block, size uint64
}

// tensorTypes are the types of ggml by number (enum ggml_type). A type without a size is obsolete.
var tensorTypes = [...]tensorType{
	{"F32", 1, 4}, {"F16", 1, 2}, {"Q4_0", 32, 18}, {"Q4_1", 32, 20}, {"Q4_2", 0, 0}, {"Q4_3", 0, 0}, {"Q5_0", 32, 22},
	{"Q5_1", 32, 24}, {"Q8_0", 32, 34}, {"Q8_1", 32, 36}, {"Q2_K", 256, 84}, {"Q3_K", 256, 110}, {"Q4_K", 256, 144},
	{"Q5_K", 256, 176}, {"Q6_K", 256, 210}, {"Q8_K", 256, 292}, {"IQ2_XXS", 256, 66}, {"IQ2_XS", 256, 74},
	{"IQ3_XXS", 256, 98}, {"IQ1_S", 256, 50}, {"IQ4_NL", 32, 18}, {"IQ3_S", 256, 110}, {"IQ2_S", 256, 82},
	{"IQ4_XS", 256, 136}, {"I8", 1, 1}, {"I16", 1, 2}, {"I32", 1, 4}, {"I64", 1, 8}, {"F64", 1, 8}, {"IQ1_M", 256, 56},
	{"BF16", 1, 2}, {"Q4_0_4_4", 32, 18}, {"Q4_0_4_8", 32, 18}, {"Q4_0_8_8", 32, 18}, {"TQ1_0", 256, 54},
	{"TQ2_0", 256, 66}, {"IQ4_NL_4_4", 32, 18}, {"IQ4_NL_4_8", 32, 18}, {"IQ4_NL_8_8", 32, 18}, {"MXFP4", 32, 17},
}

// fileTypes are the values of general.file_type: the type of most tensors (enum llama_ftype).
var fileTypes = [...]string{
	"F32", "F16", "Q4_0", "Q4_1", "Q4_1_SOME_F16", "Q4_2", "Q4_3", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M",
	"Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS",
	"IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M", "IQ4_XS", "IQ1_M", "BF16", "Q4_0_4_4", "Q4_0_4_8",
	"Q4_0_8_8", "TQ1_0", "TQ2_0", "MXFP4",
}

// Quantization returns the type of most tensors, by general.file_type or else by counting. Docker Model Runner prefixes the
// name with MOSTLY_; users, tags, and older clients don't.
func (f *File) Quantization() string {
	if f.FileType >= 0 && f.FileType < int64(len(fileTypes)) {
		return fileTypes[f.FileType]
	}
	return mostly(f.types)
}

// mostly names a mix of tensor types. llama.cpp keeps norms in F32, and a few tensors of a K mix have more bits than the
// others: they decide between _S, _M, and _L.
func mostly(counts map[uint32]int64) string {
	const f32, q8_0, q3k, q4k, q5k, q6k = 0, 8, 11, 12, 13, 14
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
		return "Unknown"
	}
	most := slices.MaxFunc(kinds, func(a, b uint32) int {
		if counts[a] != counts[b] {
			return int(counts[a] - counts[b])
		}
		return int(b) - int(a)
	})
	size := "_S"
	switch {
	case most == q3k && (counts[q8_0] > 0 || counts[q5k] > 1 && counts[q4k] == 0):
		size = "_L"
	case most == q3k && counts[q4k] > 1, most == q4k && counts[q6k] > 1, most == q5k && counts[q6k] > 1:
		size = "_M"
	}
	if most == q3k || most == q4k || most == q5k {
		return tensorTypes[most].name + size
	}
	return tensorTypes[most].name
}

package weightset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/tree"
)

// hubFacts adds facts from the config.json of Hugging Face, if it exists. It is optional: one that can't be read is worth
// a warning.
func hubFacts(fsys fs.FS, name string, facts map[string]any) (warning string) {
	data, err := tree.ReadFile(fsys, name, tree.MaxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	var config map[string]any
	if err == nil {
		err = json.Unmarshal(plainJSON(bom.ToUTF8(data)), &config)
	}
	if err != nil {
		return fmt.Sprintf("%s can't be read, so architecture and context size are those of the weights alone: %s", name, tree.Cause(err))
	}
	if kind, ok := config["model_type"].(string); ok && facts["architecture"] == nil && kind != "" {
		facts["architecture"] = kind
	}
	if n := contextSize(config); n > 0 {
		facts["context_size"] = n
	}
	addQuantization(config, facts)
	return ""
}

// contextSize returns the context in tokens, 0 if it is not known. Models of several media have it in the part that is for
// text.
func contextSize(config map[string]any) int64 {
	// The first of these that is set, in the order of llama.cpp's converter.
	for _, key := range [...]string{"max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length"} {
		if n, ok := config[key].(float64); ok && n >= 1 && n <= math.MaxInt32 && n == math.Trunc(n) {
			return int64(n)
		}
	}
	for _, key := range [...]string{"text_config", "llm_config", "language_config", "thinker_config"} {
		if inner, ok := config[key].(map[string]any); ok {
			if n := contextSize(inner); n > 0 {
				return n
			}
		}
	}
	return 0
}

// packedMethods are the methods of quantization that pack several weights into an element of a tensor: the number of
// elements is not that of parameters.
var packedMethods = map[string]bool{"gptq": true, "awq": true, "mxfp4": true, "nvfp4": true, "bitsandbytes": true, "hqq": true,
	"aqlm": true, "quip": true, "vptq": true, "compressed-tensors": true, "auto-round": true, "auto_round": true, "bitnet": true,
	"mlx": true, "exl2": true, "exl3": true}

// addQuantization takes the method of quantization from the config, where the types of tensors don't tell it.
func addQuantization(config, facts map[string]any) {
	method, in8Bits := "", false
	if q, ok := config["quantization_config"].(map[string]any); ok {
		method, _ = q["quant_method"].(string)
		in8Bits = method == "bitsandbytes" && q["load_in_8bit"] == true // a byte for each weight
	} else if q, ok := config["quantization"].(map[string]any); ok && q["bits"] != nil && q["group_size"] != nil {
		method = "mlx"
	}
	if method == "" {
		return
	}
	facts["quantization"] = method
	if packedMethods[method] && !in8Bits {
		delete(facts, "parameters")
	}
}

// plainJSON replaces NaN, Infinity, and -Infinity by null: Python writes and reads them, JSON does not have them.
func plainJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for at, quoted := 0, false; at < len(data); {
		c := data[at]
		switch {
		case quoted && c == '\\' && at+1 < len(data):
			out = append(out, c, data[at+1])
			at += 2
			continue
		case c == '"':
			quoted = !quoted
		case !quoted:
			if n := bareNumber(data[at:]); n > 0 {
				out = append(out, "null"...)
				at += n
				continue
			}
		}
		out = append(out, c)
		at++
	}
	return out
}

// bareNumber returns the length of the number without digits that the data begin with, 0 without one.
func bareNumber(data []byte) int {
	for _, word := range [...]string{"NaN", "Infinity", "-Infinity"} {
		if len(data) >= len(word) && string(data[:len(word)]) == word {
			return len(word)
		}
	}
	return 0
}

package weightset

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davit-oci/davit/internal/format/bom"
	"github.com/davit-oci/davit/internal/tree"
)

// addHubFacts adds facts from a Hugging Face config.json, if it exists. It returns a warning if the file can't be read.
func addHubFacts(fsys fs.FS, name string, facts map[string]any) (warning string) {
	data, err := tree.ReadFile(fsys, name, tree.MaxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	var config map[string]any
	if err == nil {
		config, err = readObject(data)
	}
	if err != nil {
		return fmt.Sprintf("%s can't be read, so architecture and context size are read only from the weights: %s", name, tree.Cause(err))
	}
	addConfig(config, facts, func(beside string) map[string]any {
		data, err := tree.ReadFile(fsys, path.Join(path.Dir(name), beside), tree.MaxSmallFile)
		if err != nil {
			return nil // most models have none
		}
		object, _ := readObject(data)
		return object
	})
	return ""
}

// addConfig adds the facts of a config.json. beside reads another file in the same directory and returns nil if it is absent.
func addConfig(config, facts map[string]any, beside func(name string) map[string]any) {
	for _, key := range [...]string{"model_type", "architecture", "_class_name"} { // of transformers, timm, diffusers
		if kind := nameOf(config[key]); kind != "" && facts["architecture"] == nil {
			facts["architecture"] = kind
		}
	}
	if n := contextSize(config); n > 0 {
		facts["context_size"] = n
	}
	addQuantization(config, facts, beside)
}

// readObject parses a JSON object as Python writes it, with NaN and Infinity.
func readObject(data []byte) (map[string]any, error) {
	var object map[string]any
	err := json.Unmarshal(plainJSON(bom.ToUTF8(data)), &object)
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &typed):
		return nil, fmt.Errorf("want a JSON object, got an %s", typed.Value)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("it is empty")
	}
	return object, err
}

// nameOf returns value without surrounding space if it is a string that can be a name, or "" otherwise.
func nameOf(value any) string {
	const most = 100
	text, _ := value.(string)
	if len(text) > most || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return ""
	}
	return strings.TrimSpace(text)
}

// contextSize returns the context size in tokens, or 0 if it is not known. Multimodal models have it in the config of the text
// model.
func contextSize(config map[string]any) int64 {
	// The first valid value is used. The order is that of llama.cpp's converter.
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

// unpackedMethods are the quantization methods that store each weight in one element, so that the number of elements is the number
// of parameters. Other methods pack several weights into an element, or may do so.
var unpackedMethods = map[string]bool{"fp8": true, "fbgemm_fp8": true, "eetq": true}

// addQuantization sets the quantization method, if the config has one: the types of the tensors don't show it. Unless the method
// stores each weight in one element, it removes the number of parameters.
func addQuantization(config, facts map[string]any, beside func(name string) map[string]any) {
	q, _ := config["quantization_config"].(map[string]any)
	method := nameOf(q["quant_method"])
	isUnpacked := unpackedMethods[method]
	switch {
	case method == "bitsandbytes":
		isUnpacked = q["load_in_8bit"] == true
	case method == "compressed-tensors":
		isUnpacked = unpackedFormats[nameOf(q["format"])]
	case method == "modelopt" || method == "" && nameOf(q["quant_algo"]) != "":
		method, isUnpacked = modelOpt(q)
	case method == "":
		if mlx, ok := config["quantization"].(map[string]any); ok && mlx["bits"] != nil && mlx["group_size"] != nil {
			method = "mlx"
			break
		}
		method, isUnpacked = quantizationBeside(beside)
	}
	if method == "" {
		return
	}
	facts["quantization"] = method
	if !isUnpacked {
		delete(facts, "parameters")
	}
}

// quantizationBeside reads the quantization method from the file that some tools write beside the config.
func quantizationBeside(read func(name string) map[string]any) (method string, isUnpacked bool) {
	if q, ok := read("hf_quant_config.json")["quantization"].(map[string]any); ok {
		return modelOpt(q)
	}
	if q := read("quantize_config.json"); q["bits"] != nil { // AutoGPTQ
		return cmp.Or(nameOf(q["quant_method"]), "gptq"), false
	}
	if q := read("quant_config.json"); q["w_bit"] != nil { // AutoAWQ
		return "awq", false
	}
	return "", false
}

// unpackedFormats are the formats of compressed-tensors that store each weight in one element.
var unpackedFormats = map[string]bool{"dense": true, "naive-quantized": true, "int-quantized": true, "float-quantized": true}

// modelOpt returns the quantization algorithm of NVIDIA ModelOpt, such as NVFP4 or FP8.
func modelOpt(q map[string]any) (method string, isUnpacked bool) {
	algorithm := nameOf(q["quant_algo"])
	if algorithm == "" {
		return "modelopt", false
	}
	return algorithm, strings.HasPrefix(algorithm, "FP8")
}

// plainJSON replaces NaN, Infinity, and -Infinity with null: Python writes them, but JSON does not allow them.
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

// bareNumber returns the length of NaN, Infinity, or -Infinity at the beginning of data, or 0 for other data.
func bareNumber(data []byte) int {
	for _, word := range [...]string{"NaN", "Infinity", "-Infinity"} {
		if len(data) >= len(word) && string(data[:len(word)]) == word {
			return len(word)
		}
	}
	return 0
}

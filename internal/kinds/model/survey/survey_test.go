package survey_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/formattest"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
	"github.com/davit-oci/davit/internal/kinds/model/survey"
)

// gguf returns a GGUF file with the given general.file_type, and general.type if it is not empty.
func gguf(fileType uint32, general string) string {
	image := formattest.TinyLlama()
	image.Keys[2].Value = fileType
	if general != "" {
		image.Keys = append([]formattest.Pair{{Key: "general.type", Value: general}}, image.Keys...)
	}
	return string(image.Bytes())
}

// tensors returns a safetensors file with tensors of the given names.
func tensors(names ...string) string {
	var entries []string
	for i, name := range names {
		entries = append(entries, fmt.Sprintf(`%q:{"dtype":"F32","shape":[2],"data_offsets":[%d,%d]}`, name, 8*i, 8*i+8))
	}
	return string(formattest.Safetensors("{"+strings.Join(entries, ",")+"}", 8*len(names)))
}

func TestSurvey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files  map[string]string
		model  string // the files of the model
		others string // the first file of each other set of weights
		faults string // the files with faults
	}{
		"one file":                     {map[string]string{"m.gguf": gguf(15, "")}, "m.gguf", "", ""},
		"no weights":                   {map[string]string{"README.md": "x"}, "", "", ""},
		"the usual quantization":       {map[string]string{"a.Q2_K.gguf": gguf(10, ""), "a.q4_k_m.gguf": gguf(15, ""), "a.Q4_K_M_L.gguf": gguf(15, "")}, "a.q4_k_m.gguf", "a.Q2_K.gguf a.Q4_K_M_L.gguf", ""},
		"quantization by content":      {map[string]string{"a.gguf": gguf(7, ""), "b.gguf": gguf(15, "")}, "b.gguf", "a.gguf", ""},
		"the first of equal sets":      {map[string]string{"x/a.gguf": gguf(7, ""), "b.gguf": gguf(8, ""), "c.gguf": gguf(8, "")}, "b.gguf", "c.gguf x/a.gguf", ""},
		"quantizations in directories": {map[string]string{"Q8_0/m-00001-of-00002.gguf": gguf(7, ""), "Q8_0/m-00002-of-00002.gguf": gguf(7, ""), "Q4_K_M/m.gguf": gguf(15, "")}, "Q4_K_M/m.gguf", "Q8_0/m-00001-of-00002.gguf", ""},
		"a complete set beside leftovers": {map[string]string{"m-00001-of-00003.gguf": gguf(7, ""), "m-00001-of-00002.gguf": gguf(7, ""), "m-00002-of-00002.gguf": gguf(7, "")},
			"m-00001-of-00002.gguf m-00002-of-00002.gguf", "m-00001-of-00003.gguf", ""},
		"missing shards":  {map[string]string{"m-00002-of-00003.gguf": gguf(7, "")}, "m-00002-of-00003.gguf", "", "m-00001-of-00003.gguf m-00003-of-00003.gguf"},
		"only an adapter": {map[string]string{"lora.gguf": gguf(0, "adapter")}, "lora.gguf", "", ""},
		"adapters of a training": {map[string]string{"adapter_config.json": "{}", "adapter_model.safetensors": tensors("a"), "checkpoint-9/adapter_config.json": "{}", "checkpoint-9/adapter_model.safetensors": tensors("a")},
			"adapter_model.safetensors", "checkpoint-9/adapter_model.safetensors", ""},
		"GGUF without an extension": {map[string]string{"sha256-12": gguf(15, ""), "notes": "GGUF"}, "sha256-12", "notes", ""},
		"consolidated beside shards": {map[string]string{"consolidated.safetensors": tensors("x", "y"), "model-00001-of-00002.safetensors": tensors("a"), "model-00002-of-00002.safetensors": tensors("b"),
			"model.safetensors.index.json": `{"metadata":{},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}`},
			"model-00001-of-00002.safetensors model-00002-of-00002.safetensors", "consolidated.safetensors", ""},
		"consolidated without an index": {map[string]string{"consolidated.safetensors": tensors("x"), "model.safetensors": tensors("a")}, "model.safetensors", "consolidated.safetensors", ""},
		"parts without an index":        {map[string]string{"a.safetensors": tensors("a"), "b.safetensors": tensors("b")}, "a.safetensors b.safetensors", "", ""},
		"the same tensors in two files": {map[string]string{"ema.safetensors": tensors("a", "b"), "full.safetensors": tensors("a", "b", "c")}, "ema.safetensors", "full.safetensors", ""},
		"a link to the same file":       {map[string]string{"m.safetensors": tensors("a"), "n.safetensors": "->m.safetensors"}, "m.safetensors", "n.safetensors", ""},
		"a variant":                     {map[string]string{"m.fp16.safetensors": tensors("a"), "m.safetensors": tensors("a")}, "m.safetensors", "m.fp16.safetensors", ""},
		"variants in shards": {map[string]string{"m.bf16-00001-of-00002.safetensors": tensors("a"), "m.bf16-00002-of-00002.safetensors": tensors("b"),
			"m-00001-of-00002.safetensors": tensors("a"), "m-00002-of-00002.safetensors": tensors("b")},
			"m-00001-of-00002.safetensors m-00002-of-00002.safetensors", "m.bf16-00001-of-00002.safetensors", ""},
		"checkpoints of a training": {map[string]string{"checkpoint-20/model.safetensors": tensors("a"), "checkpoint-100/model.safetensors": tensors("a"), "model.safetensors": tensors("a")},
			"model.safetensors", "checkpoint-100/model.safetensors checkpoint-20/model.safetensors", ""},
		"only checkpoints": {map[string]string{"out/checkpoint-20/model.safetensors": tensors("a"), "out/checkpoint-100/model.safetensors": tensors("a")},
			"out/checkpoint-100/model.safetensors", "out/checkpoint-20/model.safetensors", ""},
		"a LoRA by its metadata": {map[string]string{"a-lora.safetensors": string(formattest.Safetensors(`{"__metadata__":{"ss_network_module":"networks.lora"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8)), "sd.safetensors": tensors("a")},
			"sd.safetensors", "", ""},
		"two models": {map[string]string{"a/model.safetensors": tensors("a"), "a/config.json": "{}", "b/model.safetensors": tensors("b"), "b/config.json": "{}"},
			"a/model.safetensors", "b/model.safetensors", ""},
		"components of one model": {map[string]string{"config.json": "{}", "a/model.safetensors": tensors("a"), "a/config.json": "{}", "b/model.safetensors": tensors("b"), "b/config.json": "{}"},
			"a/model.safetensors b/model.safetensors", "", ""},
		"components without a config": {map[string]string{"model.safetensors": tensors("a"), "2_Dense/model.safetensors": tensors("d")}, "2_Dense/model.safetensors model.safetensors", "", ""},
		"a pipeline": {map[string]string{"model_index.json": "{}", "sd.safetensors": tensors("a"), "unet/u.safetensors": tensors("a"), "unet/u.fp16.safetensors": tensors("a"), "vae/v.safetensors": tensors("a")},
			"unet/u.safetensors vae/v.safetensors", "sd.safetensors unet/u.fp16.safetensors", ""},
		"a pipeline that names its components": {map[string]string{"model_index.json": `{"_class_name":"P","unet":["diffusers","U"],"vae":["diffusers","V"]}`, "a_unet/u.safetensors": tensors("a"), "unet/u.safetensors": tensors("a"), "vae/v.safetensors": tensors("b"), "vae_1_0/v.safetensors": tensors("b")},
			"unet/u.safetensors vae/v.safetensors", "a_unet/u.safetensors vae_1_0/v.safetensors", ""},
		"a pipeline that names missing components": {map[string]string{"model_index.json": `{"prior":["diffusers","P"]}`, "unet/u.safetensors": tensors("a"), "vae/v.safetensors": tensors("b")},
			"unet/u.safetensors vae/v.safetensors", "", ""},
		"a copy beside the usual name":          {map[string]string{"model.safetensors": tensors("a"), "model-copy.safetensors": tensors("a")}, "model.safetensors", "model-copy.safetensors", ""},
		"weights in the directory original":     {map[string]string{"model.safetensors": tensors("a"), "original/c.safetensors": tensors("z")}, "model.safetensors", "original/c.safetensors", ""},
		"a Hugging Face checkpoint beside GGUF": {map[string]string{"config.json": "{}", "model.safetensors": tensors("a"), "m.gguf": gguf(15, "")}, "model.safetensors", "m.gguf", ""},
		"GGUF beside other weights":             {map[string]string{"vae.safetensors": tensors("a"), "m.gguf": gguf(15, "")}, "m.gguf", "vae.safetensors", ""},
		"an index that names a missing file": {map[string]string{"out-0.safetensors": tensors("a"), "model.safetensors.index.json": `{"weight_map":{"a":"out-0.safetensors","b":"out-1.safetensors"}}`},
			"out-0.safetensors", "", "out-1.safetensors"},
		"a PyTorch index that names a missing file": {map[string]string{"pytorch_model-1.bin": "x", "pytorch_model.bin.index.json": `{"weight_map":{"a":"pytorch_model-1.bin","b":"pytorch_model-2.bin"}}`}, "", "", "pytorch_model-2.bin"},
		"an index of other files":                   {map[string]string{"model.safetensors": tensors("a"), "model.safetensors.index.json": `{"weight_map":{"a":"model-1.safetensors"}}`}, "model.safetensors", "", ""},
		"a broken index":                            {map[string]string{"model.safetensors": tensors("a"), "model.safetensors.index.json": `{"weight_map":{"a":"x`}, "model.safetensors", "", ""},
		"an index that names an outside file":       {map[string]string{"model.safetensors": tensors("a"), "model.safetensors.index.json": `{"weight_map":{"a":"model.safetensors","b":"../../etc/passwd"}}`}, "model.safetensors", "", ""},
		"shards numbered from 0":                    {map[string]string{"m-00000-of-00002.safetensors": tensors("a"), "m-00001-of-00002.safetensors": tensors("b")}, "m-00000-of-00002.safetensors m-00001-of-00002.safetensors", "", ""},
		"a missing last shard, numbered from 0":     {map[string]string{"m-00000-of-00002.safetensors": tensors("a")}, "m-00000-of-00002.safetensors", "", "m-00001-of-00002.safetensors"},
		"a web page":                                {map[string]string{"m.safetensors": "<!DOCTYPE html>\n<html>", "config.json": "{}"}, "", "", "m.safetensors"},
		"many missing shards": {map[string]string{"m-00001-of-00009.safetensors": tensors("a"), "model.safetensors.index.json": `{"weight_map":{"a":"m-00001-of-00009.safetensors","b":"m-00002-of-00009.safetensors","c":"m-00003-of-00009.safetensors","d":"m-00004-of-00009.safetensors","e":"m-00005-of-00009.safetensors","f":"m-00006-of-00009.safetensors","g":"m-00007-of-00009.safetensors","h":"m-00008-of-00009.safetensors","i":"m-00009-of-00009.safetensors"}}`},
			"m-00001-of-00009.safetensors", "", "m-00002-of-00009.safetensors m-00003-of-00009.safetensors m-00004-of-00009.safetensors m-00005-of-00009.safetensors m-00006-of-00009.safetensors m-00007-of-00009.safetensors"},
		"a LoRA by its tensors":      {map[string]string{"sd.safetensors": tensors("a"), "loras/x.safetensors": tensors("te.alpha", "te.lora_down.weight", "te.lora_up.weight")}, "sd.safetensors", "", ""},
		"a model with a LoRA in it":  {map[string]string{"m.safetensors": tensors("a", "a.lora_A.weight")}, "m.safetensors", "", ""},
		"the usual name and another": {map[string]string{"model.safetensors": tensors("a"), "open_clip_model.safetensors": tensors("b")}, "model.safetensors", "open_clip_model.safetensors", ""},
		"modules with tensors of the same names": {map[string]string{"modules.json": "[]", "model.safetensors": tensors("a"), "2_Dense/model.safetensors": tensors("w"), "3_Dense/model.safetensors": tensors("w"), "4/model.safetensors": tensors("a")},
			"2_Dense/model.safetensors 3_Dense/model.safetensors model.safetensors", "4/model.safetensors", ""},
		"shards from 0 up to the count": {map[string]string{"m-00000-of-00001.safetensors": tensors("a"), "m-00001-of-00001.safetensors": tensors("b"), "model.safetensors.index.json": `{"weight_map":{"a":"m-00000-of-00001.safetensors","b":"m-00001-of-00001.safetensors"}}`},
			"m-00000-of-00001.safetensors m-00001-of-00001.safetensors", "", ""},
		"other formats beside safetensors": {map[string]string{"model.safetensors": tensors("a"), "pytorch_model.bin": "PK\x03\x04", "onnx/model.onnx": "x", "onnx/model_q4.onnx": "x", "vocab.bin": "x", "training_args.bin": "PK\x03\x04", "optimizer.pt": "\x80\x02"},
			"model.safetensors", "onnx/model.onnx pytorch_model.bin", ""},
		"other formats beside GGUF":      {map[string]string{"m.gguf": gguf(15, ""), "m.pth": "\x80\x02"}, "m.gguf", "m.pth", ""},
		"an adapter beside its training": {map[string]string{"adapter_config.json": "{}", "adapter_model.safetensors": tensors("a"), "training_args.bin": "PK\x03\x04"}, "adapter_model.safetensors", "", ""},
		"only other formats":             {map[string]string{"pytorch_model.bin": "PK\x03\x04", "tf_model.h5": "\x89HDF", "flax_model.msgpack": "x"}, "pytorch_model.bin", "flax_model.msgpack tf_model.h5", ""},
		"a leftover beside other shards": {map[string]string{"model.safetensors": tensors("a"), "pytorch_model-1.bin": "PK\x03\x04", "pytorch_model.bin.index.json": `{"weight_map":{"a":"pytorch_model-1.bin","b":"pytorch_model-2.bin"}}`},
			"model.safetensors", "pytorch_model-1.bin", ""},
		"importance matrices before GGUF":            {map[string]string{"m.gguf": gguf(15, ""), "m.imatrix": "x", "imatrix.dat": "x"}, "m.gguf", "", ""},
		"an importance matrix without its extension": {map[string]string{"m.gguf": gguf(15, ""), "imatrix_unsloth.gguf_file": gguf(0, "imatrix")}, "m.gguf", "", ""},
		"a git-annex pointer":                        {map[string]string{"m.safetensors": "/annex/objects/SHA256E-s9--0.safetensors\n"}, "", "", "m.safetensors"},
		"a Git-Xet pointer":                          {map[string]string{"m.gguf": "# xet version 0\nfilesize = 9\nhash = '0'\n"}, "", "", "m.gguf"},
		"a text about GGUF":                          {map[string]string{"m.gguf": gguf(15, ""), "notes": "GGUF is a format"}, "m.gguf", "", ""},
		"a Git LFS pointer":                          {map[string]string{"m.safetensors": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"}, "", "", "m.safetensors"},
		"a text that mentions Git LFS":               {map[string]string{"m.gguf": gguf(15, ""), "a.txt": "A version https://git-lfs.github.com/spec/v1"}, "m.gguf", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := survey.Tree{FS: kindtest.Tree(t, tt.files).FS(), Paths: slices.Collect(maps.Keys(tt.files))}.Survey()
			slices.Sort(found.Model.Paths)
			if got := strings.Join(found.Model.Paths, " "); got != tt.model {
				t.Errorf("model: got %q, want %q", got, tt.model)
			}
			var others, faults []string
			for _, set := range found.Others {
				others = append(others, slices.Min(set.Paths))
			}
			for _, f := range found.Faults {
				faults = append(faults, f.Path)
			}
			slices.Sort(others)
			if got := strings.Join(others, " "); got != tt.others {
				t.Errorf("others: got %q, want %q", got, tt.others)
			}
			if got := strings.Join(faults, " "); got != tt.faults {
				t.Errorf("faults: got %q, want %q", got, tt.faults)
			}
		})
	}
}

func TestSurveyUnreadIndex(t *testing.T) {
	t.Parallel()
	files := map[string]string{"m.safetensors": tensors("a"), "m.safetensors.index.json": `{"weight_map":{`}
	found := survey.Tree{FS: kindtest.Tree(t, files).FS(), Paths: slices.Collect(maps.Keys(files))}.Survey()
	if len(found.Unread) != 1 || found.Unread["m.safetensors.index.json"] == nil {
		t.Errorf("Unread: got %v, want the index", found.Unread)
	}
}

// TestSurveyOrder checks the order of a model's files. The first file matters: it is the model of a ModelKit.
func TestSurveyOrder(t *testing.T) {
	t.Parallel()
	const pickle = "\x80\x02"
	for want, files := range map[string]map[string]string{
		"model.pth large.pth dvae.pth":              {"dvae.pth": pickle, "model.pth": pickle, "large.pth": pickle + "xxxx"},
		"p-00001-of-00002.bin p-00002-of-00002.bin": {"p-00002-of-00002.bin": pickle + "x", "p-00001-of-00002.bin": pickle},
		"top.pt voices/large.pt":                    {"top.pt": pickle, "voices/large.pt": pickle + "xx"},
	} {
		found := survey.Tree{FS: kindtest.Tree(t, files).FS(), Paths: slices.Collect(maps.Keys(files))}.Survey()
		if got := strings.Join(found.Model.Paths, " "); got != want || found.Model.Format != "pytorch" {
			t.Errorf("got %s of format %s, want %s of format pytorch", got, found.Model.Format, want)
		}
	}
	files := map[string]string{"model_index.json": "{}", "text_encoder/m.safetensors": tensors("a"), "unet/m.safetensors": tensors("b"), "vae/m.safetensors": tensors("c")}
	found := survey.Tree{FS: kindtest.Tree(t, files).FS(), Paths: slices.Collect(maps.Keys(files))}.Survey()
	if got := found.Model.Paths[0]; got != "unet/m.safetensors" {
		t.Errorf("first component: got %s, want unet/m.safetensors", got)
	}
}

func TestSurveyParts(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"m.gguf": gguf(15, ""), "p.gguf": gguf(1, "mmproj"), "p-f16.gguf": gguf(1, "mmproj"), "i.gguf": gguf(0, "imatrix"), "l.gguf": gguf(0, "adapter"),
		"a/x.jinja": "x", "t.jinja": "x", "README.md": "x",
	}
	want := map[string]survey.Part{
		"m.gguf": survey.Weights, "p.gguf": survey.OtherProjector, "p-f16.gguf": survey.Projector, "i.gguf": survey.Imatrix, "l.gguf": survey.Adapter,
		"a/x.jinja": survey.OtherTemplate, "t.jinja": survey.Template,
	}
	found := survey.Tree{FS: kindtest.Tree(t, files).FS(), Paths: slices.Collect(maps.Keys(files))}.Survey()
	if !maps.Equal(found.Parts, want) {
		t.Errorf("parts: got %v, want %v", found.Parts, want)
	}
}

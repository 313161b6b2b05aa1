// Package formattest makes small files of the formats that packages below internal/format read, for tests and the examples.
package formattest

import "encoding/binary"

// Safetensors returns a file with a header, followed by size zero bytes.
func Safetensors(header string, size int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, size)...)
}

// TinySafetensors is the header of a file with two tensors, whose data takes 14 bytes.
const TinySafetensors = `{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},` +
	`"b":{"dtype":"F16","shape":[],"data_offsets":[12,14],"extra":{"x":[1,{"y":null}]}}} `

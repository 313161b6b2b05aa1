package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The types of metadata values.
const (
	typeUint8 = iota
	typeInt8
	typeUint16
	typeInt16
	typeUint32
	typeInt32
	typeFloat32
	typeBool
	typeString
	typeArray
	typeUint64
	typeInt64
	typeFloat64
)

// widths are the sizes of the fixed-size types, in bytes.
var widths = map[uint32]int64{typeUint8: 1, typeInt8: 1, typeUint16: 2, typeInt16: 2, typeUint32: 4, typeInt32: 4,
	typeFloat32: 4, typeBool: 1, typeUint64: 8, typeInt64: 8, typeFloat64: 8}

// readValue reads a metadata value as text. If the value is too long, readValue skips it and keep is false.
func (g *reader) readValue(kind uint32) (text string, keep bool, err error) {
	switch kind {
	case typeString:
		return g.readText()
	case typeArray:
		return g.readArray()
	}
	width, ok := widths[kind]
	if !ok {
		return "", false, fmt.Errorf("unknown value type %d", kind)
	}
	b, err := g.readBytes(width)
	if err != nil {
		return "", false, err
	}
	return formatScalar(kind, g.order, b), true, nil
}

// formatScalar formats a fixed-size value: a number or a boolean.
func formatScalar(kind uint32, order binary.ByteOrder, b []byte) string {
	var n uint64
	switch len(b) {
	case 1:
		n = uint64(b[0])
	case 2:
		n = uint64(order.Uint16(b))
	case 4:
		n = uint64(order.Uint32(b))
	default:
		n = order.Uint64(b)
	}
	switch kind {
	case typeInt8:
		return strconv.Itoa(int(int8(n)))
	case typeInt16:
		return strconv.Itoa(int(int16(n)))
	case typeInt32:
		return strconv.Itoa(int(int32(n)))
	case typeInt64:
		return strconv.FormatInt(int64(n), 10)
	case typeFloat32:
		return fmt.Sprintf("%f", math.Float32frombits(uint32(n)))
	case typeFloat64:
		return fmt.Sprintf("%f", math.Float64frombits(n))
	case typeBool:
		return strconv.FormatBool(n != 0)
	}
	return strconv.FormatUint(n, 10)
}

// readArray reads an array as text and joins its values with commas. If the array has more than maxArray values, is longer than
// maxKept bytes, or has a string longer than maxString, readArray skips it and keep is false.
func (g *reader) readArray() (text string, keep bool, err error) {
	kind, err := g.readUint32()
	if err != nil {
		return "", false, err
	}
	if kind == typeArray {
		return "", false, errors.New("nested arrays are not supported")
	}
	n, err := g.readLength()
	if err != nil {
		return "", false, err
	}
	if n > maxArray {
		return "", false, g.skipArray(kind, n)
	}
	texts, kept := make([]string, n), 0
	for i := range texts {
		if texts[i], keep, err = g.readValue(kind); err != nil {
			return "", false, err
		}
		if kept += len(texts[i]); !keep || kept > maxKept {
			return "", false, g.skipArray(kind, n-int64(i)-1)
		}
	}
	return strings.Join(texts, ", "), true, nil
}

// skipArray skips n values of an array.
func (g *reader) skipArray(kind uint32, n int64) error {
	if width, ok := widths[kind]; ok {
		if n > g.size/width {
			return fmt.Errorf("an array of %d values does not fit into a file of %d bytes", n, g.size)
		}
		return g.skip(n * width)
	}
	if kind != typeString {
		return fmt.Errorf("unknown value type %d", kind)
	}
	for range n {
		length, err := g.readLength()
		if err != nil {
			return err
		}
		if err := g.skip(length); err != nil {
			return err
		}
	}
	return nil
}

package inflate_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/davit-oci/davit/internal/inflate"
)

// windowSize is the largest distance of a match.
const windowSize = 32 << 10

// inflateAll decompresses a DEFLATE stream.
func inflateAll(src io.Reader) ([]byte, error) {
	return io.ReadAll(inflate.NewReader(src))
}

// texts returns inputs, by name, that compress to different blocks, codes, and matches.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	words := []byte{}
	for len(words) < 900_000 {
		words = fmt.Appendf(words, "%x %d\n", r.Uint32N(5000), r.Uint32N(90))
	}
	skewed := make([]byte, 400_000) // codes of every length
	for i := range skewed {
		skewed[i] = byte(min(r.ExpFloat64()*9, 255))
	}
	far := append(append(bytes.Clone(random[:1000]), make([]byte, windowSize-1000)...), random[:1000]...)
	return map[string][]byte{
		"nothing": {}, "one byte": {'x'}, "zeros": make([]byte, 700_000), "random": random, "words": words, "skewed": skewed,
		"repeated pair": bytes.Repeat([]byte("ab"), 200_000), "repeated seven bytes": bytes.Repeat([]byte("abcdefg"), 70_000), "distant match": far,
		"mixed": bytes.Join([][]byte{words[:100_000], random[:100_000], words[:200_000]}, nil),
	}
}

func TestInflate(t *testing.T) {
	t.Parallel()
	for name, text := range texts() {
		for _, level := range []int{flate.NoCompression, flate.BestSpeed, 6, flate.BestCompression, flate.HuffmanOnly} {
			var packed bytes.Buffer
			w, err := flate.NewWriter(&packed, level)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(text); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for way, src := range map[string]io.Reader{
				"at once": bytes.NewReader(packed.Bytes()), "halves": iotest.HalfReader(bytes.NewReader(packed.Bytes())),
				"with io.EOF": iotest.DataErrReader(bytes.NewReader(packed.Bytes())),
			} {
				got, err := inflateAll(src)
				if err != nil || !bytes.Equal(got, text) {
					t.Errorf("%s, level %d, %s: got %d bytes, %v, want %d", name, level, way, len(got), err, len(text))
				}
			}
			if packed.Len() > 20_000 {
				continue
			}
			got, err := inflateAll(iotest.OneByteReader(bytes.NewReader(packed.Bytes())))
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, level %d, byte by byte: got %d bytes, %v, want %d", name, level, len(got), err, len(text))
			}
		}
	}
}

// TestInflateCut checks that a stream is refused if it is truncated, at any byte.
func TestInflateCut(t *testing.T) {
	t.Parallel()
	for name, text := range texts() {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, 6)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text[:min(len(text), 3000)]); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for n := range packed.Len() {
			if _, err := inflateAll(bytes.NewReader(packed.Bytes()[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, %d of %d bytes: got %v, want io.ErrUnexpectedEOF", name, n, packed.Len(), err)
			}
		}
	}
}

// TestInflateInvalid checks that invalid streams are refused, as the standard library refuses them.
func TestInflateInvalid(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"block of type 3":                        "0700000000000000",
		"stored, lengths differ":                 "010100010041000000",
		"match before the start":                 "4b040a0000000000",
		"fixed, length 286":                      "1bff000000000000",
		"no code length codes":                   "0500000000000000",
		"more than 286 literal and length codes": "f5ffffffffffffff",
		"31 distance codes":                      "05de000000000000",
		"repeat without a previous length":       "0580240000000000000000",
		"incomplete code":                        "05e0810800000000000000",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		want, stdErr := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
		got, err := inflateAll(bytes.NewReader(b))
		if (err == nil) != (stdErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: got %q, %v, the standard library %q, %v", name, got, err, want, stdErr)
		}
		if err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}

func TestGunzip(t *testing.T) {
	t.Parallel()
	var two bytes.Buffer
	for _, text := range []string{"first ", "second"} {
		w := gzip.NewWriter(&two)
		w.Name, w.Comment, w.Extra = "näme", "comment", []byte("extra")
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	read := func(b []byte) (string, error) {
		g, err := inflate.NewGzipReader(bytes.NewReader(b))
		if err != nil {
			return "", err
		}
		got, err := io.ReadAll(g)
		return string(got), err
	}
	if got, err := read(two.Bytes()); got != "first second" || err != nil {
		t.Errorf("got %q, %v, want both texts", got, err)
	}
	// Few programs write a header checksum.
	withCRC := []byte{0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 0xff, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if _, err := read(withCRC); !errors.Is(err, inflate.ErrHeader) {
		t.Errorf("wrong header checksum: got %v, want ErrHeader", err)
	}
	for n := 1; n < two.Len(); n++ {
		_, err := read(two.Bytes()[:n])
		if isWhole := n == two.Len()/2; (err == nil) != isWhole { // both members have the same length
			t.Errorf("%d of %d bytes: got %v, want success %v", n, two.Len(), err, isWhole)
		}
	}
	changed := bytes.Clone(two.Bytes())
	changed[len(changed)-6] ^= 1
	if _, err := read(changed); !errors.Is(err, inflate.ErrChecksum) {
		t.Errorf("wrong checksum: got %v, want ErrChecksum", err)
	}
	if _, err := read(append(bytes.Clone(two.Bytes()), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)); !errors.Is(err, inflate.ErrHeader) {
		t.Errorf("data after the last member: got %v, want ErrHeader", err)
	}
}

// FuzzInflate checks that Reader and the standard library return the same bytes, or both fail.
func FuzzInflate(f *testing.F) {
	for _, text := range texts() {
		for _, level := range []int{flate.NoCompression, 1, 9} {
			var packed bytes.Buffer
			w, err := flate.NewWriter(&packed, level)
			if err != nil {
				f.Fatal(err)
			}
			if _, err := w.Write(text[:min(len(text), 2000)]); err != nil {
				f.Fatal(err)
			}
			if err := w.Close(); err != nil {
				f.Fatal(err)
			}
			f.Add(packed.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 1 << 20
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(in)), limit))
		ours := inflate.NewReader(iotest.HalfReader(bytes.NewReader(in)))
		got, err := io.ReadAll(io.LimitReader(ours, limit))
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, %v, the standard library %d bytes, %v", len(got), err, len(want), wantErr)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	var packed bytes.Buffer
	c := gzip.NewWriter(&packed)
	text := bytes.Repeat(texts()["words"], 4)
	if _, err := c.Write(text); err != nil {
		b.Fatal(err)
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		g, err := inflate.NewGzipReader(bytes.NewReader(packed.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, g); err != nil {
			b.Fatal(err)
		}
	}
}

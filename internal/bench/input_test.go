package bench

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// newRandom returns a source of random bytes, which are the same for the same seed on every machine.
func newRandom(seed string) *rand.ChaCha8 { return rand.NewChaCha8(sha256.Sum256([]byte(seed))) }

// createRandomFile creates a file of bytes that don't compress.
func createRandomFile(tb testing.TB, path string, size int64) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = io.CopyN(f, newRandom(filepath.Base(path)), size)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// createTextTree creates small files below top, a hundred to a directory, that compress like source code: gzip reduces them to
// a third.
func createTextTree(tb testing.TB, top string, files, size int) {
	tb.Helper()
	r := rand.New(newRandom("tree"))
	words := newWords(r, 20_000)
	var local []string
	var text bytes.Buffer
	for i := range files {
		dir := filepath.Join(top, fmt.Sprintf("dir%04d", i/100))
		if i%100 == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				tb.Fatal(err)
			}
			local = local[:0]
			for range 400 {
				local = append(local, words[r.IntN(len(words))])
			}
		}
		writeSource(&text, r, words[:60], local, size/2+r.IntN(size))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%06d.txt", i)), text.Bytes(), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}

func newWords(r *rand.Rand, n int) []string {
	words := make([]string, n)
	for i := range words {
		b := make([]byte, 2+r.IntN(11))
		for j := range b {
			b[j] = 'a' + byte(min(r.IntN(26), r.IntN(26)))
		}
		words[i] = string(b)
	}
	return words
}

// writeSource fills text with lines of common and local words. Some lines are repeated.
func writeSource(text *bytes.Buffer, r *rand.Rand, common, local []string, size int) {
	text.Reset()
	var lines []string
	for text.Len() < size {
		if len(lines) > 20 && r.IntN(12) == 0 {
			text.WriteString(lines[r.IntN(len(lines))])
			continue
		}
		start := text.Len()
		text.WriteString("\t\t\t\t"[:r.IntN(5)])
		for range 3 + r.IntN(8) {
			word := common[min(r.IntN(len(common)), r.IntN(len(common)))]
			if r.IntN(5) < 3 {
				word = local[min(r.IntN(len(local)), r.IntN(len(local)))]
			}
			text.WriteString(word)
			text.WriteByte("     .(),="[r.IntN(10)])
		}
		text.WriteByte('\n')
		lines = append(lines, string(text.Bytes()[start:]))
	}
}

// checkPulled fails the benchmark unless the pulled files equal the pushed files, including those in directories.
func checkPulled(tb testing.TB, pushed, pulled string, paths []string) {
	tb.Helper()
	for _, path := range paths {
		err := filepath.WalkDir(filepath.Join(pushed, path), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			rel, err := filepath.Rel(pushed, name)
			if err != nil {
				return err
			}
			return compareFiles(name, filepath.Join(pulled, rel))
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func compareFiles(a, b string) error {
	var sums [2][sha256.Size]byte
	for i, path := range []string{a, b} {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		hash := sha256.New()
		_, err = io.Copy(hash, f)
		_ = f.Close()
		if err != nil {
			return err
		}
		hash.Sum(sums[i][:0])
	}
	if sums[0] != sums[1] {
		return fmt.Errorf("%s differs from the pushed file", b)
	}
	return nil
}

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"testing"
)

// TestDemo checks that docs/demo.svg shows what davit prints. To update it: go run ./internal/recording
func TestDemo(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	steps, err := Play(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	got := Draw(steps)
	want, err := os.ReadFile("../../docs/demo.svg")
	// The ages of documents in the examples grow, and change the widths of columns.
	age := regexp.MustCompile(`( +[0-9]+ (?:day|month|year)s? ago)? +`)
	if err != nil || !bytes.Equal(age.ReplaceAll(got, []byte(" ")), age.ReplaceAll(want, []byte(" "))) {
		t.Errorf("docs/demo.svg is out of date (%v); update it with: go run ./internal/recording", err)
	}
	for d := xml.NewDecoder(bytes.NewReader(got)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

package kindtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"unicode/utf16"
)

// GreetingBottle returns a bottle of a formula that installs one script. The gzip data is stored, not compressed, so that its
// digest does not depend on the compressor.
func GreetingBottle(arch string) []byte {
	receipt := fmt.Sprintf(`{"homebrew_version":"4.6.0","used_options":[],"compiler":"clang","source_modified_time":1767225600,`+
		`"changed_files":[],"runtime_dependencies":[],"arch":%q,"source":{"spec":"stable"}}`, arch)
	return BottleOf("greeting/1.2.3/INSTALL_RECEIPT.json", receipt, "greeting/1.2.3/bin/greet", "#!/bin/sh\necho hello\n")
}

// BottleOf returns a bottle of files, given in pairs of name and content.
func BottleOf(pairs ...string) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		panic(err)
	}
	w := tar.NewWriter(z)
	for i := 0; i < len(pairs); i += 2 {
		// Writing to a buffer does not fail; a header that is too long would show in every test.
		_ = w.WriteHeader(&tar.Header{Name: pairs[i], Size: int64(len(pairs[i+1])), Mode: 0o755})
		_, _ = w.Write([]byte(pairs[i+1]))
	}
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

// ArchiveOf returns a gzipped tar of one file.
func ArchiveOf(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// ComposeFiles is a tree for tests of composing, in the format of Tree.
var ComposeFiles = map[string]string{
	"a.txt": "aa", "b.txt": "b", "data/x.json": "{}", "data/y.tmp": "", "data/sub/z.json": "{}", "docs/a.md": "# a", "docs/b.md": "# b",
	"link.txt": "->data/x.json", "[odd].txt": "", ".davitignore": "**/*.secret\n**/private\n", "s/k.secret": "", "s/k.txt": "", "s/private/k.txt": "", "*": "star",
}

// Tgz returns a gzipped tar of files, given in pairs of name and content.
func Tgz(t testing.TB, pairs ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: pairs[i], Size: int64(len(pairs[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// SmallChart is a minimal Chart.yaml.
const SmallChart = "apiVersion: v2\nname: demo\nversion: 1.0.0+a\n"

// Gzipped returns the text compressed with gzip.
func Gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// RunbookFile is a runbook with front matter, whose headings use each syntax of Markdown.
const RunbookFile = `---
title: Greeting is down
summary: Nobody is greeted any more.
service: greeting
owner: team-hello
severity: critical
alerts: [GreetingDown, GreetingSlow]
weight: 3
---
# Greeting is down

## Look at the pods

` + "```sh\n## not a heading\n```" + `

Restart the service
-------------------

## Tell people ##
`

// InUTF16 returns text in UTF-16 with a byte order mark, as Windows tools write it.
func InUTF16(text string, order binary.AppendByteOrder) string {
	data := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		data = order.AppendUint16(data, unit)
	}
	return string(data)
}

// Software bills of materials: SPDX as tag-value, and CycloneDX as XML.
const (
	TagValue = "# made by hand\n\nSPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n"
	CdxXML   = `<?xml version="1.0" encoding="UTF-8"?><!-- x --><bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><components/></bom>`
)

// ProvenanceStatement is an in-toto statement with SLSA provenance.
const ProvenanceStatement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"00"}}],` +
	`"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}`

// Dsse returns a DSSE envelope around a payload.
func Dsse(payloadType, payload string) string {
	return `{"payloadType":"` + payloadType + `","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) + `","signatures":[{"sig":"eA=="}]}`
}

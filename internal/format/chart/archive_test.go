package chart_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/davit-oci/davit/internal/format/chart"
	"github.com/davit-oci/davit/internal/kinds/kindtest"
)

func TestReadArchiveRefuses(t *testing.T) {
	t.Parallel()
	archive := kindtest.Tgz(t, "demo/Chart.yaml", kindtest.SmallChart)
	long := kindtest.Tgz(t, "demo/Chart.yaml", kindtest.SmallChart, "demo/values.yaml", "a: 1")
	for name, tt := range map[string]struct{ data, want string }{
		"empty":                        {"", "not a packaged chart"},
		"not gzip":                     {"PK\x03\x04", "not a packaged chart"},
		"truncated":                    {archive[:len(archive)/2], "broken chart archive"},
		"Chart.yaml in a subdirectory": {kindtest.Tgz(t, "a/b/Chart.yaml", kindtest.SmallChart), "it has no Chart.yaml"},
		"Chart.yaml at the top":        {kindtest.Tgz(t, "Chart.yaml", kindtest.SmallChart), "its Chart.yaml is not in a directory"},
		"path that begins with a dot":  {kindtest.Tgz(t, "./demo/Chart.yaml", kindtest.SmallChart), `it has "./demo/Chart.yaml" where helm requires NAME/Chart.yaml`},
		"path outside the chart":       {kindtest.Tgz(t, "demo/../../x", "", "demo/Chart.yaml", kindtest.SmallChart), "is outside the directory of the chart"},
		"file above the size limit":    {kindtest.Tgz(t, "demo/big", strings.Repeat("\x00", chart.MaxSize), "demo/Chart.yaml", kindtest.SmallChart), "chart too large for helm"},
		"truncated at the end":         {long[:len(long)-6], "broken chart archive"},
		"not a tar":                    {kindtest.Gzipped(t, strings.Repeat("x", 2000)), "broken chart archive"},
		"no version":                   {kindtest.Tgz(t, "demo/Chart.yaml", "apiVersion: v2\nname: demo\n"), "has no version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := chart.ReadArchive(strings.NewReader(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

// TestLoaderBoundsTheChart checks that the sizes of all files together are limited.
func TestLoaderBoundsTheChart(t *testing.T) {
	t.Parallel()
	l := chart.NewLoader()
	var err error
	files := 0
	for ; err == nil; files++ {
		err = l.Add("files/x", strings.NewReader(""), chart.MaxFileSize)
	}
	if files != chart.MaxSize/chart.MaxFileSize || !strings.Contains(err.Error(), "chart too large for helm") {
		t.Errorf("got %v after %d files, want the limit of helm after %d", err, files, chart.MaxSize/chart.MaxFileSize)
	}
}

func FuzzReadArchive(f *testing.F) {
	f.Add([]byte(kindtest.Tgz(f, "demo/Chart.yaml", kindtest.SmallChart)))
	f.Fuzz(func(t *testing.T, b []byte) {
		meta, err := chart.ReadArchive(bytes.NewReader(b))
		if err == nil && (meta.Name == "" || meta.Version == "" || strings.Contains(meta.Name, "/")) {
			t.Errorf("got a chart with name %q and version %q, want an error", meta.Name, meta.Version)
		}
	})
}

// TestLargeFile checks that a large file causes only a warning: helm 4.3 loads files of any size, earlier versions do not.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{chart.MaxFileSize: 0, chart.MaxFileSize + 1: 1} {
		c, err := chart.ReadArchive(strings.NewReader(kindtest.Tgz(t, "demo/files/big", strings.Repeat("\x00", size), "demo/Chart.yaml", kindtest.SmallChart)))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != want || want > 0 && c.Warnings[0].Text != "helm before 4.3 does not load the chart: files/big is larger than 5 MiB" {
			t.Errorf("%d bytes: got warnings %q, want %d", size, c.Warnings, want)
		}
	}
}

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
		"empty":      {"", "not a packaged chart"},
		"no gzip":    {"PK\x03\x04", "not a packaged chart"},
		"cut":        {archive[:len(archive)/2], "broken chart archive"},
		"no chart":   {kindtest.Tgz(t, "a/b/Chart.yaml", kindtest.SmallChart), "it has no Chart.yaml"},
		"at the top": {kindtest.Tgz(t, "Chart.yaml", kindtest.SmallChart), "its Chart.yaml is not in a directory"},
		"dots":       {kindtest.Tgz(t, "./demo/Chart.yaml", kindtest.SmallChart), `it has "./demo/Chart.yaml" where helm requires NAME/Chart.yaml`},
		"outside":    {kindtest.Tgz(t, "demo/../../x", "", "demo/Chart.yaml", kindtest.SmallChart), "is outside the directory of the chart"},
		"bomb":       {kindtest.Tgz(t, "demo/big", strings.Repeat("\x00", chart.MaxSize), "demo/Chart.yaml", kindtest.SmallChart), "chart too large for helm"},
		"cut late":   {long[:len(long)-6], "broken chart archive"},
		"not a tar":  {kindtest.Gzipped(t, strings.Repeat("x", 2000)), "broken chart archive"},
		"no version": {kindtest.Tgz(t, "demo/Chart.yaml", "apiVersion: v2\nname: demo\n"), "has no version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := chart.ReadArchive(strings.NewReader(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

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
			t.Errorf("read a chart named %q %q", meta.Name, meta.Version)
		}
	})
}

// TestLargeFile checks that large files are accepted: Helm 4.3 loads files of any size, earlier versions do not.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{chart.MaxFileSize: 0, chart.MaxFileSize + 1: 1} {
		c, err := chart.ReadArchive(strings.NewReader(kindtest.Tgz(t, "demo/files/big", strings.Repeat("\x00", size), "demo/Chart.yaml", kindtest.SmallChart)))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != want || want > 0 && c.Warnings[0] != "helm before 4.3 does not load the chart: files/big is larger than 5 MiB" {
			t.Errorf("%d bytes: got the warnings %q, want %d", size, c.Warnings, want)
		}
	}
}

package chart

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// errNoChart is the error for a valid archive that is not a chart.
var errNoChart = errors.New("not a packaged chart: it has no NAME/Chart.yaml, which helm requires")

// archiveReader looks for a chart in the first MaxSize bytes of an archive, the part that Helm unpacks.
type archiveReader struct {
	*tar.Reader
	limited *io.LimitedReader
}

func newArchiveReader(r io.Reader) (*archiveReader, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("not a packaged chart: %w", err)
	}
	limited := &io.LimitedReader{R: unzipped, N: MaxSize}
	return &archiveReader{tar.NewReader(limited), limited}, nil
}

// findChartFile reads the archive up to the end of its Chart.yaml. Without one, it fails with errNoChart.
func (r *archiveReader) findChartFile() error {
	for {
		header, err := r.Next()
		switch {
		case r.limited.N <= 0:
			return fmt.Errorf("not a packaged chart: no Chart.yaml in its first %d MiB, which is all that helm unpacks", MaxSize>>20)
		case errors.Is(err, io.EOF):
			return errNoChart
		case err != nil:
			return fmt.Errorf("broken chart archive: %w", err)
		}
		if !isChartFile(header) {
			continue
		}
		if _, err := io.Copy(io.Discard, io.LimitReader(r, MaxFileSize)); err != nil {
			return fmt.Errorf("broken chart archive: %w", err)
		}
		return nil
	}
}

// isChartFile reports whether a tar entry is the Chart.yaml of the chart itself, not of a dependency.
func isChartFile(header *tar.Header) bool {
	dir, file := path.Split(path.Clean(header.Name))
	return file == "Chart.yaml" && strings.Count(dir, "/") == 1 && header.Typeflag == tar.TypeReg
}

// readRest reads the archive to its end, because Helm refuses a truncated one.
func (r *archiveReader) readRest() (err error) {
	for err == nil {
		_, err = r.Next()
	}
	if errors.Is(err, io.EOF) {
		_, err = io.Copy(io.Discard, r.limited) // up to the checksum of the gzip
	}
	if r.limited.N <= 0 {
		return fmt.Errorf("not a packaged chart: larger than %d MiB, which is all that helm unpacks", MaxSize>>20)
	}
	if err != nil {
		return fmt.Errorf("broken chart archive: %w", err)
	}
	return nil
}

// HasChartFile reports whether an archive has the Chart.yaml of a packaged chart.
func HasChartFile(r io.Reader) bool {
	archive, err := newArchiveReader(r)
	return err == nil && archive.findChartFile() == nil
}

// CheckArchive fails if Helm would refuse an archive. It accepts a valid archive without a Chart.yaml, because npm packages have the
// same extension.
func CheckArchive(r io.Reader) error {
	archive, err := newArchiveReader(r)
	if err == nil {
		err = archive.findChartFile()
	}
	if errors.Is(err, errNoChart) {
		err = archive.readRest()
	}
	return err
}

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

// maxFile bounds Chart.yaml where it is only looked for, in bytes.
const maxFile = 4 << 20

// errNoChart is the error of a sound archive that is not a chart.
var errNoChart = errors.New("not a packaged chart: it has no NAME/Chart.yaml, which helm requires")

// ReadArchive reads the metadata of a packaged chart, and checks what helm checks when it loads it.
func ReadArchive(r io.Reader) (*Chart, error) { return readArchive(r, NewLoader()) }

// archiveReader reads a packaged chart, no more of it than helm unpacks.
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

// chartFile reads the Chart.yaml of a packaged chart.
func (r *archiveReader) chartFile() ([]byte, error) {
	for {
		header, err := r.Next()
		switch {
		case r.limited.N <= 0:
			return nil, fmt.Errorf("not a packaged chart: no Chart.yaml in its first %d MiB, which is all that helm unpacks", MaxSize>>20)
		case errors.Is(err, io.EOF):
			return nil, errNoChart
		case err != nil:
			return nil, fmt.Errorf("broken chart archive: %w", err)
		}
		if !isOfChart(header, "Chart.yaml") {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(r, maxFile))
		if err != nil {
			return nil, fmt.Errorf("broken chart archive: %w", err)
		}
		return data, nil
	}
}

// isOfChart reports whether a tar entry is the named file of the chart itself, not of a dependency.
func isOfChart(header *tar.Header, name string) bool {
	dir, file := path.Split(path.Clean(header.Name))
	return file == name && strings.Count(dir, "/") == 1 && header.Typeflag == tar.TypeReg
}

// rest reads the archive to its end: helm refuses one that was cut off.
func (r *archiveReader) rest() (err error) {
	for err == nil {
		_, err = r.Next()
	}
	if errors.Is(err, io.EOF) {
		_, err = io.Copy(io.Discard, r.limited) // up to the checksum of the gzip
	}
	if r.limited.N <= 0 {
		return fmt.Errorf("not a packaged chart: it has more than %d MiB, which is all that helm unpacks", MaxSize>>20)
	}
	if err != nil {
		return fmt.Errorf("broken chart archive: %w", err)
	}
	return nil
}

// HasChartFile reports whether an archive has the Chart.yaml of a packaged chart.
func HasChartFile(r io.Reader) bool {
	archive, err := newArchiveReader(r)
	if err != nil {
		return false
	}
	data, err := archive.chartFile()
	return err == nil && data != nil
}

// CheckArchive returns why helm refuses an archive. A sound archive without a Chart.yaml is not an error: npm names its
// packages in the same way.
func CheckArchive(r io.Reader) error {
	archive, err := newArchiveReader(r)
	if err == nil {
		_, err = archive.chartFile()
	}
	if errors.Is(err, errNoChart) {
		err = archive.rest()
	}
	return err
}

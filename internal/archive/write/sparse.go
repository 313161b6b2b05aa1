package write

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/davit-oci/davit/internal/archive"
)

// writeSparse writes a file without its holes in GNU tar's PAX format 1.0: an extended header with the real name and size,
// and the map of the extents before the data. GNU tar, bsdtar, Python, and Go (so Docker, containerd, and Podman) read it,
// but package archive/tar does not write it.
//
// data is called for the bytes of each extent, in order.
func (w *tarWriter) writeSparse(hdr *tar.Header, extents []archive.Extent, data func(e archive.Extent) io.Reader) error {
	if err := w.tar.Flush(); err != nil {
		return err
	}
	if n := len(extents); n == 0 || extents[n-1].Offset+extents[n-1].Length < hdr.Size {
		extents = append(extents, archive.Extent{Offset: hdr.Size}) // the hole at the end
	}
	table := sparseMap(extents)
	stored := int64(len(table))
	for _, e := range extents {
		stored += e.Length
	}
	if _, err := w.out.Write(append(sparseHeader(hdr, stored), table...)); err != nil {
		return err
	}
	for _, e := range extents {
		if err := copyExactly(w.out, data(e), e.Length, w.buf); err != nil {
			return err
		}
	}
	_, err := w.out.Write(make([]byte, archive.Padding(stored)))
	return err
}

// sparseMap returns the map before the data: decimal lines, padded to whole blocks.
func sparseMap(extents []archive.Extent) []byte {
	b := strconv.AppendInt(nil, int64(len(extents)), 10)
	for _, e := range extents {
		b = strconv.AppendInt(append(b, '\n'), e.Offset, 10)
		b = strconv.AppendInt(append(b, '\n'), e.Length, 10)
	}
	b = append(b, '\n')
	return append(b, make([]byte, archive.Padding(int64(len(b))))...)
}

// sparseHeader returns the extended header and the header of a sparse file that stores the given number of bytes.
func sparseHeader(hdr *tar.Header, stored int64) []byte {
	records := map[string]string{
		"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
		"GNU.sparse.name": hdr.Name, "GNU.sparse.realsize": strconv.FormatInt(hdr.Size, 10),
	}
	maps.Copy(records, hdr.PAXRecords)
	if hdr.ModTime.UnixNano()%int64(time.Second) != 0 || hdr.ModTime.Unix() < 0 {
		records["mtime"] = paxTime(hdr.ModTime)
	}
	block := make([]byte, archive.BlockSize)
	base := path.Base(hdr.Name)
	copy(block[:100], "GNUSparseFile.0/"+base[:min(len(base), 80)])
	writeOctal(block[100:108], hdr.Mode, "", records)
	writeOctal(block[108:116], int64(hdr.Uid), "uid", records)
	writeOctal(block[116:124], int64(hdr.Gid), "gid", records)
	writeOctal(block[124:136], stored, "size", records)
	writeOctal(block[136:148], max(hdr.ModTime.Unix(), 0), "mtime", records)
	finishHeader(block, tar.TypeReg)

	body := paxRecords(records)
	extended := make([]byte, archive.BlockSize)
	copy(extended[:100], "PaxHeaders.0/"+base[:min(len(base), 80)])
	for _, field := range [][]byte{extended[100:108], extended[108:116], extended[116:124], extended[136:148]} {
		writeOctal(field, 0, "", nil)
	}
	writeOctal(extended[124:136], int64(len(body)), "", nil)
	finishHeader(extended, tar.TypeXHeader)
	body = append(body, make([]byte, archive.Padding(int64(len(body))))...)
	return slices.Concat(extended, body, block)
}

// writeOctal writes a number as package archive/tar does. A number too large for the field becomes a record.
func writeOctal(field []byte, n int64, key string, records map[string]string) {
	digits := len(field) - 1
	if n >= 1<<(3*digits) {
		records[key] = strconv.FormatInt(n, 10)
		n = 0
	}
	copy(field, fmt.Sprintf("%0*o", digits, n))
}

// finishHeader writes the type, magic, and checksum of a ustar header to a block.
func finishHeader(block []byte, typeflag byte) {
	block[156] = typeflag
	copy(block[257:265], "ustar\x0000")
	copy(block[148:156], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// paxTime formats a time with nanoseconds, including times before 1970.
func paxTime(t time.Time) string {
	sec, nsec := t.Unix(), t.Nanosecond()
	sign := ""
	if sec < 0 {
		sign, sec = "-", -sec
		if nsec > 0 {
			sec, nsec = sec-1, int(time.Second)-nsec
		}
	}
	return fmt.Sprintf("%s%d.%09d", sign, sec, nsec)
}

// paxRecords returns the body of an extended header, sorted by key.
func paxRecords(records map[string]string) []byte {
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(records)) {
		rest := len(key) + len(records[key]) + len(" =\n")
		size := rest + len(strconv.Itoa(rest))
		size = rest + len(strconv.Itoa(size))
		fmt.Fprintf(&b, "%d %s=%s\n", size, key, records[key])
	}
	return b.Bytes()
}

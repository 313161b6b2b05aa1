package archive

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
)

// extent is a part of a sparse file that has data.
type extent struct{ offset, length int64 }

// maxExtents bounds the map of a sparse file, written or read: 4 MiB of memory.
const maxExtents = 1 << 18

// blockSize is the unit of a tar.
const blockSize = 512

// sparse writes a file without its holes in the PAX format 1.0 of GNU tar: an extended header with the real name and
// size, and the map of the extents in front of the data. GNU tar, bsdtar, Python and Go (so Docker, containerd and
// podman) read it; archive/tar does not write it.
//
// data gives the bytes of each extent, in order.
func (w *tarWriter) sparse(hdr *tar.Header, extents []extent, data func(e extent) io.Reader) error {
	if err := w.tar.Flush(); err != nil {
		return err
	}
	if n := len(extents); n == 0 || extents[n-1].offset+extents[n-1].length < hdr.Size {
		extents = append(extents, extent{hdr.Size, 0}) // the hole at the end
	}
	table := sparseMap(extents)
	stored := int64(len(table))
	for _, e := range extents {
		stored += e.length
	}
	if _, err := w.out.Write(append(sparseHeader(hdr, stored), table...)); err != nil {
		return err
	}
	for _, e := range extents {
		if err := copyExactly(w.out, data(e), e.length, w.buf); err != nil {
			return err
		}
	}
	_, err := w.out.Write(make([]byte, padding(stored)))
	return err
}

// padding is what fills the last block.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// sparseMap is the map in front of the data: decimal lines, padded to whole blocks.
func sparseMap(extents []extent) []byte {
	b := strconv.AppendInt(nil, int64(len(extents)), 10)
	for _, e := range extents {
		b = strconv.AppendInt(append(b, '\n'), e.offset, 10)
		b = strconv.AppendInt(append(b, '\n'), e.length, 10)
	}
	b = append(b, '\n')
	return append(b, make([]byte, padding(int64(len(b))))...)
}

// sparseHeader is the extended header and the header of a sparse file with so many bytes stored.
func sparseHeader(hdr *tar.Header, stored int64) []byte {
	records := map[string]string{
		"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
		"GNU.sparse.name": hdr.Name, "GNU.sparse.realsize": strconv.FormatInt(hdr.Size, 10),
	}
	maps.Copy(records, hdr.PAXRecords)
	if hdr.ModTime.UnixNano()%int64(time.Second) != 0 || hdr.ModTime.Unix() < 0 {
		records["mtime"] = paxTime(hdr.ModTime)
	}
	block := make([]byte, blockSize)
	base := path.Base(hdr.Name)
	copy(block[:100], "GNUSparseFile.0/"+base[:min(len(base), 80)])
	octal(block[100:108], hdr.Mode, "", records)
	octal(block[108:116], int64(hdr.Uid), "uid", records)
	octal(block[116:124], int64(hdr.Gid), "gid", records)
	octal(block[124:136], stored, "size", records)
	octal(block[136:148], max(hdr.ModTime.Unix(), 0), "mtime", records)
	seal(block, tar.TypeReg)

	body := paxRecords(records)
	extended := make([]byte, blockSize)
	copy(extended[:100], "PaxHeaders.0/"+base[:min(len(base), 80)])
	for _, field := range [][]byte{extended[100:108], extended[108:116], extended[116:124], extended[136:148]} {
		octal(field, 0, "", nil)
	}
	octal(extended[124:136], int64(len(body)), "", nil)
	seal(extended, tar.TypeXHeader)
	body = append(body, make([]byte, padding(int64(len(body))))...)
	return slices.Concat(extended, body, block)
}

// octal writes a number as archive/tar does; one that is too large becomes a record, and 0 in the field.
func octal(field []byte, n int64, key string, records map[string]string) {
	digits := len(field) - 1
	if n >= 1<<(3*digits) {
		records[key] = strconv.FormatInt(n, 10)
		n = 0
	}
	copy(field, fmt.Sprintf("%0*o", digits, n))
}

// seal makes a block a header of the ustar format: type, magic and checksum.
func seal(block []byte, typeflag byte) {
	block[156] = typeflag
	copy(block[257:265], "ustar\x0000")
	copy(block[148:156], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// paxTime is a time with nanoseconds, also before 1970.
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

// paxRecords is the body of an extended header, in the order of the keys.
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

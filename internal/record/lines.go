package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

func readHeader(lines *bufio.Reader) (h header, err error) {
	line, err := readLine(lines)
	if err == nil {
		err = json.Unmarshal(line, &h)
	}
	return h, err
}

// readRecords reads records up to the end of the file.
func readRecords(lines *bufio.Reader, version int) (records []*Record, err error) {
	for {
		r, err := readRecord(lines, version)
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
}

// readRecord reads a record and its files. It returns io.EOF at the end of the file.
func readRecord(lines *bufio.Reader, version int) (*Record, error) {
	line, err := readLine(lines)
	if err != nil {
		return nil, err
	}
	r := &Record{}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, err
	}
	if len(r.Result) == 0 || string(r.Result) == "null" {
		return nil, errors.ErrUnsupported
	}
	dir := ""
	for n := 0; n < r.Count; {
		line, err := readLine(lines)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
		text := string(line[:len(line)-1])
		if quoted, ok := strings.CutPrefix(text, "/"); ok {
			if dir, err = strconv.Unquote(quoted); err != nil {
				return nil, err
			}
			continue
		}
		f, err := parsePlaced(text, version, len(r.Layers))
		if err != nil {
			return nil, err
		}
		f.Path = dir + f.Path
		r.Files.Add(f)
		n++
	}
	r.Files.Sort()
	return r, nil
}

// readLine reads a line including its newline. The result is valid until the next call.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == nil || !errors.Is(err, bufio.ErrBufferFull) && len(line) == 0 {
		return line, err
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxStateLine {
		line, err = r.ReadSlice('\n')
		long = append(long, line...)
	}
	if err != nil {
		return nil, errors.ErrUnsupported // the line is truncated or too long
	}
	return long, nil
}

func writeRecords(w io.Writer, dir string, records []*Record) error {
	buf := bufio.NewWriterSize(w, stateBuffer)
	enc := json.NewEncoder(buf)
	if err := enc.Encode(header{stateVersion, dir}); err != nil {
		return err
	}
	var line []byte
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return err
		}
		last := ""
		for i := range r.Files.Len() {
			f := r.Files.At(i)
			dir, name := path.Split(f.Path)
			line = line[:0]
			if dir != last {
				line = append(strconv.AppendQuote(append(line, '/'), dir), '\n')
				last = dir
			}
			if _, err := buf.Write(f.appendLine(line, name)); err != nil {
				return err
			}
		}
	}
	return buf.Flush()
}

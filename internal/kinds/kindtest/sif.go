package kindtest

import "encoding/binary"

// GreetingSIF returns an Apptainer image that has a header and no data objects.
func GreetingSIF() []byte {
	header := make([]byte, 128)
	copy(header, "#!/usr/bin/env run-singularity\n")
	copy(header[32:], "SIF_MAGIC")
	copy(header[42:], "01")
	copy(header[45:], "02")                        // amd64
	binary.LittleEndian.PutUint64(header[80:], 48) // free descriptors
	return header
}

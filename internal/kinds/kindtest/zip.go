package kindtest

import (
	"archive/zip"
	"bytes"
)

// GreetingProvider returns the zip archive of an OpenTofu provider. Its program is a line of text.
func GreetingProvider(platform string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	file, err := w.CreateHeader(&zip.FileHeader{Name: "terraform-provider-greeting_v1.2.3", Method: zip.Store})
	if err == nil {
		_, err = file.Write([]byte("a program for " + platform + "\n"))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

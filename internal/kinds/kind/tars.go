package kind

import "github.com/davit-oci/davit/mediatypes"

// Tars returns the media types of a layer that holds a directory, by packing. Inlined, it would add 3 KB to the program.
//
//go:noinline
func Tars() map[mediatypes.Packing]string {
	return map[mediatypes.Packing]string{
		mediatypes.Tar: mediatypes.LayerTar, mediatypes.TarGzip: mediatypes.LayerTarGzip, mediatypes.TarZstd: mediatypes.LayerTarZstd,
	}
}

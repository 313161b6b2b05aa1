package kind

import "github.com/davit-oci/davit/mediatypes"

// Tars returns the media types of a directory, by packing.
func Tars() map[mediatypes.Packing]string {
	return map[mediatypes.Packing]string{
		mediatypes.Tar: mediatypes.LayerTar, mediatypes.TarGzip: mediatypes.LayerTarGzip, mediatypes.TarZstd: mediatypes.LayerTarZstd,
	}
}

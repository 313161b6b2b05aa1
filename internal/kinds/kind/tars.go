package kind

import "github.com/davit-oci/davit/mediatypes"

// Tars are the media types of a directory, by packing.
var Tars = map[mediatypes.Packing]string{mediatypes.Tar: mediatypes.LayerTar, mediatypes.TarGzip: mediatypes.LayerTarGzip, mediatypes.TarZstd: mediatypes.LayerTarZstd}

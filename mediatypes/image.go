package mediatypes

// KindAnnotation is the manifest annotation that distinguishes a volume from other container images. No client needs it.
const KindAnnotation = "dev.davit.kind"

// Volume is the name of the kind of volumes, which are unpacked differently from other images.
const Volume = "volume"

package archive

// The default limits on the unpacked content of an archive, far beyond any real artifact.
const (
	// DefaultMaxSize is 1 TiB of files, holes included.
	DefaultMaxSize = 1 << 40
	// DefaultMaxFiles is two million entries, each of which takes an inode.
	DefaultMaxFiles = 2_000_000
	// DefaultMaxRatio is the ratio of an archive's content to its compressed size. Text reaches 20, a gzip bomb 1000.
	DefaultMaxRatio = 200
)

// The sizes of the content, in bytes, from which the ratio is checked: small archives may have a high ratio and do no harm. A
// ratio that the caller chose applies almost from the start.
const (
	defaultRatioFrom = 256 << 20
	chosenRatioFrom  = 2 << 20
)

// EntryOverhead is the number of bytes per entry, besides its content, that the ratio ignores: a million small files that
// look alike are not a bomb. Their number has a separate limit.
const EntryOverhead = 4 * BlockSize

// Limits are the limits on reading an archive. The zero value means the defaults; a negative number means no limit.
type Limits struct {
	MaxSize  int64 // bytes of all files together
	MaxFiles int64 // entries
	MaxRatio int64 // content bytes per compressed byte
	// Exact compares names as Linux does: they may differ only in case or Unicode form, contain backslashes and control
	// characters, and be invalid UTF-8.
	Exact bool
}

// SizeLimit returns the effective limit on the size of all files.
func (l Limits) SizeLimit() int64 { return orDefault(l.MaxSize, DefaultMaxSize) }

// FileLimit returns the effective limit on the number of entries.
func (l Limits) FileLimit() int64 { return orDefault(l.MaxFiles, DefaultMaxFiles) }

// RatioLimit returns the effective limit on the ratio, and the content size in bytes from which it applies.
func (l Limits) RatioLimit() (ratio, from int64) {
	if l.MaxRatio == 0 {
		return DefaultMaxRatio, defaultRatioFrom
	}
	return orDefault(l.MaxRatio, 0), chosenRatioFrom
}

func orDefault(n, standard int64) int64 {
	switch {
	case n < 0:
		return 1<<63 - 1
	case n == 0:
		return standard
	}
	return n
}

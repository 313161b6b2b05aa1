package archive

// What an archive may unpack to unless its reader says otherwise: far beyond any real artifact, and still an end.
const (
	// DefaultMaxSize is one TiB of files, holes included.
	DefaultMaxSize = 1 << 40
	// DefaultMaxFiles is two million entries, each of which takes an inode.
	DefaultMaxFiles = 2_000_000
	// DefaultMaxRatio is how much larger than its compressed form the content of an archive may be. Text reaches 20,
	// the bombs that gzip allows 1000.
	DefaultMaxRatio = 200
)

// The ratio counts beyond so many bytes, since small archives have any ratio and do no harm. Whoever gives a ratio gets
// it nearly from the start.
const (
	defaultGrace  = 256 << 20
	explicitGrace = 2 << 20
)

// entryOverhead is what an entry may take in a tar besides its content, and does not count for the ratio: a million
// small files that are much alike are no bomb. Their number has a limit of its own.
const entryOverhead = 4 * blockSize

// Limits says what is refused while an archive is read. The zero value is the defaults; a negative number is no limit.
type Limits struct {
	MaxSize  int64 // of all files together, in bytes
	MaxFiles int64 // entries
	MaxRatio int64 // content to compressed bytes
	// Exact takes names as Linux does: those that differ only in case or form are different, they may have
	// backslashes and need not be UTF-8.
	Exact bool
}

// maxSize is the limit that counts, as the following two.
func (l Limits) maxSize() int64 { return orDefault(l.MaxSize, DefaultMaxSize) }

func (l Limits) maxFiles() int64 { return orDefault(l.MaxFiles, DefaultMaxFiles) }

func (l Limits) maxRatio() (ratio, grace int64) {
	if l.MaxRatio == 0 {
		return DefaultMaxRatio, defaultGrace
	}
	return orDefault(l.MaxRatio, 0), explicitGrace
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

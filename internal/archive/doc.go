// Package archive holds the parts that readers and writers of tar archives share: limits, rules for names and links, and errors.
//
// Its subpackages do the work. [github.com/davit-oci/davit/internal/archive/write] turns directory trees into deterministic
// archives, read parses untrusted ones, extract unpacks them below an os.Root, and compress implements gzip and zstd.
// None of them knows about OCI, kinds, or final destinations: callers decide which files become a layer, and where an
// unpacked tree goes.
package archive

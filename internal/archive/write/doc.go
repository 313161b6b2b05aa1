// Package write turns directory trees into deterministic tar archives.
//
// [Tree.Walk] lists a tree, [Tree.Split] cuts the list into several archives, and [Tree.Write] writes one, usually into a
// compress.Writer. The same tree becomes the same bytes on any machine, under any umask, at any time, on any number of
// cores. [Rewrite] merges existing archives.
package write

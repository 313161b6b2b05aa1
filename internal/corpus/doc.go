// Package corpus holds what an earlier version of davit wrote: sources with the digests they pack into, layouts, archives,
// pulled directories with their records, pulls that were killed, caches, and a login. Its tests read all of it with the
// davit of this tree. testdata/write.sh is how it was written.
package corpus

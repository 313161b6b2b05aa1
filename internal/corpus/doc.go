// Package corpus holds data that an earlier version of davit wrote: sources with the digests they pack into, layouts, archives, pulled
// directories with their records, files of killed pulls, caches, and a login. Its tests read all of it with the current version. The script
// testdata/write.sh wrote the data.
package corpus

// Package layout reads and writes image layouts, in directories and in tar archives.
//
// It is one package of more than 1,500 lines because directories and archives share the index, the catalog of what is
// stored, and the removal of what nothing refers to.
package layout

// Package layout reads and writes image layouts in directories.
package layout

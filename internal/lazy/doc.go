// Package lazy compiles regular expressions on first use: most commands need none, and none should wait for it.
package lazy

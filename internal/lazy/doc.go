// Package lazy compiles regular expressions on first use, because most commands need few of them and should start fast.
package lazy

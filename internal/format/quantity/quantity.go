// Package quantity formats numbers of parameters and bytes as Docker Model Runner does in model configs.
package quantity

import (
	"strconv"
	"strings"
)

// format formats n in the first of units that n reaches, with two decimals unless they are zero.
func format(n int64, units []unit) string {
	u := unit{1, ""}
	for _, v := range units {
		if float64(n) >= v.size {
			u = v
			break
		}
	}
	return strings.TrimSuffix(strconv.FormatFloat(float64(n)/u.size, 'f', 2, 64), ".00") + u.name
}

type unit struct {
	size float64
	name string
}

// Parameters formats a number of parameters: "361.82M".
func Parameters(n int64) string {
	return format(n, []unit{{1e15, "Q"}, {1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}})
}

// Bytes formats a number of bytes: "256.35MiB". Like Docker Model Runner, it uses the largest unit that n reaches, binary or decimal:
// 1000 bytes are "1KB", and 1024 bytes are "1KiB".
func Bytes(n int64) string {
	return format(n, []unit{{1 << 50, "Pi"}, {1e15, "P"}, {1 << 40, "Ti"}, {1e12, "T"}, {1 << 30, "Gi"}, {1e9, "G"},
		{1 << 20, "Mi"}, {1e6, "M"}, {1 << 10, "Ki"}, {1e3, "K"}}) + "B"
}

// Fixed formats n with two decimals in the largest of units that n reaches, or else in the first. Each unit is 1000 times the
// previous one. Docker Model Runner uses this form for safetensors.
func Fixed(n int64, units ...string) string {
	f, i := float64(n), 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	return strconv.FormatFloat(f, 'f', 2, 64) + units[i]
}

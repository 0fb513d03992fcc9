package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

type unit struct {
	name  string
	bytes int64
}

// units are binary only: a KB is 1000 bytes to some and 1024 to others, so it is refused.
func units() []unit {
	return []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// parseSize reads plain bytes, or a whole number with one of the units.
func parseSize(s string) (int64, error) {
	wrong := errors.New("a whole number of bytes, or one with KiB, MiB, GiB or TiB: 1048576, 64KiB, 1GiB")
	digits, factor := s, int64(1)
	for _, u := range units() {
		if rest, found := strings.CutSuffix(s, u.name); found {
			digits, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63) // refuses signs, spaces and an empty text
	if errors.Is(err, strconv.ErrRange) || (err == nil && int64(n) > math.MaxInt64/factor) {
		return 0, errors.New("a size below 8388608TiB")
	}
	if err != nil {
		return 0, wrong
	}
	return int64(n) * factor, nil
}

// formatSize writes the largest unit that divides the size, so that no byte is lost.
func formatSize(n int64) string {
	for _, u := range units() {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

package flags

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

type sizeUnit struct {
	name  string
	bytes int64
}

// sizeUnits are those of the configuration.
func sizeUnits() []sizeUnit {
	return []sizeUnit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// parseSize reads plain bytes, or a whole number with one of the units.
func parseSize(s string) (int64, error) {
	digits, factor := s, int64(1)
	for _, u := range sizeUnits() {
		if rest, found := strings.CutSuffix(s, u.name); found {
			digits, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63) // refuses signs, spaces and an empty text
	if err != nil {
		return 0, err
	}
	if int64(n) > math.MaxInt64/factor {
		return 0, errors.New("out of range")
	}
	return int64(n) * factor, nil
}

// formatSize writes the largest unit that divides the size, so that no byte is lost.
func formatSize(n int64) string {
	for _, u := range sizeUnits() {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

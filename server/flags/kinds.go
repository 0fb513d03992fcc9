package flags

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// of builds a flag from a field, a parser of JSON's values and its inverse.
func of[T any](name string, field func(*Values) *T, parse func(any) (T, string, error), show func(T) any) flag {
	return flag{
		name: name,
		set: func(v *Values, given any) (string, error) {
			parsed, note, err := parse(given)
			if err == nil {
				*field(v) = parsed
			}
			return note, err
		},
		copy: func(to *Values, from Values) { *field(to) = *field(&from) },
		show: func(v Values) any { return show(*field(&v)) },
		text: func(v Values) string { return fmt.Sprint(show(*field(&v))) },
	}
}

// number is a flag that is a whole number. If it has a unit, it may be given as a text with KiB, MiB, GiB or TiB.
func number[T int | int64](name, unit string, bounds Bounds, field func(*Values) *T) flag {
	b := &bounds
	f := of(name, field, func(given any) (T, string, error) {
		n, note, err := parseNumber(given, unit != "", *b)
		return T(n), note, err
	}, func(n T) any { return n })
	f.unit, f.bounds = unit, b
	f.metric = func(v Values) float64 { return float64(*field(&v)) }
	if unit != "" {
		f.text = func(v Values) string { return formatSize(int64(*field(&v))) }
	}
	return f
}

func parseNumber(given any, sized bool, b Bounds) (n int64, note string, err error) {
	what := "a whole number"
	if sized {
		what = "a whole number of bytes, or a text such as \"64KiB\""
	}
	var f float64
	text, isText := given.(string)
	switch v, isNumber := given.(float64); {
	case isNumber && v == math.Trunc(v) && !math.IsInf(v, 0):
		f = v
	case isText && sized:
		size, err := parseSize(text)
		if err != nil {
			return 0, "", fmt.Errorf("%s, not %s", what, brief(given))
		}
		f = float64(size)
	default:
		return 0, "", fmt.Errorf("%s, not %s", what, brief(given))
	}
	switch {
	case f < float64(b.Min):
		return b.Min, fmt.Sprintf("%s, below its bounds: %d is used", brief(given), b.Min), nil
	case f > float64(b.Max):
		return b.Max, fmt.Sprintf("%s, above its bounds: %d is used", brief(given), b.Max), nil
	case f == float64(b.Max): // as a float it may be more than an int64 holds
		return b.Max, "", nil
	}
	return int64(f), "", nil
}

func boolean(name string, field func(*Values) *bool) flag {
	f := of(name, field, func(given any) (bool, string, error) {
		b, ok := given.(bool)
		if !ok {
			return false, "", fmt.Errorf("true or false, not %s", brief(given))
		}
		return b, "", nil
	}, func(b bool) any { return b })
	f.words = []any{false, true}
	f.metric = func(v Values) float64 {
		if *field(&v) {
			return 1
		}
		return 0
	}
	return f
}

// level is a flag that is one of slog's levels; its metric is slog's number.
func level(name string, field func(*Values) *slog.Level) flag {
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	show := func(l slog.Level) any { return strings.ToLower(l.String()) }
	f := of(name, field, func(given any) (slog.Level, string, error) {
		for _, l := range levels {
			if given == show(l) {
				return l, "", nil
			}
		}
		return 0, "", fmt.Errorf(`"debug", "info", "warn" or "error", not %s`, brief(given))
	}, show)
	for _, l := range levels {
		f.words = append(f.words, show(l))
	}
	f.metric = func(v Values) float64 { return float64(*field(&v)) }
	return f
}

// brief writes a value as JSON, not longer than a log line bears.
func brief(given any) string {
	const most = 40
	if f, ok := given.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	text, err := json.Marshal(given)
	if err != nil {
		return fmt.Sprintf("a %T", given)
	}
	if len(text) > most {
		return strings.ToValidUTF8(string(text[:most]), "") + "…"
	}
	return string(text)
}

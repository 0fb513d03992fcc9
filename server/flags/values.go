package flags

import (
	"log/slog"
	"math"
)

// Values are the settings in force. The zero value of a field is no default.
type Values struct {
	WriteBlock int64 // largest block that is written at once, bytes
	BufferPool int64 // memory that all blocks share, bytes
	MaxUploads int   // request bodies at once; 0: no limit
	Multipart  bool  // forms are taken
	MinRate    int64 // least rate of a body, bytes a second; 0: none
	LogLevel   slog.Level
	Profiling  bool // profiles can be taken
}

// Bounds are the least and the greatest value of a number. They include 0 where 0 turns the limit off.
type Bounds struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

// flag ties a feature's name to a field of Values.
type flag struct {
	name   string
	unit   string
	bounds *Bounds // of a number
	off    bool    // 0 turns it off
	words  []any   // all values of what isn't a number

	set    func(v *Values, given any) (note string, err error) // an error completes "must be …", a note "was …"
	copy   func(to *Values, from Values)
	show   func(Values) any    // as in JSON
	text   func(Values) string // as in the log
	metric func(Values) float64
}

// table is every flag, with the bounds widened to include what is configured.
func table(defaults Values, bounds map[string]Bounds) []flag {
	all := []flag{
		number("write-block", "bytes", Bounds{4 << 10, 16 << 20}, func(v *Values) *int64 { return &v.WriteBlock }),
		number("buffer-pool", "bytes", Bounds{1 << 20, 1 << 30}, func(v *Values) *int64 { return &v.BufferPool }),
		number("max-uploads", "", Bounds{0, math.MaxInt32}, func(v *Values) *int { return &v.MaxUploads }),
		boolean("multipart", func(v *Values) *bool { return &v.Multipart }),
		number("min-rate", "bytes/s", Bounds{0, 1 << 40}, func(v *Values) *int64 { return &v.MinRate }),
		level("log-level", func(v *Values) *slog.Level { return &v.LogLevel }),
		boolean("profiling", func(v *Values) *bool { return &v.Profiling }),
	}
	for i, f := range all {
		if f.bounds == nil {
			continue
		}
		all[i].off = f.bounds.Min == 0
		if b, given := bounds[f.name]; given {
			*f.bounds = b
		}
		configured := int64(f.metric(defaults))
		*f.bounds = Bounds{min(f.bounds.Min, configured), max(f.bounds.Max, configured)}
	}
	return all
}

// settings are what one source says.
type settings struct {
	values Values
	given  []bool // which flags it names, in the table's order
}

func (s settings) equal(other settings, all []flag) bool {
	for i, f := range all {
		if s.given[i] != other.given[i] || s.given[i] && f.show(s.values) != f.show(other.values) {
			return false
		}
	}
	return true
}

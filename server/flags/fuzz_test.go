package flags

import (
	"encoding/json"
	"log/slog"
	"math"
	"testing"
	"time"
)

// FuzzPayload feeds any payload. Whatever it is, nothing panics, and the values are within their bounds.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{
		`{"features": {"write-block": {"defaultValue": "64KiB"}, "max-uploads": {"defaultValue": -1}}}`,
		`{"features": {"min-rate": {"defaultValue": 1e300, "rules": [{"condition": {"host": "a"}, "force": 0.5}]}}}`,
		`{"log-level": {"rules": [{"variations": ["debug", "warn"], "weights": [0.5, 0.5], "coverage": 1, "hashAttribute": "id"}]}}`,
		`{"features": {"profiling": {"rules": [{"parentConditions": [{"id": "p", "condition": {"value": true}, "gate": true}]}]}, "p": null},
		"savedGroups": {"g": [1, "a"]}, "dateUpdated": "2026-01-02T03:04:05Z"}`,
		`{"features": {"multipart": {"rules": [{"condition": {"$or": [{"$not": {"host": {"$regex": "(a|b)+$"}}}, {"id": {"$inGroup": "g"}}]}, "force": false}]}}}`,
		`{"features": {"buffer-pool": {"rules": [{"range": [0, 1], "filters": [{"seed": "s", "ranges": [[0, 1]]}], "namespace": ["n", 0, 1], "force": [{}]}]}}}`,
		`{"encryptedFeatures": "AAAAAAAAAAAAAAAAAAAAAA==.AAAAAAAAAAAAAAAAAAAAAA=="}`,
		`{}`, `null`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	defaults := Values{WriteBlock: 1 << 20, BufferPool: 4 << 20, LogLevel: slog.LevelInfo}
	all := table(defaults, nil)
	e := evaluator{table: all, attributes: map[string]any{"id": "a", "host": "a"}, decryptionKey: "AAAAAAAAAAAAAAAAAAAAAA=="}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, bare := range []bool{false, true} {
			began := time.Now()
			r, err := e.read(payload, bare)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if err != nil {
				continue
			}
			s := &source{table: all, settings: settings{given: make([]bool, len(all))}}
			s.trouble.log = slog.New(slog.DiscardHandler)
			s.take(r, time.Now())
			values := defaults
			for i, flag := range all {
				if s.settings.given[i] {
					flag.copy(&values, s.settings.values)
				}
				if n := flag.metric(values); flag.bounds != nil && (n < float64(flag.bounds.Min) || n > float64(flag.bounds.Max)) {
					t.Errorf("%s is %v", flag.name, n)
				}
			}
			switch values.LogLevel {
			case slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError:
			default:
				t.Errorf("the level is %v", values.LogLevel)
			}
			if _, err := json.Marshal(s.status); err != nil {
				t.Errorf("its status can't be shown: %v", err)
			}
		}
	})
}

// JSON has no such numbers, but a library that evaluates may.
func TestNumbersThatAreNone(t *testing.T) {
	for _, given := range []any{
		math.NaN(), math.Inf(1), math.Inf(-1), 1.5, -0.25, true, nil,
		[]any{1.0},
		map[string]any{},
		"NaN", "1e3", "-1", " 1", "1 KiB", "1kb", "", "KiB", "99999999999999999999",
	} {
		if n, _, err := parseNumber(given, true, Bounds{1, 10}); err == nil {
			t.Errorf("%v was taken as %d", given, n)
		}
	}
	for _, given := range []any{1e300, math.MaxFloat64, float64(math.MaxInt64)} {
		if n, _, err := parseNumber(given, false, Bounds{0, math.MaxInt64}); n != math.MaxInt64 || err != nil {
			t.Errorf("%v was taken as %d, %v", given, n, err)
		}
	}
}

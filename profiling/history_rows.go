package profiling

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// A row is one sample as JSON: [milliseconds since 1970, value, …] with the values in the order of the series, rounded to five
// digits, null where unknown. With 11 series it takes about 80 bytes.

// rowsAtOnce is how many rows are made with the history locked: some 20 KB of text, in a fraction of a millisecond.
const rowsAtOnce = 256

// appendRows appends a JSON array of the samples from number from on, at most rowsAtOnce. The array is empty if there is none.
// It returns the number that comes next and the time of the last sample.
func (h *History) appendRows(text []byte, from uint64) (_ []byte, next uint64, last int64) {
	text = append(text, '[')
	h.mu.Lock()
	defer h.mu.Unlock()
	next = min(max(from, h.first), h.taken)
	for begin, end := next, min(next+rowsAtOnce, h.taken); next < end; next++ {
		if next > begin {
			text = append(text, ',')
		}
		i := int(next % uint64(len(h.times)))
		last = h.times[i]
		text = append(text, '[')
		text = strconv.AppendInt(text, last, 10)
		for _, value := range h.values[i*len(h.o.Series) : (i+1)*len(h.o.Series)] {
			text = appendValue(append(text, ','), float64(value))
		}
		text = append(text, ']')
	}
	return append(text, ']'), next, last
}

func appendValue(text []byte, value float64) []byte {
	switch size := math.Abs(value); {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return append(text, "null"...)
	case size < 1e5:
		return strconv.AppendFloat(text, value, 'g', 5, 64)
	default: // 12346e3 is shorter than 1.2346e+07
		power := int(math.Log10(size)) - 4
		text = strconv.AppendInt(text, int64(math.Round(value/math.Pow10(power))), 10)
		return strconv.AppendInt(append(text, 'e'), int64(power), 10)
	}
}

// header is what comes before the rows.
func (h *History) header() []byte {
	names := make([]string, len(h.o.Series))
	for i, s := range h.o.Series {
		names[i] = s.Name
	}
	text, _ := json.Marshal(names) // strings always can be
	text = append([]byte(`{"series":`), text...)
	text = append(text, `,"every_ms":`...)
	text = strconv.AppendInt(text, h.o.Every.Milliseconds(), 10)
	text = append(text, `,"keep_ms":`...)
	return strconv.AppendInt(text, h.o.Keep.Milliseconds(), 10)
}

// ServeHTTP answers with all samples as JSON: {"series":[names],"every_ms":…,"keep_ms":…,"rows":[…]}. ?since= leaves out what
// is not later; it is in milliseconds since 1970. The answer is sent piece by piece, so that an hour of it is never in memory.
func (h *History) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	since, err := readSince(r)
	if err != nil {
		http.Error(w, "since must be in milliseconds since 1970", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	rc := http.NewResponseController(w)
	text := append(h.header(), `,"rows":[`...)
	var rows []byte
	for next, first := h.after(since), true; ; first = false {
		rows, next, _ = h.appendRows(rows[:0], next)
		if len(rows) == len("[]") {
			break
		}
		if !first {
			text = append(text, ',')
		}
		text = append(text, rows[1:len(rows)-1]...) // without its brackets
		_ = rc.SetWriteDeadline(time.Now().Add(writeWithin))
		if _, err := w.Write(text); err != nil {
			return // the client has left
		}
		text = text[:0]
	}
	_, _ = w.Write(append(text, "]}\n"...))
}

// readSince is the time from which on a client wants to hear: what an event stream that broke off heard last, or ?since=.
func readSince(r *http.Request) (int64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("since")
	}
	if text == "" {
		return math.MinInt64, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

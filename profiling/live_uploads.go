package profiling

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// UploadInFlight is an upload whose bytes are arriving.
type UploadInFlight struct {
	ID     string
	Owner  string    // empty: nobody's
	Client string    // address or name of who sends it
	Offset int64     // bytes that have arrived
	Size   int64     // of the whole; -1: not known yet
	Rate   float64   // bytes a second of late; NaN: unknown
	Since  time.Time // when the request began that brings them
}

// Level says how grave a [Warning] is.
type Level string

const (
	LevelNotice  Level = "notice"  // worth knowing
	LevelWarning Level = "warning" // somebody should look at it today
	LevelAlarm   Level = "alarm"   // somebody should look at it now
)

// Warning is something that somebody should see to, in a sentence.
type Warning struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
}

// shownUploads is how many uploads a page is told of, the oldest ones: those that hang are among them, and the list stays calm.
const shownUploads = 100

// uploadRow is an upload on the wire.
type uploadRow struct {
	ID     string   `json:"id"`
	Owner  string   `json:"owner"`
	Client string   `json:"client"`
	Offset int64    `json:"offset"`
	Size   int64    `json:"size"`
	Rate   *float64 `json:"rate"`  // null: unknown
	Since  int64    `json:"since"` // milliseconds since 1970
}

func uploadsEvent(uploads []UploadInFlight) []byte {
	list := struct {
		Total   int         `json:"total"`
		Uploads []uploadRow `json:"uploads"`
	}{len(uploads), make([]uploadRow, 0, min(len(uploads), shownUploads))}
	for _, u := range oldest(uploads, shownUploads) {
		row := uploadRow{u.ID, u.Owner, u.Client, u.Offset, u.Size, nil, u.Since.UnixMilli()}
		if rate := math.Round(u.Rate); !math.IsNaN(rate) && !math.IsInf(rate, 0) {
			row.Rate = &rate
		}
		list.Uploads = append(list.Uploads, row)
	}
	text, _ := json.Marshal(list) // all that cannot be JSON was left out
	return event("uploads", "", text)
}

func warningsEvent(warnings []Warning) []byte {
	if warnings == nil {
		warnings = []Warning{}
	}
	text, _ := json.Marshal(warnings) // strings always can be
	return event("warnings", "", text)
}

// oldest returns the n oldest uploads in order. It looks at each of many once and sorts few.
func oldest(uploads []UploadInFlight, n int) []UploadInFlight {
	byAge := func(a, b UploadInFlight) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	}
	var found []UploadInFlight
	for _, u := range uploads {
		if len(found) == n && byAge(u, found[n-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(found, u, byAge)
		if len(found) == n {
			found = found[:n-1]
		}
		found = slices.Insert(found, at, u)
	}
	return found
}

package hooks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Type is the CloudEvents type of the events.
const Type = "dev.plateau.upload.finished.v1"

// The keys of a record's Storage map that events are made of. The store writes
// them; see package store.
const (
	keyCreated = "Created"
	keyOwner   = "Owner"
	keyTrace   = "Trace"
	keyDigest  = "Digest"
)

// Event is the CloudEvents 1.0 event of a finished upload. It is the same each
// time that it is made from the same entry.
type Event struct {
	ID      string    // "<upload id>:finished"
	Source  string    // a URI reference that names this Plateau
	Subject string    // the upload's id, and the key
	Time    time.Time // when the upload was finished
	// Trace is the W3C traceparent of the request that created the upload; empty: none.
	Trace string
	Data  []byte // JSON, see schema/upload.finished.v1.json
}

// data is the event's JSON. What is unknown is left out.
type data struct {
	ID         string            `json:"id"`
	Size       int64             `json:"size"`
	Metadata   map[string]string `json:"metadata"`
	Storage    location          `json:"storage"`
	Owner      string            `json:"owner,omitempty"`
	CreatedAt  string            `json:"createdAt,omitempty"`
	FinishedAt string            `json:"finishedAt"`
	Digest     string            `json:"digest,omitempty"`
}

// record is what an event needs of tusd's handler.FileInfo.
type record struct {
	ID       string
	Size     int64
	MetaData map[string]string
	Storage  map[string]string
}

type location struct {
	Type   string `json:"type"`
	Path   string `json:"path,omitempty"` // relative to the data folder
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key,omitempty"`
}

// NewEvent makes the event of an entry. An error means that the record can't be
// understood, so that there never will be an event: it wraps ErrPoison.
func NewEvent(source string, e Entry) (Event, error) {
	var info record
	if err := json.Unmarshal(e.Record, &info); err != nil {
		return Event{}, fmt.Errorf("%w: read the record: %w", ErrPoison, err)
	}
	if info.ID != e.ID {
		return Event{}, fmt.Errorf("%w: the record is of another upload (%q)", ErrPoison, info.ID)
	}
	if info.Size < 0 {
		return Event{}, fmt.Errorf("%w: the record says %d bytes", ErrPoison, info.Size)
	}
	if info.Storage["Bucket"] != "" && info.Storage["Key"] == "" {
		return Event{}, fmt.Errorf("%w: the record names a bucket and no key", ErrPoison)
	}
	at := e.FinishedAt.UTC()
	metadata := info.MetaData
	if metadata == nil {
		metadata = map[string]string{}
	}
	text, err := json.Marshal(data{
		ID:         info.ID,
		Size:       info.Size,
		Metadata:   metadata,
		Storage:    locate(info),
		Owner:      info.Storage[keyOwner],
		CreatedAt:  ifTime(info.Storage[keyCreated]),
		FinishedAt: at.Format(time.RFC3339Nano),
		Digest:     ifDigest(info.Storage[keyDigest]),
	})
	if err != nil {
		return Event{}, fmt.Errorf("%w: encode the event: %w", ErrPoison, err)
	}
	return Event{
		ID: info.ID + ":finished", Source: source, Subject: info.ID, Time: at,
		Trace: ifTraceparent(info.Storage[keyTrace]), Data: text,
	}, nil
}

// locate says where the bytes are. Paths in a record are not followed.
func locate(info record) location {
	if info.Storage["Bucket"] != "" {
		return location{Type: "s3", Bucket: info.Storage["Bucket"], Key: info.Storage["Key"]}
	}
	return location{Type: "disk", Path: "uploads/" + info.ID}
}

// timeForm is what time.Parse is too kind about: hours of one digit, commas, and
// offsets of more than a day.
var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ifTime returns what is a time of RFC 3339, and nothing else: a record may come
// from another program, and an event keeps to its schema.
func ifTime(s string) string {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil || at.Format(time.RFC3339Nano) != s && !timeForm.MatchString(s) {
		return ""
	}
	return s
}

// ifDigest returns what is a digest as the store writes it, and nothing else.
func ifDigest(s string) string {
	digits, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return ""
	}
	return s
}

// ifTraceparent returns what is a traceparent of version 00 (W3C Trace Context, 3.2),
// and nothing else.
func ifTraceparent(s string) string {
	if len(s) != len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return ""
	}
	trace, parent, flags := s[3:35], s[36:52], s[53:]
	if strings.Trim(trace+parent+flags, "0123456789abcdef") != "" || strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == "" {
		return ""
	}
	return s
}

// ContentType is the media type of Data.
const ContentType = "application/json"

// Attribute is one context attribute of a CloudEvent.
type Attribute struct{ Name, Value string }

// Attributes are the event's context attributes, as both binary modes send them:
// Kafka with "ce_" before each name, HTTP with "ce-". The content type is none
// of them. traceparent is that of the distributed tracing extension of CloudEvents.
func (e Event) Attributes() []Attribute {
	all := []Attribute{
		{"specversion", "1.0"},
		{"id", e.ID},
		{"source", e.Source},
		{"type", Type},
		{"subject", e.Subject},
		{"time", e.Time.Format(time.RFC3339Nano)},
	}
	if e.Trace != "" {
		all = append(all, Attribute{"traceparent", e.Trace})
	}
	return all
}

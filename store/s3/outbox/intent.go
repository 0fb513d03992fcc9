package outbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"plateau/store/s3/bucket"
)

const (
	format = 1
	// maxRecord is the largest record: that of a final of 100,000 parts.
	maxRecord = 16 << 20
	// maxEntry is what an entry may have besides it.
	maxEntry = maxRecord + 64<<10
)

var (
	errTooLarge = errors.New("the record is larger than 16 MiB")
	errNewer    = errors.New("the entry was written by a newer version")
)

// intent is the content of an entry that waits.
type intent struct {
	Format     int             `json:"format"`
	ID         string          `json:"id"`
	FinishedAt time.Time       `json:"finishedAt"`
	Confirmed  bool            `json:"confirmed"`
	Record     json.RawMessage `json:"record"`
}

// parseIntent reads the entry of that name. An error that isn't errNewer means
// that nobody ever can.
func parseIntent(name string, text []byte) (intent, error) {
	var i intent
	if err := parse(text, &i, &i.Format); err != nil {
		return intent{}, err
	}
	of, err := nameOf(i.ID)
	if err != nil {
		return intent{}, err
	}
	if of != name {
		return intent{}, fmt.Errorf("it is the entry of another upload, %q", i.ID)
	}
	if len(i.Record) == 0 || i.FinishedAt.IsZero() {
		return intent{}, errors.New("it has no record, or no finish time")
	}
	return i, nil
}

// grave is the content of a dead entry.
type grave struct {
	Format   int             `json:"format"`
	Reason   string          `json:"reason"`
	BuriedAt time.Time       `json:"buriedAt"`
	Intent   json.RawMessage `json:"intent,omitempty"`
	Raw      []byte          `json:"raw,omitempty"` // instead, what was no JSON
}

// newGrave keeps all bytes of an entry.
func newGrave(text []byte, reason string, at time.Time) grave {
	g := grave{Format: format, Reason: reason, BuriedAt: at.UTC()}
	if json.Valid(text) {
		g.Intent = text
	} else {
		g.Raw = text
	}
	return g
}

// text is what the entry was before.
func (g grave) text() []byte {
	if g.Intent != nil {
		return g.Intent
	}
	return g.Raw
}

func parseGrave(text []byte) (grave, error) {
	var g grave
	err := parse(text, &g, &g.Format)
	return g, err
}

func parse(text []byte, into any, written *int) error {
	err := json.Unmarshal(text, into)
	switch {
	case *written > format:
		return errNewer
	case err != nil:
		return fmt.Errorf("the entry can't be read: %w", err)
	case *written != format:
		return fmt.Errorf("the entry has the format %d", *written)
	}
	return nil
}

// content is a value as JSON, to be put into the bucket.
func content(v any) (bucket.Content, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return bucket.Content{}, err
	}
	return contentOf(text), nil
}

func contentOf(text []byte) bucket.Content {
	return bucket.Content{
		Body:        bytes.NewReader(text),
		Size:        int64(len(text)),
		CRC32C:      crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)),
		ContentType: "application/json",
	}
}

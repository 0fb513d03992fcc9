package hooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"plateau/hooks"
)

// finishedAt is when the uploads of these tests were finished.
var finishedAt = time.Date(2026, 11, 29, 5, 41, 7, 123456789, time.UTC)

// entryOf is the entry of a record, claimed.
func entryOf(id string, record []byte) hooks.Entry {
	return hooks.Entry{Name: finishedAt.Format("20060102T150405.000000000Z-") + id, ID: id, FinishedAt: finishedAt, Record: record}
}

func compileSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("schema/upload.finished.v1.json")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func validate(schema *jsonschema.Schema, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// Each record in testdata has its event beside it, byte for byte.
func TestGoldenEvents(t *testing.T) {
	schema := compileSchema(t)
	records, err := filepath.Glob("testdata/*.info")
	if err != nil || len(records) < 5 {
		t.Fatalf("records: %v, %v", records, err)
	}
	for _, name := range records {
		t.Run(filepath.Base(name), func(t *testing.T) {
			record, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var info struct{ ID string }
			if err := json.Unmarshal(record, &info); err != nil {
				t.Fatal(err)
			}
			golden, err := os.ReadFile(strings.TrimSuffix(name, ".info") + ".event.json")
			if err != nil {
				t.Fatal(err)
			}
			e, err := hooks.NewEvent("/plateau/test", entryOf(info.ID, record))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(e.Data), strings.TrimSuffix(string(golden), "\n"); got != want {
				t.Errorf("the event is\n%s\nwant\n%s", got, want)
			}
			if err := validate(schema, e.Data); err != nil {
				t.Errorf("by its schema: %v", err)
			}
			want := []hooks.Attribute{
				{Name: "specversion", Value: "1.0"},
				{Name: "id", Value: info.ID + ":finished"},
				{Name: "source", Value: "/plateau/test"},
				{Name: "type", Value: "dev.plateau.upload.finished.v1"},
				{Name: "subject", Value: info.ID},
				{Name: "time", Value: "2026-11-29T05:41:07.123456789Z"},
			}
			if filepath.Base(name) == "full.info" { // as its record says
				want = append(want, hooks.Attribute{Name: "traceparent", Value: traceparent})
			}
			if got := e.Attributes(); !slices.Equal(got, want) {
				t.Errorf("the attributes are %q", got)
			}
		})
	}
}

// traceparent is one as W3C's Trace Context has it.
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// What isn't a traceparent is left out: consumers may parse it less carefully.
func TestTraceparent(t *testing.T) {
	for _, test := range []struct {
		trace string
		valid bool
	}{
		{traceparent, true},
		{traceparent[:53] + "00", true},
		{traceparent[:53] + "ff", true},
		{"", false},
		{traceparent[:54], false},
		{traceparent + "0", false},
		{traceparent + "-x", false},
		{"01" + traceparent[2:], false},
		{"ff" + traceparent[2:], false},
		{traceparent[:53] + "0g", false},
		{strings.ToUpper(traceparent), false},
		{strings.ReplaceAll(traceparent, "-", "_"), false},
		{traceparent[:3] + strings.Repeat("0", 32) + traceparent[35:], false},
		{traceparent[:36] + strings.Repeat("0", 16) + traceparent[52:], false},
		{traceparent[:20] + "\n" + traceparent[21:], false},
		{traceparent[:20] + "-" + traceparent[21:], false},
	} {
		record, err := json.Marshal(map[string]any{"ID": "a", "Storage": map[string]string{"Trace": test.trace}})
		if err != nil {
			t.Fatal(err)
		}
		e, err := hooks.NewEvent("/x", entryOf("a", record))
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: test.trace}[test.valid]; e.Trace != want {
			t.Errorf("%q became %q", test.trace, e.Trace)
		}
		if n := len(e.Attributes()); n != map[bool]int{true: 7, false: 6}[test.valid] {
			t.Errorf("%q: %d attributes", test.trace, n)
		}
		if strings.Contains(string(e.Data), "race") {
			t.Errorf("the data have it: %s", e.Data)
		}
	}
}

// A schema that takes everything would prove nothing.
func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	const good = `{"id":"a","size":1,"metadata":{},"storage":{"type":"disk","path":"uploads/a"},"finishedAt":"2026-11-29T05:41:07Z"}`
	if err := validate(schema, []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"id":"a",`, ``},
		{`"id":"a"`, `"id":""`},
		{`"size":1`, `"size":-1`},
		{`"size":1`, `"size":"1"`},
		{`"metadata":{}`, `"metadata":null`},
		{`"metadata":{}`, `"metadata":{"a":1}`},
		{`"type":"disk"`, `"type":"s3"`},
		{`"type":"disk"`, `"type":"tape"`},
		{`05:41:07Z`, `05:41`},
		{`"size":1`, `"size":1,"digest":"sha256:00"`},
		{`"size":1`, `"size":1,"owner":""`},
		{`"size":1`, `"size":1,"createdAt":"yesterday"`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good || validate(schema, []byte(text)) == nil {
			t.Errorf("the schema takes %s", text)
		}
	}
}

func TestNewEventPoison(t *testing.T) {
	for name, record := range map[string]string{
		"empty":          ``,
		"cut off":        `{"ID":"a","Size":1`,
		"not JSON":       "\x00\x00\x00\x00",
		"another upload": `{"ID":"b","Size":1}`,
		"no id":          `{"Size":1}`,
		"negative size":  `{"ID":"a","Size":-1}`,
		"no key":         `{"ID":"a","Size":1,"Storage":{"Bucket":"b"}}`,
		"wrong type":     `{"ID":"a","Size":"1"}`,
	} {
		if _, err := hooks.NewEvent("/x", entryOf("a", []byte(record))); !errors.Is(err, hooks.ErrPoison) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is in a record, there is no panic, and an event keeps to its schema.
func FuzzNewEvent(f *testing.F) {
	schema := compileSchema(f)
	records, err := filepath.Glob("testdata/*.info")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range records {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"ID":"\ud800","Storage":{"Created":"2026-11-29T5:41:07Z","Digest":"sha256:x","Owner":"\u0000"}}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		var info struct{ ID string }
		if json.Unmarshal(record, &info) != nil || info.ID == "" {
			return
		}
		e, err := hooks.NewEvent("/x", entryOf(info.ID, record))
		if err != nil {
			if !errors.Is(err, hooks.ErrPoison) {
				t.Errorf("the error is not poison: %v", err)
			}
			return
		}
		if err := validate(schema, e.Data); err != nil {
			t.Errorf("%s: %v", e.Data, err)
		}
		again, err := hooks.NewEvent("/x", entryOf(info.ID, record))
		if err != nil || !bytes.Equal(e.Data, again.Data) {
			t.Errorf("made again, the event is another: %s, %v", again.Data, err)
		}
	})
}

func BenchmarkNewEvent(b *testing.B) {
	record, err := os.ReadFile("testdata/full.info")
	if err != nil {
		b.Fatal(err)
	}
	entry := entryOf("24e533e02ec3bc40c387f1a0e460e216", record)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hooks.NewEvent("/plateau/bench", entry); err != nil {
			b.Fatal(err)
		}
	}
}

package outbox

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// Whatever lies in the bucket under the name of an entry: it is never a panic, what is
// accepted is of that name's upload, and a grave gives every byte back.
func FuzzEntry(f *testing.F) {
	const id = "0193a5c1b2d30123456789abcdef0123"
	for _, text := range []string{
		"", "{", "null", `{"format":1}`, `{"format":2}`, `{"format":-1}`, `{"format":"1"}`, "\xff\xfe",
		`{"format":1,"id":"` + id + `","finishedAt":"2026-01-01T00:00:00Z","confirmed":true,"record":{"ID":"` + id + `"}}`,
		`{"format":1,"id":"` + id + `+a/b","finishedAt":"2026-01-01T00:00:00Z","record":null}`, `{"format":1,"id":"../x","record":[]}`,
		`{"format":1,"reason":"r","buriedAt":"2026-01-01T00:00:00Z","raw":"AA=="}`,
	} {
		f.Add(id, []byte(text))
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if i, err := parseIntent(name, text); err == nil {
			of, err := nameOf(i.ID)
			if err != nil || of != name || !isName(name) || len(i.Record) == 0 || i.Format != format {
				t.Errorf("%q is taken as the entry of %q: %+v, %v", name, i.ID, i, err)
			}
		}
		if own, err := nameOf(name); err == nil && !isName(own) {
			t.Errorf("%q names the entry %q, which is no name", name, own)
		}
		g := newGrave(text, "reason", time.Unix(1, 0))
		dug, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseGrave(dug)
		if err != nil {
			t.Fatal(err)
		}
		same := bytes.Equal(back.text(), text)
		if json.Valid(text) { // white space doesn't matter
			var was, is bytes.Buffer
			same = json.Compact(&was, text) == nil && json.Compact(&is, back.text()) == nil && bytes.Equal(unescaped(was.Bytes()), unescaped(is.Bytes()))
		}
		if !same {
			t.Errorf("%q comes out of its grave as %q", text, back.text())
		}
	})
}

// unescaped is JSON without what an encoder may write in two ways.
func unescaped(text []byte) []byte {
	for _, pair := range [][2]string{{`\u003c`, "<"}, {`\u003e`, ">"}, {`\u0026`, "&"}, {`\u2028`, "\u2028"}, {`\u2029`, "\u2029"}} {
		text = bytes.ReplaceAll(text, []byte(pair[0]), []byte(pair[1]))
	}
	return text
}

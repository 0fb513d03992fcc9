package disk

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// FuzzID: only names of one plain segment are ids, and whatever is asked for,
// nothing outside the folder is read or made.
func FuzzID(f *testing.F) {
	for _, id := range []string{
		"", ".", "..", "../outside", "a", "outside", "0123456789abcdef0123456789abcdef", "b-0f", "a/b", "a\\b", "/etc/passwd", "a\x00",
		"a.info", "a.info.tmp", "ü", "a\n", "-", "lock", "probe", "probe.tmp", strings.Repeat("a", 128), strings.Repeat("a", 129),
	} {
		f.Add(id)
	}
	valid := regexp.MustCompile(`\A[A-Za-z0-9_-]{1,128}\z`)
	s := openFolder(f, f.TempDir())
	s.must(os.WriteFile(s.dir+"/outside", nil, 0o644))
	s.must(os.WriteFile(s.dir+"/outside.info", []byte(`{"ID":"../outside"}`), 0o644))
	before := files(f, s.dir)
	f.Fuzz(func(t *testing.T, id string) {
		if got := s.ValidID(id); got != valid.MatchString(id) {
			t.Fatalf("ValidID(%q) is %t", id, got)
		}
		_, err := s.GetUpload(as(t, http.MethodHead), id)
		wantStatus(t, err, http.StatusNotFound)
		_, err = s.Content(as(t, http.MethodGet), id)
		wantStatus(t, err, http.StatusNotFound)
		if id == "" {
			return // the store chooses one
		}
		u, err := s.NewUpload(as(t, http.MethodPost), handler.FileInfo{ID: id, Size: 1})
		if (err == nil) != valid.MatchString(id) {
			t.Fatalf("NewUpload(%q): %v", id, err)
		}
		if err == nil {
			if n := files(t, s.dir); n != before+2 {
				t.Errorf("%d files with the upload, want %d", n, before+2)
			}
			if _, err := s.GetUpload(as(t, http.MethodHead), id); err != nil {
				t.Errorf("HEAD of %q: %v", id, err)
			}
			if err := s.AsTerminatableUpload(u).Terminate(as(t, http.MethodDelete)); err != nil {
				t.Errorf("DELETE of %q: %v", id, err)
			}
		}
		if n := files(t, s.dir); n != before {
			t.Errorf("%d files are left, want %d", n, before)
		}
	})
}

// files counts all that lies in and below dir.
func files(t testing.TB, dir string) int {
	t.Helper()
	n := 0
	if err := filepath.WalkDir(dir, func(_ string, _ os.DirEntry, err error) error {
		n++
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// FuzzRecord: what a record may be, it is never a panic, and what is accepted
// is kept whole when it is written again.
func FuzzRecord(f *testing.F) {
	const id = "0123456789abcdef0123456789abcdef"
	for _, text := range []string{
		"", "{", "null", "[]", `{"ID":"` + id + `"}`, `{"id":"` + id + `","size":1e3}`,
		`{"ID":"` + id + `","Size":5,"SizeIsDeferred":false,"Offset":3,"MetaData":{"filename":"a"},"IsPartial":false,"IsFinal":true,"PartialUploads":["x","y"],"Storage":{"Plateau":"1","Created":"2026-01-01T00:00:00Z"}}`,
		`{"ID":"` + id + `","Size":5,"MetaData":null,"Storage":{"Type":"filestore","Path":"data/` + id + `","InfoPath":"data/` + id + `.info"}}`,
		`{"ID":"` + id + `","Size":-1}`, `{"ID":"` + id + `","Storage":{"Path":"/etc/passwd"}}`, `{"ID":"x"}`,
		`{"ID":"` + id + `","Size":9223372036854775807}`, `{"ID":"` + id + `","Size":9223372036854775808}`, "{\"ID\":\"" + id + "\",\"MetaData\":{\"\xff\":\"\\ud800\"}}",
	} {
		f.Add(id, []byte(text))
	}
	f.Fuzz(func(t *testing.T, id string, text []byte) {
		var info, second handler.FileInfo
		if err := parseRecord(id, text, &info); err != nil {
			wantStatus(t, answerTo(err), http.StatusGone)
			return
		}
		if info.ID != id || info.Size < 0 {
			t.Fatalf("accepted: %+v", info)
		}
		again, err := encodeRecord(info)
		if err != nil {
			t.Fatalf("encode %+v: %v", info, err)
		}
		err = parseRecord(id, again, &second)
		info.Offset = 0 // the data file's size is the offset
		if err != nil || !reflect.DeepEqual(info, second) {
			t.Errorf("%s\nwas written as\n%s\nand read as %+v, error %v", text, again, second, err)
		}
		if marked := store.Mark(info, "Key", "value"); marked.Storage["Key"] != "value" || info.Storage["Key"] == "value" && second.Storage["Key"] != "value" {
			t.Errorf("mark makes %v of %v", marked.Storage, info.Storage)
		}
	})
}

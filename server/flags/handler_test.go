package flags_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"plateau/server/flags"
)

// page is what /debug/flags shows.
type page struct {
	text    string
	flags   map[string]map[string]any
	sources map[string]map[string]any
}

func show(t *testing.T, f *flags.Flags) page {
	t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/flags", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	p := page{text: w.Body.String(), flags: map[string]map[string]any{}, sources: map[string]map[string]any{}}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all["sources"], &p.sources); err != nil {
		t.Fatal(err)
	}
	delete(all, "sources")
	for name, text := range all {
		var one map[string]any
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		p.flags[name] = one
	}
	return p
}

func TestPageShowsEachFlag(t *testing.T) {
	g := serve(t)
	g.tell(features(`max-uploads=7 writeblock=1`))
	f := start(t, flags.Options{Host: g.URL, File: newFile(t, features(`write-block=1 log-level="debug" pool=2`))})
	f.ended("growthbook")
	p := show(t, f.Flags)
	if len(p.flags) != 7 {
		t.Errorf("%d flags, want 7", len(p.flags))
	}
	for name, want := range map[string]string{
		"write-block": `{"bounds":{"max":16777216,"min":4096},"default":1048576,"source":"file","unit":"bytes","value":4096}`,
		"max-uploads": `{"bounds":{"max":2147483647,"min":0},"default":0,"source":"growthbook","value":7}`,
		"multipart":   `{"bounds":[false,true],"default":true,"source":"default","value":true}`,
		"log-level":   `{"bounds":["debug","info","warn","error"],"default":"info","source":"file","value":"debug"}`,
		"min-rate":    `{"bounds":{"max":1099511627776,"min":0},"default":0,"source":"default","unit":"bytes/s","value":0}`,
	} {
		got, err := json.Marshal(p.flags[name])
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	file, server := p.sources["file"], p.sources["growthbook"]
	if file["failing"] != false || file["unknown"].([]any)[0] != "pool" ||
		!strings.Contains(file["problems"].([]any)[0].(string), "write-block was 1, below") {
		t.Errorf("the file's status is %v", file)
	}
	if server["where"] != g.URL || server["unknown"].([]any)[0] != "writeblock" ||
		server["lastSuccess"] == nil || server["lastError"] != nil {
		t.Errorf("the server's status is %v", server)
	}

	g.answer(502, "")
	f.look("growthbook")
	p = show(t, f.Flags)
	if s := p.sources["growthbook"]; s["failing"] != true || s["lastError"] != "answered 502 Bad Gateway" || s["lastErrorAt"] == nil {
		t.Errorf("after a 502 the server's status is %v", s)
	}
	if p.flags["max-uploads"]["source"] != "growthbook" || strings.Contains(p.text, clientKey) {
		t.Errorf("after a 502 the page is %s", p.text)
	}
}

// A name and password in the address are no one's business.
func TestPageAndLogHideSecrets(t *testing.T) {
	g := serve(t)
	g.Close()
	f := start(t, flags.Options{Host: strings.Replace(g.URL, "http://", "http://name:hidden@", 1) + "/hidden"})
	if err := f.ended("growthbook"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v", err)
	}
	for _, secret := range []string{"hidden", clientKey} {
		if strings.Contains(show(t, f.Flags).text+f.log.String(), secret) {
			t.Errorf("%s is shown:\n%s\n%s", secret, show(t, f.Flags).text, f.log)
		}
	}
}

func TestPageIsForReading(t *testing.T) {
	f := start(t, flags.Options{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(method, "/debug/flags", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}

func TestPageListsAHundredUnknownNames(t *testing.T) {
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("x%d=1", i)
	}
	f := start(t, flags.Options{File: newFile(t, features(strings.Join(many, " ")))})
	unknown := show(t, f.Flags).sources["file"]["unknown"].([]any)
	if len(unknown) != 101 || unknown[100] != "and 900 more" {
		t.Errorf("%d names, the last is %v", len(unknown), unknown[len(unknown)-1])
	}
}

package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"plateau/config"
)

// flagFile writes a file of flags.
func flagFile(t *testing.T, path string, values map[string]any) {
	t.Helper()
	features := map[string]any{}
	for name, value := range values {
		features[name] = map[string]any{"defaultValue": value}
	}
	text, err := json.Marshal(map[string]any{"features": features})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// Each flag has its effect on what begins after it has changed, and none when it
// is taken back.
func TestFlagsHaveEffect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.json")
	flagFile(t, path, nil)
	p := run(t, func(c *config.Config) { c.FlagsFile = path })
	form := formOf(t, part{field: "file", file: "a", text: "hello"})
	set := func(values map[string]any, metric string) {
		t.Helper()
		flagFile(t, path, values)
		p.Reload()
		p.metric(metric)
	}
	p.stored(form)

	set(map[string]any{"multipart": false}, `plateau_flag_value{name="multipart"} 0`)
	if a := p.post(form); a.status != 404 {
		t.Errorf("forms are off, and one hears %v", a)
	}
	set(nil, `plateau_flag_value{name="multipart"} 1`)
	p.stored(form)

	set(map[string]any{"max-uploads": 1}, `plateau_flag_value{name="max-uploads"} 1`)
	w := p.dial()
	w.begin("POST", "/upload", formType, "Content-Length: 100")
	until(t, "a form runs", func() bool { return p.Bodies() == 1 })
	if a := p.post(form); a.status != 503 || a.code() != "ERR_OVERLOADED" || a.get("Retry-After") == "" {
		t.Errorf("a second body hears %v", a)
	}
	_ = w.Close()
	set(nil, `plateau_flag_value{name="max-uploads"} 0`)

	set(map[string]any{"profiling": false}, `plateau_flag_value{name="profiling"} 0`)
	for _, page := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/fgprof", "/debug/flame/heap", "/debug/grew", "/debug/flight"} {
		if a := p.admin(page); a.status != 404 || !strings.Contains(a.body, "--profiling") {
			t.Errorf("profiling is off, and %s answers %v", page, a)
		}
	}
	set(nil, `plateau_flag_value{name="profiling"} 1`)
	if a := p.admin("/debug/pprof/heap"); a.status != 200 {
		t.Errorf("profiling is on, and the answer is %v", a.status)
	}

	set(map[string]any{"log-level": "error"}, `plateau_flag_value{name="log-level"} 8`)
	p.do("GET", "/unheard", "", "X-Request-ID: unheard")
	set(nil, `plateau_flag_value{name="log-level"} 0`)
	p.do("GET", "/heard", "", "X-Request-ID: heard")
	until(t, "a line of the log", func() bool { return strings.Contains(p.log.String(), `"request_id":"heard"`) })
	if strings.Contains(p.log.String(), `"request_id":"unheard"`) {
		t.Error("the log has a line that its level forbids")
	}

	set(map[string]any{"write-block": "64KiB", "buffer-pool": 65536, "min-rate": 1}, `plateau_flag_value{name="buffer-pool"} 65536`)
	large := strings.Repeat("large", 100_000)
	if files := p.stored(formOf(t, part{field: "file", file: "a", text: large})); p.data(files[0].ID) != large {
		t.Error("a file that was written in small blocks has other bytes")
	}

	// The pool follows the block, unless it is given; it holds a block in any case.
	automatic := func(block int) int { return 2 * runtime.GOMAXPROCS(0) * block }
	set(map[string]any{"write-block": "4MiB"}, fmt.Sprintf(`plateau_flag_value{name="buffer-pool"} %g`, float64(automatic(4<<20))))
	set(map[string]any{"write-block": "4MiB", "buffer-pool": "5MiB"}, fmt.Sprintf(`plateau_flag_value{name="buffer-pool"} %g`, float64(5<<20)))
	set(map[string]any{"write-block": "4MiB", "buffer-pool": "1MiB"}, fmt.Sprintf(`plateau_flag_value{name="buffer-pool"} %g`, float64(4<<20)))

	// What is out of bounds, or of another kind, is held to what is allowed.
	set(map[string]any{"write-block": 1, "max-uploads": "many"}, `plateau_flag_value{name="write-block"} 65536`)
	var shown map[string]struct{ Value any }
	a := p.admin("/debug/flags")
	_ = json.Unmarshal([]byte(a.body), &shown) // the sources are of another form
	if shown["write-block"].Value != 65536.0 || shown["max-uploads"].Value != 0.0 {
		t.Errorf("/debug/flags: %s", a.body)
	}
	for _, want := range []string{"true → false", "false → true", "info → error"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log doesn't say %q", want)
		}
	}
}

// Flags that can't be read at the start are a mistake, like any other setting.
func TestFlagsThatMakeNoSense(t *testing.T) {
	cfg := settings(t)
	cfg.FlagsFile = filepath.Join(t.TempDir(), "none")
	if err := startError(cfg); err == nil || !strings.Contains(err.Error(), cfg.FlagsFile) {
		t.Errorf("%v", err)
	}
	cfg.FlagsFile = ""
	prepare(t, cfg) // nothing holds the folder
}

// A flag server is believed before the file, and delays nothing when it is away: its
// last good answer holds, over a restart too.
func TestFlagsOfAServer(t *testing.T) {
	var answer atomic.Value
	answer.Store(`{"features":{"max-uploads":{"defaultValue":7}}}`)
	growthbook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := answer.Load().(string)
		if r.URL.Path != "/api/features/sdk-test" || text == "" {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
	defer growthbook.Close()
	path := filepath.Join(t.TempDir(), "flags.json")
	flagFile(t, path, map[string]any{"max-uploads": 5, "min-rate": 3})
	use := func(c *config.Config) {
		c.FlagsFile, c.GrowthBookHost, c.GrowthBookClientKey = path, growthbook.URL, "sdk-test"
	}
	p := run(t, use)
	p.metric(`plateau_flag_value{name="max-uploads"} 7`)
	p.metric(`plateau_flag_value{name="min-rate"} 3`)
	p.metric(`plateau_flag_source_up{source="growthbook"} 1`)
	answer.Store("")
	p.Reload()
	p.metric(`plateau_flag_source_up{source="growthbook"} 0`)
	p.metric(`plateau_flag_value{name="max-uploads"} 7`)
	p.stop()

	again := p.againWith(use)
	if a := again.admin("/metrics"); !strings.Contains(a.body, "\nplateau_flag_value{name=\"max-uploads\"} 7\n") {
		t.Error("after a restart the last good answer doesn't hold")
	}
	again.upload("x", "Upload-Length: 1")
	answer.Store(`{"features":{}}`)
	again.Reload()
	again.metric(`plateau_flag_value{name="max-uploads"} 5`) // the file's
}

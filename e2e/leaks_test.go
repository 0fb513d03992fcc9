package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// leakWithin is how long a leak may run until it is found.
const leakWithin = time.Minute

// TestLeaksAreFound runs the build that leaks on purpose, one leak at a time, each under its own load. Within a minute an
// operator who clicks on "What grew" reads the name of the function that leaks at the top, and the watchdog has said it in the log.
func TestLeaksAreFound(t *testing.T) {
	for name, leak := range map[string]struct {
		function string
		level    []string // of the watchdog
		sort     string   // what the operator clicks on in the table; empty: nothing
		kafka    bool
		load     func(ctx context.Context, t *testing.T, p *plateau)
	}{
		"forms that are kept": {
			function: "plateau/server.(*leaks).keepForm", level: []string{"--watchdog-heap", "16MiB", "--watchdog-goroutines", "0"},
			load: func(ctx context.Context, t *testing.T, p *plateau) { p.sendForms(ctx, t, 64, 1<<20) },
		},
		"writers that are not closed": {
			function: "plateau/hooks.(*Kafka).LeakWriter", level: []string{"--watchdog-heap", "0", "--watchdog-goroutines", "300"},
			sort: "objects", kafka: true,
			load: func(ctx context.Context, t *testing.T, p *plateau) { p.finishUploads(ctx, t, 600) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := bounded(t)
			flags := append(leak.level, "--watchdog-slope", "0")
			if leak.kafka {
				flags = append(flags, "--kafka-brokers", startFakeKafka(t).addr)
			}
			p := startBuilt(ctx, t, binaries.leaking, t.TempDir(), flags...)
			if !strings.Contains(p.log.String(), "this build leaks on purpose") {
				t.Error("the log does not say that this build leaks")
			}
			b := startBrowser(ctx, t, "")
			page := p.openOperator(b)

			ctx, cancel := context.WithTimeout(ctx, leakWithin)
			defer cancel()
			leak.load(ctx, t, p)
			grew := page.follow(`a[aria-label="What grew in 5 min"]`)
			if words := grew.text(`document.querySelector('main').innerText`); !strings.Contains(words, "most by "+leak.function) {
				t.Errorf("the words at the top don't name %s:\n%s", leak.function, words)
			}
			if leak.sort != "" {
				grew.click(fmt.Sprintf(`thead a:has-text(%q)`, leak.sort))
				grew.waitFor(fmt.Sprintf(`document.querySelector('th[aria-sort]').innerText.startsWith(%q)`, leak.sort))
			}
			if top := grew.text(`document.querySelector('tbody td b').innerText`); top != leak.function {
				t.Errorf("at the top is %s, want %s:\n%s", top, leak.function, grew.text(`document.body.innerText`))
			}
			grew.wantSilence()
			page.wantSilence()

			var line struct {
				Cause string
				Grew  string   `json:"grew_most"`
				Files []string `json:"files"`
			}
			await(ctx, t, "the watchdog has said what grew", func() bool {
				for text := range strings.Lines(p.log.String()) {
					if strings.Contains(text, "the watchdog finds") {
						return json.Unmarshal([]byte(text), &line) == nil
					}
				}
				return false
			})
			if !strings.Contains(line.Grew, leak.function) || len(line.Files) == 0 {
				t.Errorf("the watchdog's line does not name %s: %+v", leak.function, line)
			}
			t.Logf("%+v\n%s", line, grew.text(`document.body.innerText`))
		})
	}
}

// sendForms posts forms with a file each, some at a time.
func (p *plateau) sendForms(ctx context.Context, t *testing.T, n, size int) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "video.mp4")
	must(t, err)
	_, err = file.Write(bytes.Repeat([]byte("plateau "), size/8))
	must(t, err)
	must(t, form.Close())
	abreast(t, n, func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+"/upload", bytes.NewReader(body.Bytes()))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", form.FormDataContentType())
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusCreated {
			return fmt.Errorf("a form: %s", answer.Status)
		}
		return nil
	})
}

// finishUploads sends small uploads, some at a time.
func (p *plateau) finishUploads(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	client := newTus(ctx, p.files)
	client.kept = &http.Transport{MaxIdleConnsPerHost: 4}
	defer client.kept.CloseIdleConnections()
	abreast(t, n, func() error {
		a := client.do(http.MethodPost, p.files, headers{"Upload-Length": "5", "Content-Type": "application/offset+octet-stream"}, []byte("hello"))
		if a.status != http.StatusCreated {
			return fmt.Errorf("an upload: %v", a)
		}
		return nil
	})
}

// abreast does something n times, four at a time.
func abreast(t *testing.T, n int, do func() error) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/config"
	"plateau/server/policy"
)

// A policy server that is away is said once, and once more when it is back.
func TestPolicyAway(t *testing.T) {
	for _, fail := range []string{"closed", "open"} {
		t.Run(fail, func(t *testing.T) {
			t.Parallel() // it waits for five seconds
			s := newPolicyServer(t, allowing)
			p := run(t, s.settings, func(c *config.Config) { c.PolicyFail = fail })
			s.does(func(_ policy.Question, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
			for range 20 {
				a := p.do("POST", "/files/", "", "Upload-Length: 5", "Upload-Metadata: filename "+b64("a"))
				switch {
				case fail == "open" && a.status != 201:
					t.Error(a)
				case fail == "open":
					if p.metadata(idOf(a.get("Location")))["filename"] != "a" {
						t.Error("its metadata is lost")
					}
				case a.status != 503 || a.code() != "ERR_POLICY_AWAY" || a.get("Retry-After") == "" || a.body == "":
					t.Error(a)
				}
			}
			if n := s.count(); n < 5 || n > 15 { // 5, and a probe each five seconds
				t.Errorf("asked %d times of 20", n)
			}
			if a := p.do("GET", "/readyz", ""); a.status != 200 || !strings.Contains(a.body, "policy: ") {
				t.Error(a)
			}
			p.metric(`plateau_policy_seconds_count{answer="allowed"} 0`)
			s.says(allowing)
			until(t, "the policy is asked again", func() bool {
				return p.do("POST", "/files/", "", "Upload-Length: 5").status == 201 && !strings.Contains(p.do("GET", "/readyz", "").body, "policy")
			})
			said := map[string]int{}
			for _, line := range p.log.all(t) {
				if text := line["msg"].(string); strings.Contains(text, "the policy server") {
					said[text]++
				}
			}
			if len(said) != 2 || slices.Max(slices.Collect(maps.Values(said))) != 1 {
				t.Errorf("the log says %v", said)
			}
		})
	}
}

// While the policy hangs, uploads that exist go on, and so do downloads: nobody holds what
// they need. The one block that all share is a form's if it asks with it in its hands.
func TestPolicyHangs(t *testing.T) {
	s := newPolicyServer(t, allowing)
	p := run(t, s.settings, func(c *config.Config) { c.WriteBlock, c.BufferPool = 64<<10, 64<<10 })
	data := strings.Repeat("0123456789", 50_000)
	location := p.create(fmt.Sprint("Upload-Length: ", len(data)))
	s.asked()
	release := s.hangs(t)
	waiting := make(chan answer, 3)
	ask := func(method, path, body string, headers ...string) {
		before := s.count()
		go func() {
			a, err := p.try(method, path, strings.NewReader(body), headers...)
			if err != nil {
				t.Error(err)
			}
			waiting <- a
		}()
		until(t, "the policy is asked", func() bool { return s.count() == before+1 })
	}
	ask("POST", "/upload", formOf(t, part{field: "file", file: "a", text: data}), formType)
	ask("POST", "/files/", "", "Upload-Length: 5")
	ask("POST", "/files/", data, offsetStream, fmt.Sprint("Upload-Length: ", len(data)))
	if a := p.patch(location, 0, data); a.status != 204 {
		t.Error(a)
	}
	if a := p.do("GET", location, ""); a.body != data {
		t.Error("the download is another")
	}
	if a := p.do("DELETE", location, ""); a.status != 204 {
		t.Error(a)
	}
	release()
	for range 3 {
		if a := <-waiting; a.status != 201 {
			t.Error(a)
		}
	}
}

// A client that leaves ends its question, which is nobody's failure.
func TestPolicyAskerLeaves(t *testing.T) {
	s := newPolicyServer(t, allowing)
	p := run(t, s.settings)
	s.hangs(t)
	for range 10 {
		w := p.dial()
		before := s.count()
		w.begin("POST", "/files/", "Upload-Length: 5")
		until(t, "the policy is asked", func() bool { return s.count() == before+1 })
		_ = w.Close()
		until(t, "the request has ended", func() bool { return p.Running() == 0 })
	}
	p.metric(`plateau_policy_seconds_count{answer="canceled"} 10`)
	p.metric(`plateau_policy_seconds_count{answer="failed"} 0`)
	if names := p.names(); len(names) > 0 {
		t.Errorf("%q are left", names)
	}
}

// Stop waits for no policy.
func TestStopWithoutPolicy(t *testing.T) {
	s := newPolicyServer(t, allowing)
	p := run(t, s.settings, func(c *config.Config) { c.PolicyTimeout = time.Hour })
	s.hangs(t)
	w := p.dial()
	w.begin("POST", "/files/", "Upload-Length: 5")
	until(t, "the policy is asked", func() bool { return s.count() == 1 })
	p.stop()
	if a := w.mustHear("POST"); a.status != 503 || a.code() != "ERR_SERVER_SHUTDOWN" || a.get("Retry-After") == "" {
		t.Error(a)
	}
	if names := p.names(); len(names) > 0 {
		t.Errorf("%q are left", names)
	}
}

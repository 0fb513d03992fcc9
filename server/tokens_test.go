package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"plateau/config"
)

// creates says what a creation with a token hears.
func (p *plateau) creates(token string) int {
	p.t.Helper()
	return p.do("POST", "/files/", "", "Upload-Length: 5", bearer(token)).status
}

// The file is read again by itself and by Reload; while it can't be used, what held before holds.
func TestTokensFileChanges(t *testing.T) {
	use, file := withTokens(t, "# who may upload\n", "\n", tokenLine("alice", "first"))
	p := run(t, use)
	if got := p.creates("first"); got != 201 {
		t.Fatalf("the token heard %d", got)
	}
	tokensFile(t, file, tokenLine("alice", "second"))
	until(t, "the new token is taken by itself", func() bool { return p.creates("second") == 201 })
	if got := p.creates("first"); got != 401 {
		t.Errorf("the old token heard %d", got)
	}

	tokensFile(t, file, tokenLine("alice", "third"), "bob:not a hash\n")
	p.Reload()
	until(t, "the mistake is in the log", func() bool { return strings.Contains(p.log.String(), "line 2: ") })
	p.Reload() // the same again is no news
	if a, b := p.creates("second"), p.creates("third"); a != 201 || b != 401 {
		t.Errorf("while the file has a mistake the tokens heard %d and %d", a, b)
	}
	if a := p.do("GET", "/readyz", ""); a.status != 200 || !strings.Contains(a.body, "the tokens' file can't be used") {
		t.Errorf("/readyz says %v", a)
	}
	tokensFile(t, file, tokenLine("alice", "fourth"))
	p.Reload()
	until(t, "the file is taken again", func() bool { return p.creates("fourth") == 201 })
	until(t, "that is said", func() bool { return p.do("GET", "/readyz", "").body == "ready\n" })
	if n := strings.Count(p.log.String(), "the tokens' file can't be used"); n != 1 {
		t.Errorf("the mistake was logged %d times", n)
	}
	for _, secret := range []string{"not a hash", "fourth\"", idOf(file) + ".new"} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// Keys that can't be had at the start are tried again; tokens hear 503 meanwhile, HEAD 423.
func TestKeysAwayAtStart(t *testing.T) {
	id := issue(t)
	id.change(func(s *issuer) { s.fails = 1 << 30 })
	p := run(t, id.use)
	token := id.token("alice")
	a := p.do("POST", "/files/", "", "Upload-Length: 5", bearer(token))
	if a.status != 503 || a.code() != "ERR_TOKEN_KEYS_AWAY" || a.get("Retry-After") == "" || a.get("WWW-Authenticate") != "" {
		t.Errorf("POST heard %v", a)
	}
	if a := p.do("HEAD", "/files/"+strings.Repeat("0", 32), "", bearer(token)); a.status != 423 || a.get("Retry-After") == "" {
		t.Errorf("HEAD heard %v", a)
	}
	if a := p.do("GET", "/readyz", ""); a.status != 200 || !strings.Contains(a.body, "the keys of tokens can't be fetched") {
		t.Errorf("/readyz says %v", a)
	}
	if a := p.do("POST", "/files/", "", "Upload-Length: 5"); a.status != 401 {
		t.Errorf("no token heard %v", a)
	}
	id.change(func(s *issuer) { s.fails = 1 }) // and not once more
	until(t, "the keys are there", func() bool { return p.creates(token) == 201 })
	until(t, "that is said", func() bool { return p.do("GET", "/readyz", "").body == "ready\n" })
}

// A new key is found by the first token that names it; an issuer that is away takes nothing from those that are known.
func TestKeysRotate(t *testing.T) {
	id := issue(t)
	p := run(t, id.use)
	if got := p.creates(id.token("alice")); got != 201 {
		t.Fatalf("the first key: %d", got)
	}
	id.change(func(s *issuer) { s.keys["second"] = ecKey(t) })
	second := sign(t, jwt.SigningMethodES256, "second", id.key("second"), claims("alice"))
	if got := p.creates(second); got != 201 {
		t.Errorf("the second key: %d", got)
	}
	// Whether there is a third one can't be known for a moment; that is no reason to lose an upload.
	id.change(func(s *issuer) { s.keys["third"] = ecKey(t) })
	third := sign(t, jwt.SigningMethodES256, "third", id.key("third"), claims("alice"))
	if got := p.creates(third); got != 201 && got != 503 {
		t.Errorf("the third key: %d", got)
	}
	until(t, "the third key is found", func() bool { return p.creates(third) == 201 })

	id.change(func(s *issuer) { s.fails = 1 << 30 })
	p.Reload()
	until(t, "the issuer is away", func() bool { return strings.Contains(p.log.String(), "the keys of tokens can't be fetched") })
	if got := p.creates(id.token("bob")); got != 201 {
		t.Errorf("a known key while the issuer is away: %d", got)
	}

	// A key that is taken back is worth nothing after the next look, also for tokens that were seen before.
	id.change(func(s *issuer) { s.fails = 0; delete(s.keys, "second") })
	p.Reload()
	until(t, "the second key is worth nothing", func() bool { return p.creates(second) != 201 })
	if got := p.creates(id.token("bob")); got != 201 {
		t.Errorf("the first key: %d", got)
	}
}

// An issuer that sends the server elsewhere, or says too much, is not believed.
func TestKeysThatAreRefused(t *testing.T) {
	elsewhere := issue(t)
	for name, handler := range map[string]http.HandlerFunc{
		"a redirect to another host": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/keys", http.StatusFound)
		},
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
					return
				}
			}
		},
		"a shared secret": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"oct","kid":"first","k":"c2VjcmV0","alg":"HS256"}]}`))
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(handler)
			t.Cleanup(s.Close)
			p := run(t, elsewhere.use, func(c *config.Config) { c.JWTJWKSURL = s.URL + "/keys" })
			hs := sign(t, jwt.SigningMethodHS256, "first", []byte("secret"), claims("alice"))
			if a, b := p.creates(elsewhere.token("alice")), p.creates(hs); a != 503 || b != 401 {
				t.Errorf("tokens heard %d and %d", a, b)
			}
		})
	}
	elsewhere.mu.Lock()
	defer elsewhere.mu.Unlock()
	if elsewhere.asked != 0 {
		t.Errorf("the other host was asked %d times", elsewhere.asked)
	}
}

// A stop doesn't wait for an issuer that never answers.
func TestStopWhileKeysAreFetched(t *testing.T) {
	reached, release := make(chan struct{}, 100), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	id := issue(t)
	p := run(t, id.use, func(c *config.Config) { c.JWTJWKSURL = s.URL })
	await(t, "the issuer is asked", reached)
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > bound/2 {
		t.Errorf("the stop took %s", took)
	}
}

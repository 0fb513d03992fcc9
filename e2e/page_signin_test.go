package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tokensFile is the file of --auth token.
type tokensFile struct {
	t    *testing.T
	path string
}

func newTokensFile(t *testing.T, tokens map[string]string) *tokensFile {
	t.Helper()
	f := &tokensFile{t: t, path: filepath.Join(t.TempDir(), "tokens")}
	f.write(tokens)
	return f
}

// write puts owners, by their tokens, in the place of those that were there.
func (f *tokensFile) write(owners map[string]string) {
	f.t.Helper()
	var text strings.Builder
	for token, owner := range owners {
		sum := sha256.Sum256([]byte(token))
		fmt.Fprintf(&text, "%s:%s\n", owner, hex.EncodeToString(sum[:]))
	}
	next := f.path + ".next"
	if err := os.WriteFile(next, []byte(text.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(next, f.path); err != nil {
		f.t.Fatal(err)
	}
}

func (f *tokensFile) flags() []string {
	return []string{"--auth", "token", "--auth-tokens-file", f.path}
}

// awaitRefused waits until the server does not take a token any more.
func (s *site) awaitRefused(token string) {
	s.t.Helper()
	for s.asks(http.MethodGet, "/whoami", token) != http.StatusUnauthorized {
		quiet(s.t, 50*time.Millisecond) // each time is a line in the server's log
	}
}

// asks is the status that a request with a token hears, past the proxy.
func (s *site) asks(method, path, token string) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.ctx, method, "http://"+s.server.addr+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Tus-Resumable", "1.0.0")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// openAsked opens the page of a server that asks for a token, and waits until the page does.
func (s *site) openAsked(b *browser) *page {
	s.t.Helper()
	return s.asked(b.open(s.url))
}

func (s *site) asked(p *page) *page {
	s.t.Helper()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Log(p.last())
			s.t.Log(s.proxy.tail())
		}
	})
	p.waitAsked()
	return p
}

// waitAsked waits until the page asks for a token.
func (p *page) waitAsked() { p.b.t.Helper(); p.waitFor(`!document.querySelector('#token').hidden`) }

// give pastes a token over what is in the field, and presses Enter.
func (p *page) give(token string) {
	p.b.t.Helper()
	p.waitAsked()
	p.run(`(() => { const field = document.querySelector('#token input'); field.focus(); field.select() })()`, nil)
	p.paste(token)
	p.press("Enter")
}

// signIn gives the first token, and waits until the page can be used.
func (p *page) signIn(token string) {
	p.b.t.Helper()
	p.give(token)
	p.waitReady()
	p.waitFor(`document.querySelector('#token').hidden`)
}

// wantNowhere wants a secret in nothing that outlives the tab, or that others may see.
func (s *site) wantNowhere(p *page, secret string) {
	s.t.Helper()
	var kept string
	p.run(`(async () => {
		const done = (request) => new Promise((resolve, reject) => {
			request.onsuccess = () => resolve(request.result)
			request.onerror = () => reject(request.error)
		})
		const all = [location.href, document.cookie, document.documentElement.outerHTML, JSON.stringify({ ...localStorage })]
		for (const { name } of await indexedDB.databases()) {
			const db = await done(indexedDB.open(name))
			for (const store of db.objectStoreNames) all.push(JSON.stringify(await done(db.transaction(store).objectStore(store).getAll())))
			db.close()
		}
		return all.join('\n')
	})()`, &kept)
	if strings.Contains(kept, secret) {
		s.t.Error("the browser keeps the token for longer than the tab, or shows it")
	}
	if strings.Contains(s.server.log.String(), secret) {
		s.t.Error("the token is in the server's log")
	}
	for _, e := range s.proxy.seen("") {
		if strings.Contains(e.path, secret) {
			s.t.Errorf("the token is in the address of %s", e.method)
		}
	}
}

// lookAsked is look for a page that asks for a token and shows no list yet.
func (p *page) lookAsked(stage string) {
	p.b.t.Helper()
	for _, width := range []int{1280, 360} {
		for _, scheme := range []string{"light", "dark"} {
			p.show(width, 800, scheme)
			as := fmt.Sprintf("%s-%s-%d", stage, scheme, width)
			if folder := os.Getenv("PLATEAU_E2E_SCREENSHOTS"); folder != "" {
				p.do("screenshot", args{"path": filepath.Join(folder, as+".png")}, nil)
			}
			p.wantUsable(as)
		}
	}
}

// wantSigned wants an address that gives a file to whoever has it, without a token.
func (s *site) wantSigned(address, sum string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, answer.Body); err != nil {
		s.t.Fatal(err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); answer.StatusCode != http.StatusOK || got != sum {
		s.t.Errorf("the address that was copied: %s, SHA-256 %s, of the file %s", answer.Status, got, sum)
	}
	bare, _, signed := strings.Cut(address, "?")
	if !signed {
		s.t.Errorf("%s is not signed", address)
	}
	refused, err := http.Get(bare)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = refused.Body.Close()
	if refused.StatusCode != http.StatusUnauthorized {
		s.t.Errorf("without its signature the address hears %s, want 401", refused.Status)
	}
}

// wantOneStart wants an upload to have been sent from its beginning once and then from where it was held. What heard 401 does not
// count: the browser itself sends a PATCH again whose connection broke, unseen by the page.
func (s *site) wantOneStart(id string, held int64) {
	s.t.Helper()
	var starts []int64
	for _, e := range s.proxy.seen("PATCH") {
		if idOf(e.path) == id && e.status != http.StatusUnauthorized {
			starts = append(starts, e.start)
		}
	}
	if !slices.Equal(starts, []int64{0, held}) {
		s.t.Errorf("the upload was sent from %v, want from 0 and from %d", starts, held)
	}
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// site is a server whose page is seen through a proxy: one origin, as a person sees it.
type site struct {
	ctx    context.Context
	t      *testing.T
	server *plateau
	proxy  *proxy
	url    string
}

// startSite starts a server with its page. Further flags may follow.
func startSite(ctx context.Context, t *testing.T, flags ...string) *site {
	t.Helper()
	return startSiteOver(ctx, t, onDisk, flags...)
}

// startSiteOver is startSite for another backend.
func startSiteOver(ctx context.Context, t *testing.T, start starter, flags ...string) *site {
	t.Helper()
	if _, err := os.Stat(filepath.Join("..", "web", "dist", "index.html")); err != nil && os.Getenv("PLATEAU_E2E_BINARY") == "" {
		missing(t, "the page", "make page")
	}
	server := start(ctx, t, flags...)
	proxy := startProxy(t, server.addr, nil)
	return &site{ctx: ctx, t: t, server: server, proxy: proxy, url: strings.TrimSuffix(proxy.files(), "files/")}
}

// with is the same site for a part of the test: what fails in it fails that part.
func (s *site) with(t *testing.T) *site {
	return &site{ctx: s.ctx, t: t, server: s.server, proxy: s.proxy, url: s.url}
}

// open opens the page and waits until a person can use it.
func (s *site) open(b *browser) *page {
	s.t.Helper()
	p := b.open(s.url)
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Log(p.last())
			s.t.Log(s.proxy.tail())
		}
	})
	p.waitReady()
	return p
}

// upload is what the backend knows of an upload with this file name, once there is one.
func (s *site) upload(name string) record {
	s.t.Helper()
	var found record
	await(s.ctx, s.t, "there is an upload of "+name, func() bool {
		for _, r := range s.server.backend().records(s.t) {
			if r.MetaData["filename"] == name || r.MetaData["name"] == name {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

// awaitSize waits until the backend has this many bytes of an upload.
func (s *site) awaitSize(id string, size int64) {
	s.t.Helper()
	await(s.ctx, s.t, fmt.Sprintf("%s has %d bytes", id, size), func() bool { return s.server.backend().kept(s.t, id) >= size })
}

// awaitOn waits until an upload goes on at an offset, and the server has let go of what came before. (A client's end does not reach
// a proxy that holds its bytes: the server ends the older request when the next one takes over.)
func (s *site) awaitOn(id string, offset int64) {
	s.t.Helper()
	await(s.ctx, s.t, fmt.Sprintf("%s goes on at %d", id, offset), func() bool {
		var all []exchange
		for _, e := range s.proxy.seen("PATCH") {
			if idOf(e.path) == id {
				all = append(all, e)
			}
		}
		if len(all) < 2 {
			return false
		}
		last := all[len(all)-1]
		return last.start == offset && last.status == 0 && !slices.ContainsFunc(all[:len(all)-1], func(e exchange) bool { return !e.over })
	})
}

// wantUploads wants so many uploads, and no more created.
func (s *site) wantUploads(n int) {
	s.t.Helper()
	if got := len(s.server.backend().records(s.t)); got != n {
		s.t.Errorf("there are %d uploads, want %d", got, n)
	}
	s.wantCreated(n)
}

// wantCreated wants so many uploads to have been created.
func (s *site) wantCreated(n int) {
	s.t.Helper()
	created := 0
	for _, e := range s.proxy.seen("POST") {
		if e.status == http.StatusCreated {
			created++
		}
	}
	if created != n {
		s.t.Errorf("%d uploads were created, want %d", created, n)
	}
}

// wantWhole wants a finished upload with a file's content.
func (s *site) wantWhole(id, sum string) {
	s.t.Helper()
	if !s.server.backend().sealed(id) {
		s.t.Fatalf("upload %s is not sealed", id)
	}
	if got := s.server.backend().sum(s.t, id); got != sum {
		s.t.Errorf("SHA-256 of upload %s is %s, of the file %s", id, got, sum)
	}
}

// offsetsNeverFall fails the test when a client heard of an offset below one that it had heard before.
func (s *site) offsetsNeverFall() {
	s.t.Helper()
	highest := map[string]int64{}
	for _, e := range s.proxy.seen("") {
		offset := answer{header: e.answer}.offset()
		if e.status/100 != 2 || offset < 0 {
			continue
		}
		if offset < highest[e.path] {
			s.t.Errorf("%s %s says offset %d, but %d had been acknowledged", e.method, e.path, offset, highest[e.path])
		}
		highest[e.path] = max(highest[e.path], offset)
	}
}

// source writes a file of random bytes under a name that a person could have given it.
func source(t *testing.T, random *rand.Rand, dir, name string, size int64) (path, sum string) {
	t.Helper()
	path = filepath.Join(dir, name)
	made, sum := randomFile(t, random, size)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(made, path); err != nil {
		t.Fatal(err)
	}
	return path, sum
}

const (
	fileInput   = `.uppy-Dashboard-input:not([webkitdirectory])`
	folderInput = `.uppy-Dashboard-input[webkitdirectory]`
)

func (p *page) waitReady() {
	p.b.t.Helper()
	p.waitFor(`document.documentElement.dataset.ready === 'true'`)
}

// add hands files to the page, also while others are in its list, where the input has to be opened first.
func (p *page) add(paths ...string) {
	p.b.t.Helper()
	p.do("choose", args{"selector": fileInput, "opener": ".uppy-DashboardContent-addMore", "paths": paths}, nil)
}

// item is the selector of a file in the Dashboard's list.
func item(name string) string {
	return fmt.Sprintf(`.uppy-Dashboard-Item:has(.uppy-Dashboard-Item-name[title=%q])`, name)
}

// state waits until the status line is in one of these states.
func (p *page) waitState(states ...string) {
	p.b.t.Helper()
	list, _ := json.Marshal(states)
	p.waitFor(fmt.Sprintf(`%s.includes(document.querySelector('#status').dataset.state)`, list))
}

// waitFinished waits until the list of finished files names these.
func (p *page) waitFinished(names ...string) {
	p.b.t.Helper()
	list, _ := json.Marshal(names)
	p.waitFor(fmt.Sprintf(`%s.every((name) =>
		[...document.querySelectorAll('#finished li[data-name]')].some((li) => li.dataset.name === name))`, list))
}

// waitWords waits until the status line matches a JavaScript regular expression.
func (p *page) waitWords(expression string) {
	p.b.t.Helper()
	p.waitFor(fmt.Sprintf(`%s.test(document.querySelector('#status').innerText)`, expression))
}

// errorOf is what the page says of a file that failed, in the list and to those who hear it.
func (p *page) errorOf(name string) string {
	p.b.t.Helper()
	return p.text(fmt.Sprintf(`(() => {
		const item = document.querySelector(%q)
		return item.innerText + ' ' + [...item.querySelectorAll('[aria-label]')].map((part) => part.ariaLabel).join(' ')
	})()`, item(name)))
}

// wantPlainWords wants nothing on the page that only a programmer understands.
func (p *page) wantPlainWords() {
	p.b.t.Helper()
	said := p.text(`document.body.innerText + ' ' + [...document.querySelectorAll('[aria-label], [title]')]
		.map((part) => part.ariaLabel + ' ' + part.title).join(' ')`)
	if raw := rawWords.FindString(said); raw != "" {
		p.b.t.Errorf("the page says %q in: %s", raw, said)
	}
}

// rawWords are those of tus-js-client, of servers and of Chromium.
var rawWords = regexp.MustCompile(
	`(?i)tus:|originated from|response code|request id|ERR_|NetworkError|undefined|\[object|` +
		`\b(401|403|409|413|423|429|50[0-9])\b`)

// timeLeft is how the Dashboard says how long an upload will take.
var timeLeft = regexp.MustCompile(`\b\d+(s|m|h) left`)

// remembers waits until the browser has stored so many files' content and the addresses of these uploads, so that even a
// crash will find them again.
func (p *page) remembers(files int, ids ...string) {
	p.b.t.Helper()
	list, _ := json.Marshal(ids)
	p.waitFor(fmt.Sprintf(`(async () => {
		const done = (request) => new Promise((resolve, reject) => {
			request.onsuccess = () => resolve(request.result)
			request.onerror = () => reject(request.error)
		})
		if (!(await indexedDB.databases()).some((db) => db.name === 'uppy-blobs')) return false
		const db = await done(indexedDB.open('uppy-blobs'))
		try {
			const blobs = await done(db.transaction('files').objectStore('files').count())
			const state = JSON.stringify(await done(db.transaction('metadata').objectStore('metadata').getAll()))
			return blobs >= %d && %s.every((id) => state.includes(id))
		} finally {
			db.close()
		}
	})()`, files, list))
}

// tail is the latest requests that a server saw, for a test that has failed.
func (p *proxy) tail() string {
	var text strings.Builder
	list := p.seen("")
	for _, e := range list[max(0, len(list)-30):] {
		fmt.Fprintf(&text, "%s %s from %d, %d of %d sent: %d\n", e.method, e.path, e.start, e.sent, e.length, e.status)
	}
	return text.String()
}

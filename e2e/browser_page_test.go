package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// page is one tab.
type page struct {
	b  *browser
	id int
}

// with is the same page for a part of the test: what fails in it fails that part.
func (p *page) with(t *testing.T) *page { return &page{b: p.b.with(t), id: p.id} }

// tab opens another page that shares the first one's storage.
func (p *page) tab(url string) *page {
	p.b.t.Helper()
	other := &page{b: p.b}
	p.b.call("open", args{"url": url, "beside": p.id}, &other.id)
	return other
}

func (p *page) do(do string, a args, value any) {
	p.b.t.Helper()
	if a == nil {
		a = args{}
	}
	a["page"] = p.id
	p.b.call(do, a, value)
}

func (p *page) reload() { p.b.t.Helper(); p.do("reload", nil, nil) }

func (p *page) close() { p.b.t.Helper(); p.do("close", nil, nil) }

// choose hands files, or a folder, to an input.
func (p *page) choose(selector string, paths ...string) {
	p.b.t.Helper()
	p.do("choose", args{"selector": selector, "paths": paths}, nil)
}

// drop drags files from outside the browser and drops them on an element.
func (p *page) drop(selector string, paths ...string) {
	p.b.t.Helper()
	p.do("drop", args{"selector": selector, "paths": paths}, nil)
}

func (p *page) click(selector string) { p.b.t.Helper(); p.do("click", args{"selector": selector}, nil) }

// follow clicks on what opens another page, and returns that page once it is loaded.
func (p *page) follow(selector string) *page {
	p.b.t.Helper()
	other := &page{b: p.b}
	p.do("follow", args{"selector": selector}, &other.id)
	return other
}

// pick presses a key on what opens a file dialog, and chooses files in it.
func (p *page) pick(key string, paths ...string) {
	p.b.t.Helper()
	p.do("pick", args{"key": key, "paths": paths}, nil)
}

// press presses a key, named as in KeyboardEvent.key: Tab, Shift+Tab, Enter.
func (p *page) press(key string) { p.b.t.Helper(); p.do("press", args{"key": key}, nil) }

// paste puts text where the focus is.
func (p *page) paste(text string) { p.b.t.Helper(); p.do("paste", args{"text": text}, nil) }

// download clicks on what has the browser download a file, and returns the name that it is given and the path where it lies.
func (p *page) download(selector string) (name, path string) {
	p.b.t.Helper()
	var file struct{ Name, Path string }
	p.do("download", args{"selector": selector}, &file)
	return file.Name, file.Path
}

// offline takes the page's network away for new requests, as far as the browser knows. Requests in flight go on.
func (p *page) offline(value bool) { p.b.t.Helper(); p.do("offline", args{"value": value}, nil) }

// show sets the window's size, and the colour scheme: light or dark.
func (p *page) show(width, height int, scheme string) {
	p.b.t.Helper()
	p.do("show", args{"width": width, "height": height, "scheme": scheme}, nil)
}

// run runs JavaScript in the page and reads its value, or what its promise becomes, into value.
func (p *page) run(script string, value any) {
	p.b.t.Helper()
	p.do("run", args{"script": script}, value)
}

// text is what an expression says as text.
func (p *page) text(expression string) string {
	p.b.t.Helper()
	var text string
	p.run(fmt.Sprintf("String(%s)", expression), &text)
	return text
}

// waitFor waits until a JavaScript expression, or what its promise becomes, is true.
func (p *page) waitFor(script string) {
	p.b.t.Helper()
	timeout := time.Minute
	if deadline, bounded := p.b.ctx.Deadline(); bounded {
		timeout = max(time.Millisecond, min(timeout, time.Until(deadline)))
	}
	if err := p.b.try("wait", args{"page": p.id, "script": script, "timeout": timeout.Milliseconds()}, nil); err != nil {
		p.b.t.Fatalf("waited in vain for %s: %v\n%s", script, err, p.last())
	}
}

// said is what the console warned of, exceptions, and dialogs.
func (p *page) said() []string {
	p.b.t.Helper()
	var said []string
	p.do("said", nil, &said)
	return said
}

// last is what the page shows and what its console has said, for a test that has failed. It asks even after the test's time is over.
func (p *page) last() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	b := &browser{ctx: ctx, t: p.b.t, driver: p.b.driver}
	var shows string
	var said []string
	err := errors.Join(b.try("run", args{"page": p.id, "script": `document.body.innerText`}, &shows), b.try("said", args{"page": p.id}, &said))
	if err != nil {
		return "the page cannot be asked: " + err.Error()
	}
	return fmt.Sprintf("the page shows\n%s\nits console says\n%s", shows, strings.Join(said, "\n"))
}

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// TestOperatorsPage watches an upload that stands half-way, then ends. The page hears of both by its event stream alone, draws, warns, and
// keeps nobody from using it: light and dark, on a wide screen and on a phone.
func TestOperatorsPage(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	p := startPlateau(ctx, t, t.TempDir(), "--watchdog-goroutines", "1")
	if strings.Contains(p.log.String(), "leaks on purpose") {
		t.Error("the log says that an ordinary build leaks")
	}
	page := p.openOperator(startBrowser(ctx, t, ""))
	page.waitFigure("Uploads in flight", "0")
	page.waitFor(`document.querySelector('#uploads tbody').children.length === 0`)
	page.click(`#plots .span label:has(input[value="300"])`)

	id, conn := p.halfAnUpload(ctx, t)
	page.waitFigure("Uploads in flight", "1")
	page.waitFor(fmt.Sprintf(`[...document.querySelectorAll('#uploads tbody tr')].some((row) => row.innerText.includes(%q) &&
		row.innerText.includes('50\u00a0%% of 2') && row.innerText.includes('127.0.0.1') && row.querySelector('progress').value === 0.5)`, id))
	page.waitFor(drawn("Uploads in flight") + ` > 15`) // from 0 to 1
	page.waitFor(`[...document.querySelectorAll('#warnings li')].some((li) =>
		li.innerText.startsWith('Now') && li.innerText.includes('The watchdog: there are too many goroutines'))`)
	page.waitFor(`/^\(\d+\) /.test(document.title)`)
	for _, width := range []int{1280, 360} {
		for _, scheme := range []string{"light", "dark"} {
			page.show(width, 800, scheme)
			page.waitFor(bright + map[string]string{"light": ` > 500`, "dark": ` < 200`}[scheme])
			page.wantUsable(fmt.Sprintf("%s, %d pixels wide", scheme, width))
		}
	}

	_, err := io.WriteString(conn, strings.Repeat("x", 1<<20))
	must(t, err)
	page.waitFigure("Uploads in flight", "0")
	page.waitFor(`document.querySelector('#uploads tbody').children.length === 0`)
	page.waitFor(`/\d\sms$/.test(` + figure("Finish") + `)`)
	page.wantSilence()
}

// TestFlameGraphs opens flame graphs from the operator's page, as an operator does.
func TestFlameGraphs(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	p := startPlateau(ctx, t, t.TempDir())
	page := p.openOperator(startBrowser(ctx, t, ""))
	p.finishUploads(ctx, t, 50)
	for _, kind := range []string{"heap", "goroutine", "fgprof"} {
		flame := page.follow(fmt.Sprintf(`a[href="debug/flame/%s"]`, kind))
		flame.waitFor(`document.querySelectorAll('#stack-chart .boxbg').length > 5`)
		if at := flame.text(`location.pathname`); !strings.HasPrefix(at, "/debug/flame/"+kind+"/") || !strings.HasSuffix(at, "/flamegraph") {
			t.Errorf("%s is shown at %s", kind, at)
		}
		flame.waitFor(`document.querySelector('#stack-chart').innerText.includes('main')`)
		flame.wantSilence()
	}
	page.wantSilence()
}

// openOperator opens the operator's page and waits until it hears what the server has to say.
func (p *plateau) openOperator(b *browser) *page {
	b.t.Helper()
	page := b.open("http://" + p.admin + "/")
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Log(page.last())
		}
	})
	page.waitFor(`document.querySelector('#state').dataset.state === 'live'`)
	return page
}

// halfAnUpload sends half of an upload of 2 MiB, and returns the connection that waits for the rest.
func (p *plateau) halfAnUpload(ctx context.Context, t *testing.T) (id string, conn net.Conn) {
	t.Helper()
	address := newTus(ctx, p.files).mustCreate(t, 2<<20, nil)
	conn = connect(t, p.addr)
	_, err := fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: plateau\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s", address, 2<<20, strings.Repeat("x", 1<<20))
	must(t, err)
	return idOf(address), conn
}

// plot is an expression for the card of the operator's page with this title.
func plot(title string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('#plots figure')].find((card) => card.querySelector('h3').innerText === %q)`, title)
}

// figure is one for the first of its figures.
func figure(title string) string { return plot(title) + `.querySelector('dd').innerText` }

// drawn is one for how many dots of its first line's colour it has.
func drawn(title string) string {
	return `((card) => {
		const [red, green, blue] = getComputedStyle(card.querySelector('dt')).color.match(/[\d.]+/g).map(Number)
		const canvas = card.querySelector('canvas')
		const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
		let dots = 0
		for (let i = 0; i < data.length; i += 4) {
			const off = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue)
			if (data[i + 3] > 200 && off < 24) dots++
		}
		return dots
	})(` + plot(title) + `)`
}

func (p *page) waitFigure(title, want string) {
	p.b.t.Helper()
	p.waitFor(fmt.Sprintf(`%s === %q`, figure(title), want))
}

// bright is an expression for how bright the page is, up to 765.
const bright = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)`

// wantSilence wants nothing in the console: no error, and nothing that the Content-Security-Policy had to keep out.
func (p *page) wantSilence() {
	p.b.t.Helper()
	if said := p.said(); len(said) > 0 {
		p.b.t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

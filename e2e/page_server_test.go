package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPageKnowsTheLimit chooses a file that is larger than the server takes. The page says so, and how large a file may be, before
// anything is sent; a file that fits goes through.
func TestPageKnowsTheLimit(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	large, _ := source(t, random, dir, "large.bin", 3<<20)
	fits, sum := source(t, random, dir, "fits.bin", 1<<20)
	s := startSite(ctx, t, "--max-size", "2MiB")
	p := s.open(startBrowser(ctx, t, ""))
	p.add(large)
	p.waitFor(`/large\.bin[^]*(too (large|big)|larger than|exceeds|at most)/i.test(document.body.innerText)`)
	p.waitFor(`/2(\.\d+)? ?Mi?B/.test(document.body.innerText)`)
	p.wantPlainWords()
	p.add(fits)
	p.waitFinished("fits.bin")
	s.wantUploads(1)
	s.wantWhole(s.upload("fits.bin").ID, sum)
}

// TestPageWaitsForRoom lets a server that takes one upload at a time be busy with another one's. The page waits, and goes on when
// there is room.
func TestPageWaitsForRoom(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	path, sum := source(t, random, dir, "patient.bin", 300_000)
	s := startSite(ctx, t, "--max-uploads", "1")
	client := newTus(ctx, s.server.files)
	address := client.mustCreate(t, 10, nil)
	conn := connect(t, s.server.addr)
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: plateau\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: 10\r\n\r\nhello", address)
	await(ctx, t, "the other upload has begun", func() bool { return dataSize(s.server.uploads(), idOf(address)) == 5 })

	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	p.waitState("waiting")
	p.waitWords(`/busy|too many|overload/i`)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	p.waitFinished("patient.bin")
	id := s.upload("patient.bin").ID
	s.wantWhole(id, sum)
	if _, err := os.Stat(filepath.Join(s.server.uploads(), idOf(address))); err != nil {
		t.Error(err)
	}
}

// TestPageWithoutDownloads uploads to a server that serves no downloads. The page lists the file, and no link that leads nowhere.
func TestPageWithoutDownloads(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "kept.bin", 10_000)
	s := startSite(ctx, t, "--downloads=false")
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	p.waitFinished("kept.bin")
	p.waitState("done")
	s.wantWhole(s.upload("kept.bin").ID, sum)
	if links := p.text(`document.querySelectorAll('a[href*="/files/"], button.copy').length`); links != "0" {
		t.Errorf("%s links or buttons lead to what the server does not serve", links)
	}
	if said := p.said(); len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

// TestPageBelowAPath has a balancer serve the page below a path of its own: the page, its parts, uploads and links stay below it.
func TestPageBelowAPath(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "below.bin", 10_000)
	between := startBetween(t, "/share")
	url := "http://" + between.addr + "/share/"
	s := startSite(ctx, t, "--base-url", url)
	between.to(s.server.addr)
	s.url = url
	p := s.open(startBrowser(ctx, t, ""))
	p.drop("main", path)
	p.waitFinished("below.bin")
	id := s.upload("below.bin").ID
	s.wantWhole(id, sum)
	if href := p.text(`document.querySelector('#finished a[href]').href`); href != url+"files/"+id {
		t.Errorf("the link leads to %s, want below %s", href, url)
	}
	if said := p.said(); len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

// TestPageOnPlainHTTP opens the page under a host name without TLS, where browsers offer neither locks nor the clipboard. Uploads
// come back after a reload all the same, a second tab leaves them alone, and links can be copied.
func TestPageOnPlainHTTP(t *testing.T) {
	t.Parallel()
	const size, held = 8_000_000, 3_000_000
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "plain.bin", size)
	s := startSite(ctx, t)
	s.url = strings.Replace(s.url, "127.0.0.1", "plateau.test", 1)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, "", "--host-resolver-rules=MAP plateau.test 127.0.0.1"))
	if secure := p.text(`isSecureContext || !!navigator.locks || !!navigator.clipboard`); secure != "false" {
		t.Fatal("the browser takes this for a secure page: the test shows nothing")
	}
	p.drop(".uppy-Dashboard", path)
	id := s.upload("plain.bin").ID
	s.awaitSize(id, held)
	p.remembers(1, id)

	second := p.tab(s.url)
	second.waitReady()
	second.waitState("elsewhere")
	second.close()

	p.reload()
	p.waitReady()
	s.awaitOn(id, held)
	s.proxy.release()
	p.waitFinished("plain.bin")
	s.wantUploads(1)
	s.wantWhole(id, sum)

	p.click("#finished button.copy")
	p.run(`
		document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))
		document.querySelector('#paste').focus()
	`, nil)
	p.press("Control+v")
	if pasted := p.text(`document.querySelector('#paste').value`); pasted != s.url+"files/"+id {
		t.Errorf("what was copied is %q, want the address of %s", pasted, id)
	}
}

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManyKindsOfFiles uploads a folder in which two files have the same name, an empty file, and names that look like markup or
// are written from right to left. Each arrives under its name, each link leads to its bytes, and the list of finished files is
// still there after a reload.
func TestManyKindsOfFiles(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	s := startSite(ctx, t)
	p := s.open(startBrowser(ctx, t, ""))
	sums := map[string]string{} // by relative path
	folder := filepath.Join(dir, "trip")
	for _, name := range []string{"day 1/photo.jpg", "day 2/photo.jpg", "notes.txt"} {
		_, sums["trip/"+name] = source(t, random, folder, name, 10_000+random.Int64N(10_000))
	}
	p.choose(folderInput, folder)
	p.waitFinished("photo.jpg", "notes.txt")
	p.waitState("done")
	found := map[string]bool{}
	for _, r := range records(t, s.server.uploads()) {
		found[r.MetaData["relativePath"]] = true
		s.wantWhole(r.ID, sums[r.MetaData["relativePath"]])
	}
	if len(found) != len(sums) {
		t.Errorf("of the folder arrived %v, want %v", found, sums)
	}

	var paths []string
	names := []string{"empty.txt", "<img src=x onerror=alert(1)>.txt", "ملف \U0001F389.txt", strings.Repeat("long ", 40) + ".txt"}
	for i, name := range names {
		path, sum := source(t, random, dir, name, int64(i)*5_000)
		paths = append(paths, path)
		sums[name] = sum
	}
	p.add(paths...)
	p.waitFinished(names...)
	p.waitState("done")
	s.wantUploads(len(sums))

	for range 2 { // before and after a reload
		var links []struct{ Name, Href, Size, Date string }
		p.run(`[...document.querySelectorAll('#finished li[data-name]')].map((li) => ({
			Name: li.dataset.name, Href: li.querySelector('a[href]').href,
			Size: li.querySelector('.size').innerText, Date: li.querySelector('time[datetime]').dateTime,
		}))`, &links)
		if len(links) != len(sums) {
			t.Errorf("%d files are listed, want %d: %v", len(links), len(sums), links)
		}
		for _, link := range links {
			if link.Size == "" || link.Date == "" {
				t.Errorf("%s: size %q, date %q", link.Name, link.Size, link.Date)
			}
			s.wantWhole(idOf(link.Href), download(t, s, link.Href))
		}
		p.reload()
		p.waitReady()
		p.waitFinished(names...)
	}
	if said := p.said(); len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

// download follows a link of the page and returns the SHA-256 of what it leads to.
func download(t *testing.T, s *site, href string) string {
	t.Helper()
	a := newTus(s.ctx, s.proxy.files()).get(href)
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: %v", href, a)
	}
	file := filepath.Join(t.TempDir(), "downloaded")
	if err := os.WriteFile(file, []byte(a.body), 0o644); err != nil {
		t.Fatal(err)
	}
	return fileSum(t, file)
}

// TestManySmallFiles uploads many small files in one go: 200, in the full run 1,000.
func TestManySmallFiles(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	n := 200
	if fullWanted() {
		n = 1000
	}
	var paths []string
	sums := map[string]string{}
	for i := range n {
		name := fmt.Sprintf("small-%04d.bin", i)
		path, sum := source(t, random, dir, name, 4<<10)
		paths, sums[name] = append(paths, path), sum
	}
	s := startSite(ctx, t)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(paths...)
	p.waitState("uploading")
	p.waitState("done")
	list := records(t, s.server.uploads())
	if len(list) != n {
		t.Errorf("%d uploads in the folder, want %d", len(list), n)
	}
	for _, r := range list {
		s.wantWhole(r.ID, sums[r.MetaData["filename"]])
	}
	s.wantCreated(n)
	if said := p.said(); len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

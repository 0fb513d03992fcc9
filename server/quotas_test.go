package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"plateau/config"
)

// runQuotas starts a server that believes the header Owner, on a folder of an earlier one if
// dir isn't empty. What is there is counted.
func runQuotas(t *testing.T, dir string, change func(*config.Config)) *plateau {
	t.Helper()
	cfg := settings(t)
	if dir != "" {
		cfg.DataDir = dir
	}
	change(&cfg)
	p := prepare(t, cfg)
	p.OwnersByHeader("Owner")
	p.start()
	until(t, "what there is is counted", p.QuotasFilled)
	return p
}

// wantQuota checks that an answer says that the quota is used up.
func wantQuota(t *testing.T, a answer) {
	t.Helper()
	if a.status != 507 || a.code() != "ERR_QUOTA_EXCEEDED" || a.get("Retry-After") == "" || a.get("Upload-Offset") != "" {
		t.Errorf("over quota: %v", a)
	}
}

const ann, bob = "Owner: ann", "Owner: bob"

func length(n int) string { return fmt.Sprint("Upload-Length: ", n) }

func TestQuotaBytes(t *testing.T) {
	limit := func(c *config.Config) { c.QuotaBytes = 100 }
	p := runQuotas(t, "", limit)
	first := p.create(length(60), ann)
	wantQuota(t, p.do("POST", "/files/", "", length(41), ann))
	wantQuota(t, p.do("POST", "/files/", "", length(9223372036854775807), ann))
	wantQuota(t, p.do("POST", "/files/", strings.Repeat("x", 41), offsetStream, length(41), ann))
	p.create(length(100), bob)
	second := p.create(length(40), ann)
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
	p.create(length(0), ann)

	// All else goes on, and what is finished counts as well.
	if a := p.patch(first, 0, strings.Repeat("a", 60), ann); a.status != 204 {
		t.Errorf("PATCH heard %v", a)
	}
	if offset := p.offset(second); offset != "0" {
		t.Errorf("HEAD says %s", offset)
	}
	if a := p.do("GET", first, "", ann); a.status != 200 {
		t.Errorf("GET heard %v", a)
	}
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
	p.metric(`plateau_errors_total{code="ERR_QUOTA_EXCEEDED"} 5`)
	p.metric("plateau_quota_bytes 200")
	p.metric("plateau_quota_open_bytes 140")
	p.metric("plateau_quota_open_uploads 2")
	p.metric("plateau_quota_owners 2")

	// So it is after a restart.
	p.stop()
	p = runQuotas(t, p.dir, limit)
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
	p.metric("plateau_quota_bytes 200")
	if a := p.do("DELETE", first, "", ann); a.status != 204 {
		t.Errorf("DELETE heard %v", a)
	}
	p.create(length(60), ann)
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
	wantQuota(t, p.do("POST", "/files/", "", length(1), bob))
	p.create(length(100)) // nobody's uploads are one account
	wantQuota(t, p.do("POST", "/files/", "", length(1)))
}

func TestQuotaOfUnfinished(t *testing.T) {
	p := runQuotas(t, "", func(c *config.Config) { c.QuotaOpenBytes, c.QuotaUploads = 100, 2 })
	first := p.create(length(100), ann)
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
	if a := p.patch(first, 0, strings.Repeat("a", 100), ann); a.status != 204 {
		t.Fatalf("PATCH heard %v", a)
	}
	p.create(length(50), ann)
	second := p.create("Upload-Defer-Length: 1", ann)
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
	wantQuota(t, p.do("POST", "/files/", "", "Upload-Defer-Length: 1", ann))
	if a := p.do("DELETE", second, "", ann); a.status != 204 {
		t.Errorf("DELETE heard %v", a)
	}
	p.create(length(50), ann)
}

// The body of an upload of unknown length ends where the quota does; what came is kept.
func TestQuotaOfUnknownLength(t *testing.T) {
	p := runQuotas(t, "", func(c *config.Config) { c.QuotaBytes = 1000 })
	other := p.create(length(900), ann)
	location := p.create("Upload-Defer-Length: 1", ann)
	if a := p.patch(location, 0, strings.Repeat("a", 50), ann); a.status != 204 {
		t.Fatalf("PATCH heard %v", a)
	}
	wantQuota(t, p.patch(location, 50, strings.Repeat("b", 51), ann))
	if offset := p.offset(location); offset != "50" {
		t.Errorf("after a body over quota, HEAD says %s", offset)
	}
	wantQuota(t, p.patch(location, 50, "", "Upload-Length: 101", ann))
	wantQuota(t, p.do("POST", "/files/", strings.Repeat("x", 51), offsetStream, "Upload-Defer-Length: 1", ann))
	if a := p.do("DELETE", other, "", ann); a.status != 204 {
		t.Errorf("DELETE heard %v", a)
	}
	if a := p.patch(location, 50, strings.Repeat("b", 51), "Upload-Length: 101", ann); a.status != 204 {
		t.Errorf("PATCH heard %v", a)
	}
	if got := p.data(location); got != strings.Repeat("a", 50)+strings.Repeat("b", 51) {
		t.Errorf("the upload is %q", got)
	}
	p.metric("plateau_quota_bytes 101")
}

func TestQuotaOfParts(t *testing.T) {
	p := runQuotas(t, "", func(c *config.Config) { c.QuotaBytes, c.QuotaOpenBytes, c.QuotaUploads = 10, 10, 2 })
	a := p.upload("12345", length(5), "Upload-Concat: partial", ann)
	b := p.upload("67890", length(5), "Upload-Concat: partial", ann)
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
	final := p.create("Upload-Concat: final;"+a+" "+b, ann)
	if got := p.data(final); got != "1234567890" {
		t.Errorf("the final upload is %q", got)
	}
	p.metric("plateau_quota_bytes 10")
	p.metric("plateau_quota_open_uploads 0")
	if p.create("Upload-Concat: final;"+a+" "+b, ann) != final {
		t.Error("asked again, it is another one")
	}
	wantQuota(t, p.do("POST", "/files/", "", length(1), ann))
}

func TestQuotaOfForms(t *testing.T) {
	p := runQuotas(t, "", func(c *config.Config) { c.QuotaBytes, c.QuotaUploads = 1000, 3 })
	wantQuota(t, p.post(formOf(t, aFile("a", strings.Repeat("x", 600)), aFile("b", strings.Repeat("x", 600))), ann))
	wantQuota(t, p.post(formOf(t, aFile("a", "1"), aFile("b", "2"), aFile("c", "3"), aFile("d", "4")), ann))
	if names := p.names(); len(names) > 0 {
		t.Errorf("forms over quota have left %q", names)
	}
	p.metric("plateau_quota_bytes 0")
	if files := stored(t, p.post(formOf(t, aFile("a", strings.Repeat("x", 600)), aFile("b", strings.Repeat("x", 400))), ann)); len(files) != 2 {
		t.Errorf("stored %v", files)
	}
	p.metric("plateau_quota_bytes 1000")
	wantQuota(t, p.post(formOf(t, aFile("a", "1")), ann))
	if files := stored(t, p.post(formOf(t, aFile("a", "1")), bob)); len(files) != 1 {
		t.Errorf("stored %v", files)
	}
}

// Of many creations at once, exactly those are made that fit.
func TestQuotaAtOnce(t *testing.T) {
	p := runQuotas(t, "", func(c *config.Config) { c.QuotaBytes, c.QuotaUploads = 1000, 10 })
	var mu sync.Mutex
	heard := map[int]int{}
	var running sync.WaitGroup
	for range 60 {
		running.Go(func() {
			a, err := p.try("POST", "/files/", strings.NewReader(""), length(90), ann)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			heard[a.status]++
		})
	}
	running.Wait()
	if heard[201] != 10 || heard[507] != 50 {
		t.Errorf("60 creations heard %v, want 10 of 201", heard)
	}
}

func TestMostParts(t *testing.T) {
	p := run(t, func(c *config.Config) { c.MaxParts = 2 })
	part := func(text string) string { return p.upload(text, length(len(text)), "Upload-Concat: partial") }
	a, b, c := part("a"), part("b"), part("c")
	if heard := p.do("POST", "/files/", "", "Upload-Concat: final;"+a+" "+b+" "+c); heard.status != 413 || heard.code() != "ERR_TOO_MANY_PARTS" {
		t.Errorf("three parts: %v", heard)
	}
	if got := p.data(p.create("Upload-Concat: final;" + a + " " + b)); got != "ab" {
		t.Errorf("two parts are %q", got)
	}
}

// Without room on the disk nothing new is taken; all else goes on.
func TestMinFreeSpace(t *testing.T) {
	p := run(t)
	open := p.create(length(5))
	p.stop()
	p = p.againWith(func(c *config.Config) { c.MinFreeSpace = 1 << 60 })
	for _, a := range []answer{
		p.do("POST", "/files/", "", length(1)),
		p.do("POST", "/files/", "x", offsetStream, length(1)),
		p.do("POST", "/files/", "", "Upload-Defer-Length: 1"),
		p.post(formOf(t, aFile("a", "1"))),
	} {
		if a.status != 507 || a.code() != "ERR_STORAGE_FULL" || a.get("Retry-After") == "" {
			t.Errorf("without room: %v", a)
		}
	}
	if a := p.patch(open, 0, "12345"); a.status != 204 {
		t.Errorf("PATCH heard %v", a)
	}
	if a := p.do("DELETE", open, ""); a.status != 204 {
		t.Errorf("DELETE heard %v", a)
	}
	if names := p.names(); len(names) > 0 {
		t.Errorf("there is %q", names)
	}
}

func aFile(name, text string) part { return part{field: "file", file: name, text: text} }

package server_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"plateau/config"
	"plateau/server"
	"plateau/store/s3/s3test"
)

// inBucket makes a server keep uploads in a bucket of a gateway.
func inBucket(t *testing.T, g *s3test.Gateway) func(*config.Config) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", g.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", g.SecretKey)
	return func(c *config.Config) {
		c.Store, c.S3Bucket, c.S3Endpoint, c.S3Region, c.S3Prefix = "s3", g.Bucket, g.Endpoint, g.Region, "a/b/"
		c.Durability = "finish"
	}
}

// Ids have a "+" in them, which in a query would be a space: they come through addresses,
// lists of parts, events and the log as they are.
func TestIDsOfABucket(t *testing.T) {
	g := s3test.Start(t)
	for base, prefix := range map[string]string{"": "/files/", "https://up.example/a+b": "https://up.example/a+b/files/"} {
		p := run(t, inBucket(t, g), func(c *config.Config) { c.BaseURL = base })
		location := p.upload("12345", "Upload-Length: 10")
		id, found := strings.CutPrefix(location, prefix)
		if !found || strings.Count(id, "+") != 1 {
			t.Fatalf("base %q: the address is %s", base, location)
		}
		path := "/files/" + id
		for _, same := range []string{path, "/files/" + strings.ReplaceAll(id, "+", "%2B")} {
			if got := p.offset(same); got != "5" {
				t.Errorf("offset of %s: %s", same, got)
			}
		}
		if a := p.do("HEAD", "/files/"+strings.ReplaceAll(id, "+", "%20"), ""); a.status != 404 {
			t.Errorf("an id with a space: %v", a)
		}
		if a := p.patch(path, 5, "67890"); a.status != 204 {
			t.Fatalf("PATCH heard %v", a)
		}
		if a := p.do("GET", path, "", "Range: bytes=3-6"); a.status != 206 || a.body != "4567" || a.get("ETag") != `"`+id+`"` {
			t.Errorf("a range: %v", a)
		}
		p.announces(path)
		if line := p.line("PATCH", path); line["upload"] != id {
			t.Errorf("the log says %v", line)
		}
	}
}

func TestConcatInABucket(t *testing.T) {
	p := run(t, inBucket(t, s3test.Start(t)))
	one := p.upload("one ", "Upload-Length: 4", "Upload-Concat: partial")
	two := p.upload("two", "Upload-Length: 3", "Upload-Concat: partial")
	list := "final;" + one + " http://up.example" + strings.ReplaceAll(two, "+", "%2B")
	final := p.create("Upload-Concat: " + list)
	if a := p.do("GET", final, ""); a.body != "one two" {
		t.Errorf("the final: %v", a)
	}
	if a := p.do("HEAD", final, ""); a.get("Upload-Concat") != "final;"+one+" "+two {
		t.Errorf("HEAD: %v", a)
	}
}

// Downloads are sent to the bucket, with what browsers must know of their type.
func TestRedirectedDownload(t *testing.T) {
	p := run(t, inBucket(t, s3test.Start(t)), func(c *config.Config) { c.Downloads = "redirect" })
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	location := p.file("0123456789", "größe.html", "text/html")
	a := p.do("GET", location, "", "Range: bytes=2-4")
	if a.status != http.StatusTemporaryRedirect || a.get("Cache-Control") != "no-store" || a.body != "" {
		t.Fatalf("GET heard %v", a)
	}
	address, err := url.Parse(a.get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if valid, err := time.ParseDuration(address.Query().Get("X-Amz-Expires") + "s"); err != nil || valid < time.Minute || valid > time.Hour {
		t.Errorf("the address is valid for %s: %v", valid, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Range", "bytes=2-4")
	answer, err := p.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 206 || string(body) != "234" || answer.Header.Get("Content-Type") != "text/html" ||
		answer.Header.Get("Content-Disposition") != `attachment; filename="gr__e.html"; filename*=UTF-8''gr%C3%B6%C3%9Fe.html` {
		t.Errorf("the bucket answers %d %v %q, error %v", answer.StatusCode, answer.Header, body, err)
	}
	if head := p.do("HEAD", location, ""); head.status != 200 || head.get("Upload-Offset") != "10" || head.get("Location") != "" {
		t.Errorf("HEAD: %v", head)
	}
	if a := p.do("GET", p.upload("123", "Upload-Length: 9"), ""); a.status != 404 || a.get("Location") != "" {
		t.Errorf("of an upload that isn't finished: %v", a)
	}
	if strings.Contains(p.log.String(), "X-Amz-Signature") {
		t.Error("the log has the address")
	}
}

// What is wrong with a bucket for good is said in words before the server serves.
func TestWrongBucket(t *testing.T) {
	g := s3test.Start(t)
	for name, c := range map[string]struct {
		change func(t *testing.T, c *config.Config)
		says   string
	}{
		"no such bucket":     {func(_ *testing.T, c *config.Config) { c.S3Bucket = "nowhere" }, "there is no bucket nowhere"},
		"another region":     {func(_ *testing.T, c *config.Config) { c.S3Region = "ap-south-1" }, "the region ap-south-1 is wrong"},
		"unknown credential": {func(t *testing.T, _ *config.Config) { t.Setenv("AWS_ACCESS_KEY_ID", "stranger") }, "doesn't take the credentials"},
		"wrong secret":       {func(t *testing.T, _ *config.Config) { t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong") }, "doesn't take the credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings(t)
			inBucket(t, g)(&cfg)
			c.change(t, &cfg)
			p := prepare(t, cfg)
			err := p.Start(t.Context())
			usage, ok := errors.AsType[*server.UsageError](err)
			if !ok || usage.ExitCode() != 2 || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the start says %v", err)
			}
			if p.Addr() != "" {
				t.Error("it serves")
			}
		})
	}
}

// A bucket that comes back is used again, without anybody's doing.
func TestBucketComesBack(t *testing.T) {
	g := s3test.Start(t)
	p := run(t, inBucket(t, g))
	location := p.upload("12345", "Upload-Length: 10")
	g.Stop()
	if a := p.patch(location, 5, "67890"); a.status != 503 && a.status != 423 {
		t.Errorf("PATCH heard %v", a)
	}
	if a := p.do("GET", "/readyz", ""); a.status != 200 || !strings.Contains(a.body, "S3: the endpoint can't be reached") {
		t.Errorf("/readyz says %v", a)
	}
	g.Restart(t)
	until(t, "the upload goes on", func() bool {
		offset := p.do("HEAD", location, "").get("Upload-Offset")
		return offset == "10" || offset == "5" && p.patch(location, 5, "67890").status == 204
	})
	if a := p.do("GET", "/readyz", ""); a.body != "ready\n" {
		t.Errorf("/readyz says %v", a)
	}
	p.announces(location)
}

// A form's files are uploads like any other, with the form's fields.
func TestFormIntoABucket(t *testing.T) {
	p := run(t, inBucket(t, s3test.Start(t)))
	large := randomText(seeded(t), 9<<20) // more than a part
	want := map[string]string{"a.txt": "hello", "empty": "", "large": large}
	files := p.stored(formOf(t, part{field: "file", file: "a.txt", text: "hello"}, part{field: "file", file: "empty"},
		part{field: "file", file: "large", text: large}, part{field: "note", text: "1"}))
	if len(files) != len(want) {
		t.Fatalf("stored: %+v", files)
	}
	for _, f := range files {
		if a := p.do("GET", f.URL, ""); a.body != want[f.Name] || f.Size != int64(len(want[f.Name])) || f.Status != "" || f.URL != "/files/"+f.ID {
			t.Errorf("%+v: GET heard %d, %d bytes", f, a.status, len(a.body))
		}
		if head := p.do("HEAD", f.URL, ""); !strings.Contains(head.get("Upload-Metadata"), "note "+b64("1")) {
			t.Errorf("%s: metadata %q", f.Name, head.get("Upload-Metadata"))
		}
		p.announces(f.URL)
	}
}

package server_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"plateau/config"
)

// Mistakes that others made, each named after the report of it.

// hexOf is a token as the file of tokens has it.
func hexOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

const (
	asAnna = "Authorization: Bearer anna-anna-anna-anna"
	asBert = "Authorization: Bearer bert-bert-bert-bert"
)

// letAnnaAndBertIn lets anna and bert in, who have nothing to do with each other.
func letAnnaAndBertIn(t testing.TB) func(*config.Config) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens")
	lines := "anna:" + hexOf("anna-anna-anna-anna") + "\nbert:" + hexOf("bert-bert-bert-bert") + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) { c.Auth, c.AuthTokensFile = "token", file }
}

// unchanged checks that what f does leaves every file as it is, and makes no event.
func (p *plateau) unchanged(f func()) {
	p.t.Helper()
	before, events := p.folder(), len(p.announced())
	f()
	if after := p.folder(); !maps.Equal(before, after) {
		p.t.Errorf("the folder changed: %q became %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
	if n := len(p.announced()); n != events {
		p.t.Errorf("%d events were made", n-events)
	}
}

// File Browser took DELETE of a tus upload from who had no permission to delete.
func TestCVE_2026_29188_DeleteWithoutPermission(t *testing.T) {
	p := run(t, letAnnaAndBertIn(t))
	open := p.upload("open", "Upload-Length: 9", asAnna)
	done := p.upload("done!", "Upload-Length: 5", asAnna)
	part := p.upload("part", "Upload-Length: 4", "Upload-Concat: partial", asAnna)
	p.announces(done)
	override := func(method string) []string { return []string{"X-HTTP-Method-Override: " + method} }
	for _, location := range []string{open, done, part} {
		p.unchanged(func() {
			for status, token := range map[int]string{404: asBert, 401: "X-Nothing: "} {
				for name, a := range map[string]answer{
					"DELETE":             p.do("DELETE", location, "", token),
					"override":           p.do("POST", location, "", append(override("DELETE"), token)...),
					"override, in lower": p.do("POST", location, "", append(override("delete"), token)...),
				} {
					if a.status != status {
						t.Errorf("%s of %s with %.22q: %v, want %d", name, location, token, a, status)
					}
				}
			}
			// Only POST may be another method: no proxy or cache lets a GET delete something.
			for _, method := range []string{"GET", "HEAD", "PATCH"} {
				if a := p.do(method, location, "", append(override("DELETE"), asAnna)...); a.status == 204 {
					t.Errorf("%s was taken for a DELETE: %v", method, a)
				}
			}
		})
		if a := p.do("DELETE", location, "", asAnna); a.status != 204 {
			t.Errorf("the owner's DELETE of %s: %v", location, a)
		}
	}
}

// File Browser took a negative Upload-Length for one that was reached at once, and ran
// what was to run after an upload.
func TestCVE_2026_32759_NegativeLength(t *testing.T) {
	p := run(t)
	deferred := p.upload("later", "Upload-Defer-Length: 1")
	lengths := []string{
		"-1", "-0", "-9223372036854775808", "-9223372036854775809", "9223372036854775808", "18446744073709551615", "18446744073709551621",
		"+5", "1e3", "0x10", "0b1", "1_000", "5.0", "5 bytes", "5,5", "5, -1", "NaN", "\u0665", "5\t5", "--5", "0 5", strings.Repeat("9", 1000),
	}
	p.unchanged(func() {
		for _, length := range lengths {
			for _, more := range [][]string{nil, {"Upload-Concat: partial"}, {"Upload-Metadata: filename YQ=="}} {
				for _, body := range []string{"", "12345"} {
					a := p.do("POST", "/files/", body, append(more, offsetStream, "Upload-Length: "+length)...)
					if a.status != 400 || a.code() != "ERR_INVALID_UPLOAD_LENGTH" || a.get("Location") != "" {
						t.Errorf("POST of length %q: %v", length, a)
					}
				}
			}
			a := p.do("PATCH", deferred, "x", offsetStream, "Upload-Offset: 5", "Upload-Length: "+length)
			if a.status != 400 || a.code() != "ERR_INVALID_UPLOAD_LENGTH" {
				t.Errorf("PATCH that declares %q: %v", length, a)
			}
			a = p.do("PATCH", deferred, "x", offsetStream, "Upload-Offset: "+length)
			if a.status != 400 || a.code() != "ERR_INVALID_OFFSET" {
				t.Errorf("PATCH at %q: %v", length, a)
			}
		}
		// A length that is said twice is none, in whatever order.
		for _, twice := range [][2]string{{"5", "-1"}, {"-1", "5"}, {"5", "5"}, {"", "5"}} {
			a := p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: "+twice[0], "Upload-Length: "+twice[1])
			if a.status != 400 || a.code() != "ERR_INVALID_UPLOAD_LENGTH" {
				t.Errorf("POST of lengths %q: %v", twice, a)
			}
		}
	})
	// White space around a header's value is none of it; zeros are digits.
	for _, length := range []string{" 5 ", "005"} {
		if a := p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: "+length); a.status != 201 || a.get("Upload-Offset") != "5" {
			t.Errorf("POST of length %q: %v", length, a)
		} else {
			p.announces(a.get("Location"))
		}
	}
	if n := len(p.announced()); n != 2 {
		t.Errorf("%d events of 2 uploads", n)
	}
}

// Directus let anybody change a file by tus who knew its id.
func TestCVE_2025_55746_FileOfAnotherChanged(t *testing.T) {
	p := run(t, letAnnaAndBertIn(t))
	open := p.upload("open", "Upload-Length: 9", asAnna)
	deferred := p.upload("later", "Upload-Defer-Length: 1", asAnna)
	done := p.upload("done!", "Upload-Length: 5", asAnna)
	part := p.upload("part", "Upload-Length: 4", "Upload-Concat: partial", asAnna)
	own := p.upload("bert", "Upload-Length: 4", "Upload-Concat: partial", asBert)
	p.announces(done)
	p.unchanged(func() {
		for _, token := range []string{asBert, "X-Nothing: "} {
			status := map[string]int{asBert: 404}[token] + map[string]int{"X-Nothing: ": 401}[token]
			for location, at := range map[string]int{open: 4, deferred: 5, done: 5, part: 4} {
				offset := fmt.Sprint("Upload-Offset: ", at)
				for name, a := range map[string]answer{
					"HEAD":             p.do("HEAD", location, "", token),
					"GET":              p.do("GET", location, "", token),
					"PATCH":            p.do("PATCH", location, "x", offsetStream, offset, token),
					"PATCH elsewhere":  p.do("PATCH", location, "x", offsetStream, "Upload-Offset: 0", token),
					"PATCH of nothing": p.do("PATCH", location, "", offsetStream, offset, token),
					"a length":         p.do("PATCH", location, "", offsetStream, offset, "Upload-Length: 5", token),
					"override":         p.do("POST", location, "x", offsetStream, offset, "X-HTTP-Method-Override: PATCH", token),
					"concat":           p.do("POST", "/files/", "", "Upload-Concat: final;"+own+" "+location, token),
					"concat alone":     p.do("POST", "/files/", "", "Upload-Concat: final;"+location, token),
				} {
					if a.status != status || a.get("Location") != "" || a.get("Upload-Offset") != "" {
						t.Errorf("%s of %s with %.22q: %v, want %d", name, location, token, a, status)
					}
				}
			}
		}
		// The owner can't change either what is finished.
		for at, body := range map[string]string{"5": "x", "0": "other"} {
			if a := p.do("PATCH", done, body, offsetStream, "Upload-Offset: "+at, asAnna); a.status != 413 && a.status != 409 {
				t.Errorf("PATCH of a finished upload at %s: %v", at, a)
			}
		}
	})
	if a := p.do("GET", done, "", asAnna); a.body != "done!" {
		t.Errorf("%v", a)
	}
}

// Supabase's storage joined what a client sent to the path of a file.
func TestPathTraversal(t *testing.T) {
	p := run(t)
	outside := filepath.Join(p.dir, "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	part := p.upload("part", "Upload-Length: 4", "Upload-Concat: partial")
	p.unchanged(func() {
		for _, id := range []string{
			"../outside", "..%2foutside", "..%2Foutside", "%2e%2e/outside", "%2e%2e%2foutside", "..%5coutside", `..\outside`, "....//outside", "..;/outside",
			"%252e%252e%252foutside", "..%00/outside", "outside%00.info", outside, "%2e", ".", "..", strings.Repeat("../", 200) + "etc/passwd",
			strings.Repeat("a", 129), strings.Repeat("a", 20_000), "%c0%ae%c0%ae/outside", "\u2025/outside",
		} {
			for _, method := range []string{"GET", "HEAD", "PATCH", "DELETE"} {
				w := p.dial()
				w.begin(method, "/files/"+strings.ReplaceAll(id, " ", "%20"), offsetStream, "Upload-Offset: 0", "Content-Length: 0")
				if a := w.mustHear(method); a.status != 404 {
					t.Errorf("%s /files/%.40s: %v", method, id, a)
				}
			}
			for _, list := range []string{"final;/files/" + id, "final;" + part + " /files/" + id, "final;http://127.0.0.1/files/" + id} {
				w := p.dial()
				w.begin("POST", "/files/", "Upload-Concat: "+list, "Content-Length: 0")
				if a := w.mustHear("POST"); a.status != 404 && a.status != 400 {
					t.Errorf("Upload-Concat: %.60s: %v", list, a)
				}
			}
		}
	})
	// A name is only a name: on the disk it is in the record, in a download without a path.
	names := []string{"../outside", "/etc/passwd", `..\..\outside`, "a\tb", strings.Repeat("n", 3000), "con", ".."}
	for _, name := range names {
		before := len(p.names())
		location := p.file("x", name, "text/plain")
		form := p.stored("--" + testBoundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\ny\r\n--" + testBoundary + "--\r\n")
		if got := p.names(); len(got) != before+4 || !slices.Contains(got, idOf(location)) || !slices.Contains(got, form[0].ID) {
			t.Errorf("%.40q makes the files %q", name, got)
		}
		for _, address := range []string{location, form[0].URL} {
			if a := p.do("GET", address, ""); a.status != 200 || strings.ContainsAny(a.get("Content-Disposition"), "/\\\x00") {
				t.Errorf("%.40q is named %q in a download", name, a.get("Content-Disposition"))
			}
		}
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "secret" {
		t.Errorf("outside is %q, %v", text, err)
	}
	entries, err := os.ReadDir(filepath.Dir(p.dir))
	if err != nil || len(entries) > 1 {
		t.Errorf("beside the data folder lie %v, %v", entries, err)
	}
}

// golang-jwt split a token at each of its dots, however many: a header of 64 KiB made it
// take megabytes.
func TestGO_2025_3553_MillionDots(t *testing.T) {
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) }))
	t.Cleanup(keys.Close)
	for name, settings := range map[string]func(*config.Config){
		"none":  func(*config.Config) {},
		"token": letAnnaAndBertIn(t),
		"jwt":   func(c *config.Config) { c.Auth, c.JWTJWKSURL = "jwt", keys.URL },
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, settings)
			w := p.dial()
			w.begin("POST", "/files/", "Authorization: Bearer "+strings.Repeat(".", 1_000_000), "Upload-Length: 5", "Content-Length: 0")
			if a, err := w.hear("POST"); err == nil && a.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("a million dots: %v", a)
			}
			const requests = 100
			dots := "Authorization: Bearer " + strings.Repeat(".", 60_000) // which net/http lets through
			ask := func() {
				a := p.do("OPTIONS", "/files/", "", dots)
				b := p.do("HEAD", "/files/0123456789abcdef0123456789abcdef", "", dots)
				if a.status != 204 || b.status != map[string]int{"none": 404}[name] && b.status != 401 {
					t.Fatalf("%v, %v", a, b)
				}
			}
			ask()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range requests {
				ask()
			}
			runtime.ReadMemStats(&after)
			// Each is in memory several times, as the client's header and the server's; a list
			// of its pieces would be 16 times as much.
			if each := (after.TotalAlloc - before.TotalAlloc) / requests / 2; each > 10*60_000 {
				t.Errorf("a request with 60,000 dots allocates %d bytes", each)
			}
		})
	}
}

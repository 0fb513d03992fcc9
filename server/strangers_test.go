package server_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plateau/config"
)

// guardedServer takes the tokens of alice, bob and the admin carol.
func guardedServer(t *testing.T, changes ...func(*config.Config)) *plateau {
	t.Helper()
	use, _ := withTokens(t, tokenLine("alice", "a-secret"), tokenLine("bob", "b-secret"), tokenLine("carol", "c-secret", ":admin"))
	return run(t, append([]func(*config.Config){use}, changes...)...)
}

// A stranger who knows an upload's address, and tries everything, doesn't cut the owner's
// PATCH. The owner does.
func TestStrangersCutNobody(t *testing.T) {
	p := guardedServer(t)
	location := p.create("Upload-Length: 10", bearer("a-secret"))
	owner := p.dial()
	owner.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 10", bearer("a-secret"))
	owner.send("12345")
	until(t, "five bytes are there", func() bool { return strings.HasPrefix(p.data(location), "12345") })

	for _, method := range []string{"PATCH", "DELETE", "HEAD", "GET"} {
		for _, token := range []string{"b-secret", "nobodys"} {
			want := 404
			if token == "nobodys" {
				want = 401
			}
			if a := p.do(method, location, "", offsetStream, "Upload-Offset: 5", bearer(token)); a.status != want {
				t.Errorf("%s of a stranger heard %v, want %d", method, a, want)
			}
		}
	}
	owner.send("67890")
	if a := owner.mustHear("PATCH"); a.status != 204 || a.get("Upload-Offset") != "10" {
		t.Errorf("the owner heard %v", a)
	}

	// The lock is not lost in all that: an admin's request takes over as the owner's own would.
	location = p.create("Upload-Length: 10", bearer("a-secret"))
	running := p.dial()
	running.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 10", bearer("a-secret"))
	running.send("12345")
	until(t, "five bytes are there", func() bool { return strings.HasPrefix(p.data(location), "12345") })
	if a := p.do("DELETE", location, "", bearer("c-secret")); a.status != 204 {
		t.Errorf("the admin's DELETE heard %v", a)
	}
	if a := running.mustHear("PATCH"); a.status != 423 || a.code() != "ERR_UPLOAD_TAKEN_OVER" {
		t.Errorf("the PATCH that was taken over heard %v", a)
	}
}

// What can't be opened is the owner's too: whoever may not use it doesn't hear that it is there.
func TestStrangersAndBrokenUploads(t *testing.T) {
	p := guardedServer(t)
	broken := func(text string) string {
		location := p.upload("hello", "Upload-Length: 5", bearer("a-secret"))
		path := filepath.Join(p.dir, "uploads", idOf(location))
		if text == "" { // the data is gone
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			return location
		}
		if err := os.WriteFile(path+".info", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return location
	}
	for name, text := range map[string]string{"without its bytes": "", "with a record that can't be read": "{"} {
		for _, method := range []string{"HEAD", "GET", "PATCH", "DELETE"} {
			location := broken(text)
			a := p.do(method, location, "", offsetStream, "Upload-Offset: 5", bearer("b-secret"))
			if a.status != 404 || method != "HEAD" && a.code() != "ERR_UPLOAD_NOT_FOUND" {
				t.Errorf("%s of a stranger, an upload %s: %v", method, name, a)
			}
			token, want := "a-secret", map[string]int{"HEAD": 410, "GET": 410, "PATCH": 410, "DELETE": 204}[method]
			if text != "" {
				token = "c-secret" // nobody knows whose it is
				if a := p.do(method, location, "", offsetStream, "Upload-Offset: 5", bearer("a-secret")); a.status != 404 {
					t.Errorf("%s, an upload of unknown owner: %v", method, a)
				}
			}
			if a := p.do(method, location, "", offsetStream, "Upload-Offset: 5", bearer(token)); a.status != want {
				t.Errorf("%s, an upload %s: %v, want %d", method, name, a, want)
			}
		}
	}
}

// The owner is in the record, the event and the log line, and nobody's uploads are an
// admin's only.
func TestOwnerIsKnown(t *testing.T) {
	p := guardedServer(t)
	location := p.upload("hello", "Upload-Length: 5", bearer("a-secret"))
	p.announces(location)
	var record struct{ Storage map[string]string }
	if err := json.Unmarshal([]byte(p.data(location+".info")), &record); err != nil || record.Storage["Owner"] != "alice" {
		t.Errorf("the record is %s (%v)", p.data(location+".info"), err)
	}
	if !strings.Contains(p.out.String(), `"owner":"alice"`) {
		t.Errorf("the event is %s", p.out.String())
	}
	if lines := p.log.requests(t, "POST", "/files/"); len(lines) != 1 || lines[0]["owner"] != "alice" {
		t.Errorf("the log has %v", lines)
	}

	// A final is its parts' owner's, whoever asks for it.
	part := func(text string) string {
		return p.upload(text, "Upload-Length: 5", "Upload-Concat: partial", bearer("a-secret"))
	}
	final := p.create("Upload-Concat: final;"+part("first")+" "+part("secon"), bearer("c-secret"))
	if a := p.do("GET", final, "", bearer("a-secret")); a.status != 200 || a.body != "firstsecon" {
		t.Errorf("the final of alice's parts, which an admin made: %v", a)
	}

	p.stop()
	before := p.againWith(func(c *config.Config) { c.Auth = "none" })
	nobodys := before.upload("hello", "Upload-Length: 5")
	if a := before.do("GET", location, ""); a.status != 200 {
		t.Errorf("with --auth none: %v", a)
	}
	before.stop()
	use, _ := withTokens(t, tokenLine("alice", "a-secret"), tokenLine("carol", "c-secret", ":admin"))
	after := before.againWith(use)
	for token, want := range map[string]int{"a-secret": 404, "c-secret": 200} {
		if a := after.do("HEAD", nobodys, "", bearer(token)); a.status != want {
			t.Errorf("an upload that is nobody's: %v, want %d", a, want)
		}
	}
}

// How a token may be sent.
func TestAuthorizationHeader(t *testing.T) {
	p := guardedServer(t)
	for _, row := range []struct {
		headers []string
		status  int
		code    string
	}{
		{[]string{"Authorization: Bearer a-secret"}, 201, ""},
		{[]string{"Authorization: bearer a-secret"}, 201, ""},
		{[]string{"Authorization: BEARER   a-secret"}, 201, ""},
		{[]string{"authorization: Bearer a-secret"}, 201, ""},
		{nil, 401, "ERR_TOKEN_MISSING"},
		{[]string{"Authorization: Basic YWxpY2U6YS1zZWNyZXQ="}, 401, "ERR_TOKEN_MISSING"},
		{[]string{"Authorization: a-secret"}, 401, "ERR_TOKEN_MISSING"},
		{[]string{"Authorization: Bearer"}, 401, "ERR_TOKEN_INVALID"},
		{[]string{"Authorization: Bearer a-secret b"}, 401, "ERR_TOKEN_INVALID"},
		{[]string{"Authorization: Bearer a-secret, Bearer b-secret"}, 401, "ERR_TOKEN_INVALID"},
		{[]string{"Authorization: Bearer a-secret", "Authorization: Bearer a-secret"}, 401, "ERR_TOKEN_INVALID"},
		{[]string{"Authorization: Bearer " + strings.Repeat("a", 8<<10+1)}, 401, "ERR_TOKEN_INVALID"},
		{[]string{"Authorization: Bearer \xff\xfe"}, 401, "ERR_TOKEN_INVALID"},
		{[]string{"Cookie: token=a-secret"}, 401, "ERR_TOKEN_MISSING"},
	} {
		w := p.dial()
		w.begin("POST", "/files/", append(row.headers, "Upload-Length: 5")...)
		if a := w.mustHear("POST"); a.status != row.status || a.status >= 400 && a.code() != row.code {
			t.Errorf("%.60q heard %v, want %d %s", row.headers, a, row.status, row.code)
		}
	}
	// A query is no place for a token (it would be in logs), and isn't looked at.
	if a := p.do("POST", "/files/?access_token=a-secret&token=a-secret", "", "Upload-Length: 5"); a.status != 401 {
		t.Errorf("a token in the query: %v", a)
	}
}

// Who sends a request is found out when it begins: what runs goes on when its token is
// worth nothing any more.
func TestTokenEndsInMidUpload(t *testing.T) {
	use, file := withTokens(t, tokenLine("alice", "a-first"), tokenLine("alice", "a-second"))
	p := run(t, use)
	location := p.create("Upload-Length: 10", bearer("a-first"))
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 10", bearer("a-first"))
	w.send("12345")
	until(t, "five bytes are there", func() bool { return strings.HasPrefix(p.data(location), "12345") })
	tokensFile(t, file, tokenLine("alice", "a-second"))
	until(t, "the token is refused", func() bool { return p.do("HEAD", location, "", bearer("a-first")).status == 401 })
	w.send("67890")
	if a := w.mustHear("PATCH"); a.status != 204 {
		t.Errorf("the PATCH that ran heard %v", a)
	}
	if a := p.do("HEAD", location, "", bearer("a-second")); a.status != 200 || a.get("Upload-Offset") != "10" {
		t.Errorf("HEAD with the new token heard %v", a)
	}
}

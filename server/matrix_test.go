package server_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/store/s3/s3test"
)

// The uploads of the matrix are alice's.
const theOwner = "alice"

// kind is what a sender is to a request for alice's upload.
type kind int

const (
	owns           kind = iota
	stranger            // another owner
	admin               // may use all uploads
	refused             // has no token that is worth anything
	ownsExpired         // alice's token, whose time is over
	strangeExpired      // and another owner's
	ownsEarly           // alice's token, whose time hasn't come: it hears what an expired one does
	unsure              // the key can't be known now: the same as refused, but that nobody is to start over
)

// cell is one request of the matrix, for alice's uploads: {open} has 5 of 10 bytes, {done} is finished, {part} is a complete
// part. Its statuses are those that the kinds of senders hear, in their order.
type cell struct {
	name, method, path string
	headers            []string
	body               string
	statuses           [6]int // of the kinds up to strangeExpired
}

// status is what a kind of sender hears.
func (c cell) status(k kind) int {
	switch {
	case k == ownsEarly:
		return c.statuses[ownsExpired]
	case k != unsure:
		return c.statuses[k]
	case c.statuses[refused] != 401:
		return c.statuses[refused]
	case methodOf(c) == "HEAD":
		return 423
	}
	return 503
}

func cells() []cell {
	const (
		atEnd = "Upload-Offset: 5"
		form  = "Content-Type: multipart/form-data; boundary=b"
		file  = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nhello\r\n--b--\r\n"
	)
	override := func(method string) string { return "X-HTTP-Method-Override: " + method }
	return []cell{
		{"POST", "POST", "/files/", []string{"Upload-Length: 5"}, "", [6]int{201, 201, 201, 401, 401, 401}},
		{"POST with bytes", "POST", "/files/", []string{"Upload-Length: 5", offsetStream}, "hello", [6]int{201, 201, 201, 401, 401, 401}},
		{"HEAD receiving", "HEAD", "{open}", nil, "", [6]int{200, 404, 200, 401, 423, 404}},
		{"HEAD finished", "HEAD", "{done}", nil, "", [6]int{200, 404, 200, 401, 423, 404}},
		{"HEAD of nothing", "HEAD", "{none}", nil, "", [6]int{404, 404, 404, 401, 404, 404}},
		{"PATCH receiving", "PATCH", "{open}", []string{offsetStream, atEnd}, "67890", [6]int{204, 404, 204, 401, 401, 401}},
		{"PATCH at a wrong offset", "PATCH", "{open}", []string{offsetStream, "Upload-Offset: 3"}, "67890", [6]int{409, 404, 409, 401, 401, 401}},
		{"PATCH finished", "PATCH", "{done}", []string{offsetStream, atEnd}, "6", [6]int{413, 404, 413, 401, 401, 401}},
		{"DELETE receiving", "DELETE", "{open}", nil, "", [6]int{204, 404, 204, 401, 401, 401}},
		{"DELETE finished", "DELETE", "{done}", nil, "", [6]int{204, 404, 204, 401, 401, 401}},
		{"GET receiving", "GET", "{open}", nil, "", [6]int{404, 404, 404, 401, 401, 401}},
		{"GET finished", "GET", "{done}", nil, "", [6]int{200, 404, 200, 401, 401, 401}},
		{"GET part of finished", "GET", "{done}", []string{"Range: bytes=1-2"}, "", [6]int{206, 404, 206, 401, 401, 401}},
		{"OPTIONS", "OPTIONS", "/files/", nil, "", [6]int{204, 204, 204, 204, 204, 204}},
		{"OPTIONS of an upload", "OPTIONS", "{open}", nil, "", [6]int{204, 204, 204, 204, 204, 204}},
		{"concat", "POST", "/files/", []string{"Upload-Concat: final;{part} {part2}"}, "", [6]int{201, 404, 201, 401, 401, 401}},
		{"concat with one part of another", "POST", "/files/", []string{"Upload-Concat: final;{bobs} {part}"}, "", [6]int{404, 404, 400, 401, 401, 401}},
		{"concat again", "POST", "/files/", []string{"Upload-Concat: final;{joined1} {joined2}"}, "", [6]int{201, 404, 201, 401, 401, 401}},
		{"override PATCH", "POST", "{open}", []string{override("PATCH"), offsetStream, atEnd}, "67890", [6]int{204, 404, 204, 401, 401, 401}},
		{"override DELETE", "POST", "{open}", []string{override("delete")}, "", [6]int{204, 404, 204, 401, 401, 401}},
		{"override HEAD", "POST", "{open}", []string{override("HEAD")}, "", [6]int{200, 404, 200, 401, 423, 404}},
		{"override GET", "POST", "{done}", []string{override("GET")}, "", [6]int{200, 404, 200, 401, 401, 401}},
		{"override OPTIONS", "POST", "{open}", []string{override("OPTIONS")}, "", [6]int{204, 204, 204, 204, 204, 204}},
		{"form", "POST", "/upload", []string{form}, file, [6]int{201, 201, 201, 401, 401, 401}},
		{"OPTIONS of forms", "OPTIONS", "/upload", nil, "", [6]int{204, 204, 204, 204, 204, 204}},
		{"link of receiving", "POST", "/links/{openid}", nil, "", [6]int{404, 404, 404, 401, 401, 401}},
		{"link of finished", "POST", "/links/{doneid}", nil, "", [6]int{201, 404, 201, 401, 401, 401}},
		{"whoami", "GET", "/whoami", nil, "", [6]int{200, 200, 200, 401, 401, 401}},
		{"OPTIONS of links", "OPTIONS", "/links/{doneid}", nil, "", [6]int{204, 204, 204, 204, 204, 204}},
	}
}

// {owner, other owner, admin, no token, …} × {POST, HEAD, PATCH, …}: what each hears, and
// that who may not do a thing changes nothing.
func TestMatrixOfTokens(t *testing.T) {
	id := issue(t)
	id.change(func(s *issuer) { s.keys["rsa"] = rsaKey(t) })
	p := run(t, id.use)
	p.matrix(t, id.token(theOwner), id.token("bob"), id.senders(t), p.has)
}

// The same with the tokens of a file.
func TestMatrixOfTokensInAFile(t *testing.T) {
	use, _ := withTokens(t, tokenLine(theOwner, "a-secret"), tokenLine(theOwner, "a-second"), tokenLine("bob", "b-secret"), tokenLine("carol", "c-secret", ":admin"))
	p := run(t, use)
	p.matrix(t, "a-secret", "b-secret", []matrixSender{
		{"owner", owns, "a-secret"},
		{"owner by another token", owns, "a-second"},
		{"other owner", stranger, "b-secret"},
		{"admin", admin, "c-secret"},
		{"no token", refused, ""},
		{"unknown token", refused, "d-secret"},
		{"the hash itself", refused, strings.TrimSpace(strings.TrimPrefix(tokenLine("", "a-secret"), ":"))},
		{"a JSON Web Token", refused, issue(t).token(theOwner)},
	}, p.has)
}

// The same in a bucket, with one sender of each kind.
func TestMatrixInABucket(t *testing.T) {
	g := s3test.Start(t)
	id := issue(t)
	expired := map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}
	p := run(t, id.use, inBucket(t, g))
	p.matrix(t, id.token(theOwner), id.token("bob"), []matrixSender{
		{"owner", owns, id.token(theOwner)},
		{"other owner", stranger, id.token("bob")},
		{"admin", admin, id.token("carol", map[string]any{"roles": "upload-admin"})},
		{"no token", refused, ""},
		{"expired", ownsExpired, id.token(theOwner, expired)},
		{"other's expired", strangeExpired, id.token("bob", expired)},
	}, nil)
}

// has is what there is of uploads, and how many files there are.
func (p *plateau) has(ids []string) map[string]string {
	files := map[string]string{"": fmt.Sprint(len(p.names()))}
	for _, id := range ids {
		for _, name := range []string{id, id + ".info"} {
			if text, err := os.ReadFile(filepath.Join(p.dir, "uploads", name)); err == nil {
				files[name] = string(text)
			}
		}
	}
	return files
}

// matrix asserts every cell. has says what must not change where a sender is refused; nil: that isn't looked at.
func (p *plateau) matrix(t *testing.T, alice, bob string, senders []matrixSender, has func(ids []string) map[string]string) {
	defer func() {
		log := p.log.String()
		for _, sender := range senders {
			if len(sender.token) > len("x") && strings.Contains(log, sender.token) {
				t.Errorf("the token of %q is in the log", sender.name)
			}
		}
	}()
	for _, c := range cells() {
		names, ids, none := p.aliceHas(alice, bob)
		for _, sender := range senders {
			t.Run(c.name+"/"+sender.name, func(t *testing.T) {
				p := p.in(t)
				headers := make([]string, len(c.headers))
				for i, h := range c.headers {
					headers[i] = names.Replace(h)
				}
				if sender.token != "" {
					headers = append(headers, bearer(sender.token))
				}
				var before map[string]string
				if has != nil {
					before = has(ids)
				}
				a := p.do(c.method, names.Replace(c.path), c.body, headers...)
				want := c.status(sender.kind)
				if a.status != want {
					t.Fatalf("heard %v, want %d", a, want)
				}
				p.checkRefusal(t, c, a, sender)
				switch {
				case want < 300 && c.method != "GET" && c.method != "HEAD" && c.method != "OPTIONS":
					names, ids, none = p.aliceHas(alice, bob) // for the next
				case want >= 400 && has != nil && !maps.Equal(before, has(ids)):
					t.Error("something was changed")
				}
				if want == 404 && strings.Contains(c.path, "{") && !strings.Contains(c.path, "id}") {
					p.sameAsMissing(t, c, names.Replace(c.path), none, headers, a)
				}
			})
		}
	}
}

// checkRefusal checks what goes with the status of a request without a good token.
func (p *plateau) checkRefusal(t *testing.T, c cell, a answer, sender matrixSender) {
	t.Helper()
	challenge := a.get("WWW-Authenticate")
	if (sender.kind != unsure && (a.status == 401 || a.status == 423)) != strings.HasPrefix(challenge, `Bearer realm="plateau"`) {
		t.Errorf("%d with WWW-Authenticate %q", a.status, challenge)
	}
	if a.status == 401 && (sender.token == "") == strings.Contains(challenge, `error="invalid_token"`) {
		t.Errorf("WWW-Authenticate is %q with the token %q", challenge, sender.token)
	}
	if tells := strings.Contains(challenge, "expired"); tells != ((sender.kind == ownsExpired || sender.kind == strangeExpired) && challenge != "") {
		t.Errorf("WWW-Authenticate is %q", challenge)
	}
	if early := strings.Contains(challenge, "not valid yet"); early != (sender.kind == ownsEarly && challenge != "") {
		t.Errorf("WWW-Authenticate is %q", challenge)
	}
	if a.status >= 400 {
		checkError(t, methodOf(c), a, p.dir)
	}
}

// methodOf is what the server takes a cell's method for.
func methodOf(c cell) string {
	if slices.Contains(c.headers, "X-HTTP-Method-Override: HEAD") {
		return "HEAD"
	}
	return c.method
}

// sameAsMissing checks that nothing in the answer tells an upload of others from none.
func (p *plateau) sameAsMissing(t *testing.T, c cell, path, none string, headers []string, a answer) {
	t.Helper()
	other := p.do(c.method, none, c.body, headers...)
	a.header.Del("Date")
	other.header.Del("Date")
	if fmt.Sprint(a) != fmt.Sprint(other) {
		t.Errorf("%s heard %v, and %s, which isn't there, %v", path, a, none, other)
	}
}

// aliceHas makes uploads of alice, and returns what replaces their names, their ids, and the address of none.
func (p *plateau) aliceHas(alice, bob string) (names *strings.Replacer, ids []string, none string) {
	p.t.Helper()
	partOf := func(token, text string) string {
		return p.upload(text, "Upload-Length: 5", "Upload-Concat: partial", bearer(token))
	}
	open := p.upload("12345", "Upload-Length: 10", bearer(alice))
	done := p.upload("hello", "Upload-Length: 5", bearer(alice))
	joined1, joined2 := partOf(alice, "first"), partOf(alice, "secon")
	p.create("Upload-Concat: final;"+joined1+" "+joined2, bearer(alice))
	gone := p.create("Upload-Length: 5", bearer(alice))
	if a := p.do("DELETE", gone, "", bearer(alice)); a.status != 204 {
		p.t.Fatalf("delete: %v", a)
	}
	part1, part2, bobs := partOf(alice, "parts"), partOf(alice, "parts"), partOf(bob, "bobs.")
	for _, location := range []string{open, done, joined1, joined2, part1, part2, bobs} {
		ids = append(ids, idOf(location))
	}
	return strings.NewReplacer(
		"{openid}", idOf(open), "{doneid}", idOf(done), "{open}", open, "{done}", done, "{part}", part1, "{part2}", part2,
		"{bobs}", bobs, "{joined1}", joined1, "{joined2}", joined2, "{none}", gone,
	), ids, gone
}

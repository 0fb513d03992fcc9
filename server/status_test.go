package server_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plateau/config"
)

// badRequest is one row of a table of requests that change nothing.
type badRequest struct {
	name    string
	method  string
	path    string // with {open} and the like, see fixture
	headers []string
	body    string
	status  int
	code    string
	want    string // a header that the answer has
}

// fixture makes uploads in every state, and returns what replaces their names.
func (p *plateau) fixture() *strings.Replacer {
	p.t.Helper()
	first := p.upload("first", "Upload-Length: 5", "Upload-Concat: partial")
	second := p.upload("second", "Upload-Length: 6", "Upload-Concat: partial")
	names := []string{
		"{open}", p.upload("open", "Upload-Length: 10"),
		"{deferred}", p.upload("later", "Upload-Defer-Length: 1"),
		"{done}", p.upload("done!", "Upload-Length: 5"),
		"{part}", p.upload("part", "Upload-Length: 4", "Upload-Concat: partial"),
		"{openpart}", p.upload("op", "Upload-Length: 9", "Upload-Concat: partial"),
		"{final}", p.create("Upload-Concat: final;" + first + " " + second),
		"{first}", first,
	}
	return strings.NewReplacer(names...)
}

// refuses sends each request and checks the answer, and that nothing changed.
func (p *plateau) refuses(t *testing.T, rows []badRequest) {
	names := p.fixture()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := p.in(t)
			before := p.folder()
			headers := make([]string, len(row.headers))
			for i, h := range row.headers {
				headers[i] = names.Replace(h)
			}
			w := p.dial()
			if !strings.Contains(strings.Join(headers, "\n"), "Transfer-Encoding") {
				headers = append(headers, fmt.Sprint("Content-Length: ", len(row.body)))
			}
			w.begin(row.method, names.Replace(row.path), headers...)
			w.send(row.body)
			a := w.mustHear(row.method)
			if a.status != row.status || (row.method != "HEAD" && a.code() != row.code) {
				t.Fatalf("heard %v, want %d %s", a, row.status, row.code)
			}
			checkError(t, row.method, a, p.dir)
			if name, value, found := strings.Cut(row.want, ": "); found && a.get(name) != value {
				t.Errorf("%s is %q, want %q", name, a.get(name), value)
			}
			w = p.dial()
			w.begin(row.method, names.Replace(row.path), append(headers, "Accept: application/problem+json")...)
			w.send(row.body)
			checkProblem(t, row.method, w.mustHear(row.method), a)
			if after := p.folder(); !maps.Equal(before, after) {
				t.Errorf("the folder changed: %q became %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

// checkError checks what holds for every error answer.
func checkError(t *testing.T, method string, a answer, dir string) {
	t.Helper()
	if a.get("Upload-Offset") != "" {
		t.Errorf("an error with Upload-Offset: %v", a)
	}
	if strings.Contains(a.body, dir) || strings.Contains(a.body, "uploads/") {
		t.Errorf("an error names a path of the machine: %q", a.body)
	}
	switch {
	case method == "HEAD" && a.body != "":
		t.Errorf("HEAD has a body: %q", a.body)
	case method != "HEAD" && !strings.HasPrefix(a.get("Content-Type"), "text/plain"):
		t.Errorf("the type of an error is %q", a.get("Content-Type"))
	case method != "HEAD" && !regexp.MustCompile(`^ERR_[A-Z_]+: [^\n]+\n?$`).MatchString(a.body):
		t.Errorf("the error is not a code and a sentence: %q", a.body)
	}
	if (a.status == 423 || a.status == 503) != (a.get("Retry-After") != "") {
		t.Errorf("%d with Retry-After %q", a.status, a.get("Retry-After"))
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestBadCreation(t *testing.T) {
	const length = "Upload-Length: 5"
	chunked := []string{offsetStream, length, "Transfer-Encoding: chunked"}
	run(t, func(c *config.Config) { c.MaxSize = 1000 }).refuses(t, []badRequest{
		{"no length", "POST", "/files/", nil, "", 400, "ERR_INVALID_UPLOAD_LENGTH", ""},
		{"negative length", "POST", "/files/", []string{"Upload-Length: -1"}, "", 400, "ERR_INVALID_UPLOAD_LENGTH", ""},
		{"length overflows", "POST", "/files/", []string{"Upload-Length: 9223372036854775808"}, "", 400, "ERR_INVALID_UPLOAD_LENGTH", ""},
		{"length is no number", "POST", "/files/", []string{"Upload-Length: 5 bytes"}, "", 400, "ERR_INVALID_UPLOAD_LENGTH", ""},
		{"length and deferred", "POST", "/files/", []string{length, "Upload-Defer-Length: 1"}, "", 400, "ERR_AMBIGUOUS_UPLOAD_LENGTH", ""},
		{"deferred by 2", "POST", "/files/", []string{"Upload-Defer-Length: 2"}, "", 400, "ERR_INVALID_UPLOAD_LENGTH_DEFER", ""},
		{"larger than allowed", "POST", "/files/", []string{"Upload-Length: 1001"}, "", 413, "ERR_MAX_SIZE_EXCEEDED", ""},
		{"body too long", "POST", "/files/", []string{offsetStream, length}, "123456", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"chunked body too long", "POST", "/files/", chunked, "6\r\n123456\r\n0\r\n\r\n", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"chunked body malformed", "POST", "/files/", chunked, "zz\r\n", 400, "ERR_BODY_MALFORMED", ""},
		{"chunked body over max-size", "POST", "/files/", []string{offsetStream, "Upload-Defer-Length: 1", "Transfer-Encoding: chunked"}, "3e9\r\n" + strings.Repeat("x", 1001) + "\r\n0\r\n\r\n", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"body over max-size", "POST", "/files/", []string{offsetStream, "Upload-Defer-Length: 1"}, strings.Repeat("x", 1001), 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"body of another type", "POST", "/files/", []string{length, "Content-Type: text/plain"}, "12345", 415, "ERR_INVALID_CONTENT_TYPE", ""},
		{"body without a type", "POST", "/files/", []string{length}, "12345", 415, "ERR_INVALID_CONTENT_TYPE", ""},
		{"chunked body of another type", "POST", "/files/", []string{length, "Content-Type: text/plain", "Transfer-Encoding: chunked"}, "1\r\nx\r\n0\r\n\r\n", 415, "ERR_INVALID_CONTENT_TYPE", ""},
		{"no version", "POST", "/files/", []string{length, "Tus-Resumable: "}, "", 412, "ERR_UNSUPPORTED_VERSION", "Tus-Version: 1.0.0"},
		{"collection deleted", "DELETE", "/files/", nil, "", 405, "ERR_METHOD_NOT_ALLOWED", "Allow: POST, OPTIONS"},
		{"collection read", "GET", "/files/", nil, "", 405, "ERR_METHOD_NOT_ALLOWED", "Allow: POST, OPTIONS"},
		{"method made up", "BREW", "/files/", nil, "", 405, "ERR_METHOD_NOT_ALLOWED", "Allow: POST, OPTIONS"},
		{"elsewhere", "POST", "/elsewhere", []string{length}, "", 405, "ERR_METHOD_NOT_ALLOWED", "Allow: GET, HEAD"},
		{"override made up", "POST", "/files/", []string{length, "X-HTTP-Method-Override: BREW"}, "", 405, "ERR_METHOD_NOT_ALLOWED", ""},
	})
}

func TestBadMetadata(t *testing.T) {
	row := func(name, metadata string, status int) badRequest {
		code := map[int]string{400: "ERR_INVALID_METADATA", 413: "ERR_METADATA_TOO_LARGE"}[status]
		return badRequest{name, "POST", "/files/", []string{"Upload-Length: 5", "Upload-Metadata: " + metadata}, "", status, code, ""}
	}
	p := run(t)
	p.refuses(t, []badRequest{
		row("not Base64", "filename !!!!", 400),
		row("Base64 without padding", "filename YQ", 400),
		row("Base64 of URLs", "filename _-8=", 400),
		row("not UTF-8", "filename "+b64("\xff\xfe"), 400),
		row("key twice", "a "+b64("1")+",a "+b64("2"), 400),
		row("three words", "a b c", 400),
		row("key not ASCII", "\u00e4 "+b64("1"), 400),
		row("value too large", "a "+b64(strings.Repeat("x", 4096)), 413),
		row("values too large", "a "+b64(strings.Repeat("x", 2048))+",b "+b64(strings.Repeat("x", 2048)), 413),
		row("far too large", "a "+strings.Repeat("A", 20000), 413),
		{"second header", "POST", "/files/", []string{"Upload-Length: 5", "Upload-Metadata: a " + b64("1"), "Upload-Metadata: a " + b64("2")}, "", 400, "ERR_INVALID_METADATA", ""},
	})
	for _, good := range []string{"", "a", "a " + b64(strings.Repeat("x", 4095)), "filename " + b64("größe.txt") + ",empty ", " a , b " + b64("1")} {
		if a := p.do("POST", "/files/", "", "Upload-Length: 5", "Upload-Metadata: "+good); a.status != 201 {
			t.Errorf("%.20q: %v", good, a)
		}
	}
}

func TestBadPatch(t *testing.T) {
	at := func(offset string, more ...string) []string {
		return append([]string{offsetStream, "Upload-Offset: " + offset}, more...)
	}
	chunked := at("4", "Transfer-Encoding: chunked")
	run(t, func(c *config.Config) { c.MaxSize = 1000 }).refuses(t, []badRequest{
		{"no offset", "PATCH", "{open}", []string{offsetStream}, "x", 400, "ERR_INVALID_OFFSET", ""},
		{"negative offset", "PATCH", "{open}", at("-1"), "x", 400, "ERR_INVALID_OFFSET", ""},
		{"offset overflows", "PATCH", "{open}", at("9223372036854775808"), "x", 400, "ERR_INVALID_OFFSET", ""},
		{"offset behind", "PATCH", "{open}", at("3"), "x", 409, "ERR_MISMATCHED_OFFSET", ""},
		{"offset beyond", "PATCH", "{open}", at("5"), "x", 409, "ERR_MISMATCHED_OFFSET", ""},
		{"offset beyond the end", "PATCH", "{open}", at("11"), "x", 409, "ERR_MISMATCHED_OFFSET", ""},
		{"largest offset", "PATCH", "{open}", at("9223372036854775807"), "x", 409, "ERR_MISMATCHED_OFFSET", ""},
		{"too long", "PATCH", "{open}", at("4"), "1234567", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"chunked too long", "PATCH", "{open}", chunked, "7\r\n1234567\r\n0\r\n\r\n", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"chunked malformed", "PATCH", "{open}", chunked, "zz\r\n", 400, "ERR_BODY_MALFORMED", ""},
		{"type", "PATCH", "{open}", []string{"Content-Type: text/plain", "Upload-Offset: 4"}, "x", 415, "ERR_INVALID_CONTENT_TYPE", ""},
		{"no type", "PATCH", "{open}", []string{"Upload-Offset: 4"}, "x", 415, "ERR_INVALID_CONTENT_TYPE", ""},
		{"version", "PATCH", "{open}", at("4", "Tus-Resumable: 0.2.2"), "x", 412, "ERR_UNSUPPORTED_VERSION", "Tus-Version: 1.0.0"},
		{"another length of a known one", "PATCH", "{open}", at("4", "Upload-Length: 11"), "x", 400, "ERR_INVALID_UPLOAD_LENGTH", ""},
		{"length declared below", "PATCH", "{deferred}", at("5", "Upload-Length: 4"), "", 400, "ERR_INVALID_UPLOAD_LENGTH", ""},
		{"length declared negative", "PATCH", "{deferred}", at("5", "Upload-Length: -4"), "", 400, "ERR_INVALID_UPLOAD_LENGTH", ""},
		{"length declared too large", "PATCH", "{deferred}", at("5", "Upload-Length: 1001"), "x", 413, "ERR_MAX_SIZE_EXCEEDED", ""},
		{"sealed, wrong offset", "PATCH", "{done}", at("4"), "x", 409, "ERR_MISMATCHED_OFFSET", ""},
		{"sealed, a body", "PATCH", "{done}", at("5"), "x", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"sealed, a chunked body", "PATCH", "{done}", at("5", "Transfer-Encoding: chunked"), "1\r\nx\r\n0\r\n\r\n", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"part whose bytes are gone", "PATCH", "{first}", at("5"), "x", 413, "ERR_UPLOAD_SIZE_EXCEEDED", ""},
		{"final", "PATCH", "{final}", at("11"), "x", 403, "ERR_MODIFY_FINAL", ""},
		{"final, wrong offset", "PATCH", "{final}", at("4"), "x", 403, "ERR_MODIFY_FINAL", ""},
		{"final, no body", "PATCH", "{final}", at("11"), "", 403, "ERR_MODIFY_FINAL", ""},
		{"override", "POST", "{open}", at("3", "X-HTTP-Method-Override: PATCH"), "x", 409, "ERR_MISMATCHED_OFFSET", ""},
		{"put", "PUT", "{open}", at("4"), "x", 405, "ERR_METHOD_NOT_ALLOWED", ""},
		{"post", "POST", "{open}", at("4"), "x", 405, "ERR_METHOD_NOT_ALLOWED", ""},
		{"delete, wrong version", "DELETE", "{open}", []string{"Tus-Resumable: 2"}, "", 412, "ERR_UNSUPPORTED_VERSION", "Tus-Version: 1.0.0"},
	})
}

func TestBadFinal(t *testing.T) {
	concat := func(name, value string, status int, code string) badRequest {
		return badRequest{name, "POST", "/files/", []string{"Upload-Concat: " + value}, "", status, code, ""}
	}
	run(t).refuses(t, []badRequest{
		concat("missing part", "final;{part} /files/0123456789abcdef0123456789abcdef", 404, "ERR_UPLOAD_NOT_FOUND"),
		concat("no valid id", "final;{part} /files/..", 404, "ERR_UPLOAD_NOT_FOUND"),
		concat("unfinished part", "final;{part} {openpart}", 400, "ERR_UPLOAD_NOT_FINISHED"),
		concat("no part", "final;{part} {done}", 400, "ERR_INVALID_CONCAT"),
		concat("a final as part", "final;{part} {final}", 400, "ERR_INVALID_CONCAT"),
		concat("a part twice", "final;{part} {part}", 400, "ERR_INVALID_CONCAT"),
		concat("a part of another final", "final;{part} {first}", 400, "ERR_INVALID_CONCAT"),
		concat("no parts", "final;", 400, "ERR_INVALID_CONCAT"),
		concat("spaces only", "final;  ", 400, "ERR_INVALID_CONCAT"),
		concat("neither", "whole", 400, "ERR_INVALID_CONCAT"),
		concat("partial without a length", "partial", 400, "ERR_INVALID_UPLOAD_LENGTH"),
		concat("no URL", "final;http://[::1/files/x", 400, "ERR_INVALID_CONCAT"),
		{"with a body", "POST", "/files/", []string{offsetStream, "Upload-Concat: final;{part}"}, "x", 403, "ERR_MODIFY_FINAL", ""},
	})
}

func TestUnknownIDs(t *testing.T) {
	var rows []badRequest
	for _, id := range []string{
		"0123456789abcdef0123456789abcdef", "unknown", "..", "../lock", "..%2Flock", "%2e%2e%2flock", "../../etc/passwd",
		"/etc/passwd", "%2Fetc%2Fpasswd", "a%00b", "%00", "a%2Fb", "a/b", "a/", ".info", "lock", "x.info", "%c3%a4", "a%20b", "%5C..%5Clock",
		strings.Repeat("a", 129),
	} {
		for _, method := range []string{"GET", "HEAD", "PATCH", "DELETE"} {
			headers := []string{offsetStream, "Upload-Offset: 0"}
			rows = append(rows, badRequest{method + " " + id, method, "/files/" + id, headers, "", 404, "ERR_UPLOAD_NOT_FOUND", ""})
		}
	}
	p := run(t)
	p.refuses(t, rows)
	for id := range maps.Keys(p.folder()) {
		if record, found := strings.CutSuffix(id, ".info"); found {
			for _, path := range []string{"/files/" + id, "/files/./" + record, "/files//" + record, "//files/" + record, "/files%2F" + record, "/x/../files/" + record} {
				w := p.dial()
				w.begin("GET", path)
				if a := w.mustHear("GET"); a.status != 404 {
					t.Errorf("GET %s: %v", path, a)
				}
			}
		}
	}
}

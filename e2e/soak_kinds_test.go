package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// soakKind is something that clients do. Of every deck of a client, share cards say so.
type soakKind struct {
	name  string
	share int
	do    func(soakClient)
}

func soakKinds() []soakKind {
	return []soakKind{
		{"creation", 4, soakClient.create},
		{"PATCH", 4, soakClient.patch},
		{"deferred", 2, soakClient.deferred},
		{"resumed", 3, soakClient.resumed},
		{"final", 2, soakClient.final},
		{"form, small", 3, soakClient.smallForm},
		{"form, 1.4 MB", 2, soakClient.largeForm},
		{"form, files", 2, soakClient.manyFiles},
		{"PATCH cut, removed", 2, soakClient.givenUp},
		{"removed while it runs", 1, soakClient.removedInFlight},
		{"creation cut", 1, soakClient.cutCreation},
		{"form cut", 2, soakClient.cutForm},
		{"download cut", 1, soakClient.cutDownload},
		{"mistakes", 1, soakClient.mistakes},
	}
}

func soakKindNames() (names []string) {
	for _, kind := range soakKinds() {
		names = append(names, kind.name)
	}
	return names
}

const (
	small = 8 << 10
	large = 1_400_000
)

// some are random bytes, fewer than most.
func (c soakClient) some(most int) []byte {
	at := c.random.IntN(len(c.bytes) - most)
	return c.bytes[at : at+1+c.random.IntN(most-1)]
}

// create sends all with the POST.
func (c soakClient) create() {
	content := c.some(16 * small)
	c.finished(c.creation(content), content)
}

func (c soakClient) patch() {
	content := c.some(16 * small)
	c.finished(c.whole(content, headers{"Upload-Length": strconv.Itoa(len(content))}), content)
}

func (c soakClient) deferred() {
	content := c.some(small)
	c.finished(c.whole(content, headers{"Upload-Defer-Length": "1"}), content)
}

// final uploads in parts.
func (c soakClient) final() {
	content := c.some(16 * small)
	parts, rest := []string{}, content
	for n := 2 + c.random.IntN(2); n > 0; n-- {
		part := rest[:len(rest)/n]
		rest = rest[len(part):]
		parts = append(parts, c.whole(part, headers{"Upload-Length": strconv.Itoa(len(part)), "Upload-Concat": "partial"}))
	}
	a := c.answered(func() answer {
		return c.client.do(http.MethodPost, c.client.files, headers{"Upload-Concat": "final;" + strings.Join(parts, " ")}, nil)
	}, http.StatusCreated)
	if a.header.Get("Location") == "" {
		return // the soak has ended
	}
	for _, part := range parts {
		c.soak.ledger.gaveUp(part) // a part has no event
		c.want(http.StatusNoContent, http.MethodDelete, part, nil, nil)
	}
	c.finished(a.header.Get("Location"), content)
}

func (c soakClient) smallForm() { c.form(c.some(small)) }

func (c soakClient) largeForm() { c.form(c.bytes[:large]) }

func (c soakClient) manyFiles() { c.form(c.some(small), c.some(8*small), c.some(small), c.some(small)) }

// form sends files in one form, with fields before, between and after them.
func (c soakClient) form(files ...[]byte) {
	kind, body := formOf(files...)
	a := c.want(http.StatusCreated, http.MethodPost, "/upload", headers{"Content-Type": kind}, body)
	var stored []struct {
		URL  string
		Size int64
	}
	if err := json.Unmarshal([]byte(a.body), &stored); a.err == nil && (err != nil || len(stored) != len(files)) {
		c.t.Errorf("a form with %d files heard %v", len(files), a)
		return
	}
	for i, file := range stored {
		c.finished(file.URL, files[i])
	}
}

func formOf(files ...[]byte) (kind string, body []byte) {
	var text bytes.Buffer
	w := multipart.NewWriter(&text) // on a buffer it does not fail
	_ = w.WriteField("author", "Ada")
	for i, file := range files {
		part, _ := w.CreateFormFile("file", fmt.Sprintf("file-%d.bin", i))
		_, _ = part.Write(file)
		_ = w.WriteField("note-"+strconv.Itoa(i), "after the file")
	}
	_ = w.Close()
	return w.FormDataContentType(), text.Bytes()
}

// finished notes a success, looks at the upload, and removes it, as most clients here do. What a few leave the server removes
// by itself when it has run for long enough.
func (c soakClient) finished(address string, content []byte) {
	if address == "" {
		return // the soak has ended
	}
	c.soak.ledger.success(address, content)
	if head := c.want(http.StatusOK, http.MethodHead, address, nil, nil); head.err == nil && head.offset() != int64(len(content)) {
		c.t.Errorf("HEAD of a finished upload of %d bytes says %d", len(content), head.offset())
	}
	from := c.random.IntN(len(content))
	part := c.want(http.StatusPartialContent, http.MethodGet, address, headers{"Range": fmt.Sprintf("bytes=%d-", from)}, nil)
	if part.err == nil && part.body != string(content[from:]) {
		c.t.Errorf("%d bytes of an upload of %d are not those that were sent", len(part.body), len(content))
	}
	if len(content) > small || c.random.IntN(16) > 0 {
		c.want(http.StatusNoContent, http.MethodDelete, address, nil, nil)
	}
}

// want sends a request that has to be answered so.
func (c soakClient) want(status int, method, address string, h headers, body []byte) answer {
	a := c.client.do(method, address, h, body)
	if c.over() {
		return answer{err: errors.New("the soak has ended")}
	}
	if a.err != nil || a.status != status {
		a.err = fmt.Errorf("%s %s: %v, want %d", method, address, a, status)
		c.t.Error(a.err)
	}
	return a
}

// mistakes are requests that are refused.
func (c soakClient) mistakes() {
	stream := headers{"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
	address := c.answered(func() answer { return c.client.create(small, nil) }, http.StatusCreated).header.Get("Location")
	if address == "" {
		return
	}
	kind, empty := formOf()
	tooMuch := "name " + base64.StdEncoding.EncodeToString(make([]byte, small))
	for _, m := range []struct {
		status          int
		method, address string
		headers         headers
		body            []byte
	}{
		{404, "HEAD", "/files/" + strings.Repeat("0", 32), nil, nil},
		{404, "GET", "/files/" + strings.Repeat("0", 32), nil, nil},
		{404, "GET", "/nothing", nil, nil},
		{404, "GET", address, nil, nil},
		{409, "PATCH", address, headers{"Content-Type": stream["Content-Type"], "Upload-Offset": "5"}, c.bytes[:large]},
		{413, "PATCH", address, stream, c.bytes[:2*small]},
		{415, "PATCH", address, headers{"Content-Type": "text/plain", "Upload-Offset": "0"}, c.bytes[:small]},
		{412, "POST", c.client.files, headers{"Tus-Resumable": "0.2.0", "Upload-Length": "5"}, nil},
		{400, "POST", c.client.files, headers{"Upload-Length": "5", "Upload-Metadata": "name ***"}, nil},
		{413, "POST", c.client.files, headers{"Upload-Length": "5", "Upload-Metadata": tooMuch}, nil},
		{404, "POST", c.client.files, headers{"Upload-Concat": "final;/files/" + strings.Repeat("0", 32)}, nil},
		{400, "POST", "/upload", headers{"Content-Type": kind}, empty},
		{400, "POST", "/upload", headers{"Content-Type": kind}, []byte("no form")},
		{415, "POST", "/upload", headers{"Content-Type": "text/plain"}, []byte("no form")},
		{200, "GET", "/healthz", nil, nil},
		{204, "OPTIONS", c.client.files, nil, nil},
	} {
		c.want(m.status, m.method, m.address, m.headers, m.body)
	}
	c.soak.ledger.gaveUp(address)
	c.want(http.StatusNoContent, http.MethodDelete, address, nil, nil)
}

package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"plateau/config"
)

// storedFile is what POST /upload answers for each file.
type storedFile struct {
	ID, Name, URL, Digest, Status string
	Size                          int64
}

// part is a part of a form; a header that is given replaces those made of the rest.
type part struct {
	field, file, kind, header, text string
}

const testBoundary = "XboundaryX"

// formOf is the body of a form.
func formOf(t testing.TB, parts ...part) string {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(testBoundary); err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		header := textproto.MIMEHeader{}
		disposition := `form-data; name="` + p.field + `"`
		if p.file != "" {
			disposition += `; filename="` + p.file + `"`
		}
		if p.header != "" {
			disposition = p.header
		}
		header.Set("Content-Disposition", disposition)
		if p.kind != "" {
			header.Set("Content-Type", p.kind)
		}
		out, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(p.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const formType = "Content-Type: multipart/form-data; boundary=" + testBoundary

func (p *plateau) post(body string, headers ...string) answer {
	p.t.Helper()
	return p.do("POST", "/upload", body, append([]string{formType}, headers...)...)
}

// stored posts a form that is to be stored.
func (p *plateau) stored(body string) []storedFile {
	p.t.Helper()
	return stored(p.t, p.post(body))
}

func stored(t *testing.T, a answer) []storedFile {
	t.Helper()
	var files []storedFile
	if a.status != 201 || a.get("Content-Type") != "application/json" {
		t.Fatalf("%v", a)
	}
	if err := json.Unmarshal([]byte(a.body), &files); err != nil {
		t.Fatalf("%v: %v", err, a)
	}
	return files
}

func (p *plateau) metadata(id string) map[string]string {
	p.t.Helper()
	var record struct{ MetaData map[string]string }
	if err := json.Unmarshal([]byte(p.data(id+".info")), &record); err != nil {
		p.t.Fatal(err)
	}
	return record.MetaData
}

func TestForm(t *testing.T) {
	for _, durability := range []string{"none", "finish"} {
		t.Run(durability, func(t *testing.T) {
			p := run(t, func(c *config.Config) { c.Durability, c.Digest = durability, "sha256" })
			large := strings.Repeat("large ", 50_000)
			files := p.stored(formOf(t,
				part{field: "before", text: "1"},
				part{field: "file", file: "a.txt", kind: "text/plain", text: "hello"},
				part{field: "between", text: "2 ü"},
				part{field: "cv", file: "b.bin", text: large},
				part{field: "after", text: ""},
			))
			if len(files) != 2 {
				t.Fatal(files)
			}
			a, b := files[0], files[1]
			if a.Name != "a.txt" || a.Size != 5 || a.URL != "/files/"+a.ID || a.Status != "" ||
				a.Digest != "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
				t.Errorf("%+v", a)
			}
			if b.Name != "b.bin" || b.Size != int64(len(large)) || !strings.HasPrefix(b.Digest, "sha256:") {
				t.Errorf("%+v", b)
			}
			fields := map[string]string{"before": "1", "between": "2 ü", "after": ""}
			want := maps.Clone(fields)
			want["filename"], want["filetype"] = "a.txt", "text/plain"
			if got := p.metadata(a.ID); !maps.Equal(got, want) {
				t.Errorf("metadata %v, want %v", got, want)
			}
			want = maps.Clone(fields)
			want["filename"], want["field"] = "b.bin", "cv"
			if got := p.metadata(b.ID); !maps.Equal(got, want) {
				t.Errorf("metadata %v, want %v", got, want)
			}
			for _, f := range files {
				p.announces(f.URL)
				if !p.sealed(f.URL) {
					t.Errorf("%s is not sealed", f.Name)
				}
				if head := p.do("HEAD", f.URL, ""); head.status != 200 || head.get("Upload-Offset") != fmt.Sprint(f.Size) {
					t.Errorf("HEAD %v", head)
				}
			}
			if got := p.do("GET", b.URL, ""); got.body != large {
				t.Error("other bytes come back")
			}
			if names := p.names(); len(names) != 4 {
				t.Errorf("%v", names)
			}
			p.metric("tusd_uploads_created 2")
			p.metric("tusd_uploads_finished 2")
			p.metric(fmt.Sprint("tusd_bytes_received ", 5+len(large)))
		})
	}
}

// A form may come chunked, to a server with an absolute address, with a preamble and an
// epilogue; a browser sends an empty part where no file was chosen.
func TestFormsOfAllKinds(t *testing.T) {
	p := run(t, func(c *config.Config) { c.BaseURL = "https://up.example/x" })
	plain := formOf(t, part{field: "file", file: "a", text: "hello"})
	for what, body := range map[string]string{
		"plain":               plain,
		"preamble":            "This is for old mail programs.\r\n" + plain,
		"epilogue":            plain + "and so on",
		"no line break":       strings.TrimSuffix(plain, "\r\n"),
		"spaces at the end":   strings.TrimSuffix(plain, "\r\n") + " \t\r\n",
		"no file chosen":      formOf(t, part{field: "other", header: `form-data; name="other"; filename=""`}, part{field: "file", file: "a", text: "hello"}),
		"file without a name": formOf(t, part{header: `form-data; name="file"; filename=""`, text: "hello"}),
	} {
		files := p.stored(body)
		if len(files) != 1 || files[0].Size != 5 || files[0].URL != "https://up.example/x/files/"+files[0].ID || p.data(files[0].ID) != "hello" {
			t.Errorf("%s: %+v", what, files)
		}
	}
	files := p.stored(formOf(t, part{field: "file", file: "a", text: "x"}, part{field: "tag", text: "red"}, part{field: "tag", text: "blue"},
		part{field: "first name, ü", text: "Ada"}))
	if got, want := p.metadata(files[0].ID), map[string]string{"filename": "a", "tag": "red\nblue", "first%20name%2C%20%C3%BC": "Ada"}; !maps.Equal(got, want) {
		t.Errorf("metadata %v, want %v", got, want)
	}
	if head := p.do("HEAD", "/files/"+files[0].ID, ""); !strings.Contains(head.get("Upload-Metadata"), "first%20name%2C%20%C3%BC QWRh") {
		t.Errorf("HEAD: %v", head)
	}
	old := strings.ReplaceAll(plain, testBoundary, "----=_Part_0_12.34:/?")
	if a := p.do("POST", "/upload", old, "Content-Type: multipart/form-data; charset=utf-8; boundary=----=_Part_0_12.34:/?", "Content-Encoding: identity"); a.status != 201 {
		t.Errorf("a boundary without its quotes: %v", a)
	}
	w := p.dial()
	w.begin("POST", "/upload", formType, "Transfer-Encoding: chunked")
	for _, piece := range []string{plain[:10], plain[10:70], plain[70:]} {
		w.send(fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece))
	}
	w.send("0\r\n\r\n")
	a, err := w.hear("POST")
	if err != nil || a.get("Connection") == "close" {
		t.Errorf("%v %v", a, err)
	}
	stored(t, a)
	if a := p.do("OPTIONS", "/upload", "", "Origin: https://a.example", "Access-Control-Request-Method: POST"); a.status != 204 || a.get("Access-Control-Allow-Origin") == "" {
		t.Errorf("OPTIONS: %v", a)
	}
	empty := p.post(formOf(t, part{field: "file", file: "empty"}))
	if files := stored(t, empty); len(files) != 1 || files[0].Size != 0 || empty.get("Location") != files[0].URL {
		t.Errorf("an empty file: %+v at %s", files, empty.get("Location"))
	}
}

func TestFormsThatAreRefused(t *testing.T) {
	p := run(t, func(c *config.Config) { c.MaxSize = 100 })
	file := part{field: "file", file: "a", text: "hello"}
	good := formOf(t, file)
	for what, c := range map[string]struct {
		body    string
		headers []string
		status  int
		code    string
	}{
		"no file":              {formOf(t, part{field: "a", text: "b"}), nil, 400, "ERR_FORM_WITHOUT_FILE"},
		"no parts":             {"--" + testBoundary + "--\r\n", nil, 400, "ERR_FORM_WITHOUT_FILE"},
		"nothing":              {"", nil, 400, "ERR_FORM_INCOMPLETE"},
		"other boundary":       {good, []string{"Content-Type: multipart/form-data; boundary=other"}, 400, "ERR_FORM_INCOMPLETE"},
		"no boundary":          {good, []string{"Content-Type: multipart/form-data"}, 400, "ERR_FORM_MALFORMED"},
		"boundary too long":    {good, []string{"Content-Type: multipart/form-data; boundary=" + strings.Repeat("x", 5000)}, 400, "ERR_FORM_MALFORMED"},
		"mixed":                {good, []string{"Content-Type: multipart/mixed; boundary=" + testBoundary}, 415, "ERR_INVALID_CONTENT_TYPE"},
		"urlencoded":           {"a=b", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "ERR_INVALID_CONTENT_TYPE"},
		"compressed":           {good, []string{formType, "Content-Encoding: gzip"}, 415, "ERR_INVALID_CONTENT_TYPE"},
		"field not UTF-8":      {formOf(t, file, part{field: "a", text: "\xff"}), nil, 400, "ERR_INVALID_METADATA"},
		"a name too many":      {formOf(t, slices.Repeat([]part{{field: "file", file: strings.Repeat("n", 3000), text: "x"}}, 100)...), nil, 413, "ERR_METADATA_TOO_LARGE"},
		"nameless field":       {formOf(t, file, part{header: "form-data"}), nil, 400, "ERR_FORM_MALFORMED"},
		"not form-data":        {formOf(t, file, part{header: `attachment; name="x"`}), nil, 400, "ERR_FORM_MALFORMED"},
		"fields too large":     {formOf(t, file, part{field: "a", text: strings.Repeat("x", 4096)}), nil, 413, "ERR_METADATA_TOO_LARGE"},
		"together too large":   {formOf(t, file, part{field: "a", text: strings.Repeat("x", 4090)}), nil, 413, "ERR_METADATA_TOO_LARGE"},
		"name too large":       {formOf(t, part{field: "file", file: strings.Repeat("x", 4096), text: "x"}), nil, 413, "ERR_METADATA_TOO_LARGE"},
		"file too large":       {formOf(t, file, part{field: "b", file: "b", text: strings.Repeat("x", 101)}), nil, 413, "ERR_MAX_SIZE_EXCEEDED"},
		"closed within a head": {strings.TrimSuffix(good, "--\r\n") + "\r\n--" + testBoundary + "--", nil, 400, "ERR_FORM_INCOMPLETE"},
		"broken quoting":       {formOf(t, part{header: `form-data; name="file"; filename="a`, text: "x"}, part{field: "x", text: "\xff"}), nil, 400, "ERR_INVALID_METADATA"},
	} {
		headers := c.headers
		if headers == nil {
			headers = []string{formType}
		}
		a := p.do("POST", "/upload", c.body, headers...)
		if a.status != c.status || !strings.HasPrefix(a.body, c.code+": ") || strings.ContainsAny(strings.TrimSpace(a.body), "\r\n") {
			t.Errorf("%s: %v", what, a)
		}
		if names := p.names(); len(names) > 0 {
			t.Fatalf("%s leaves %v", what, names)
		}
	}
	if a := p.do("GET", "/upload", ""); a.status != 405 || a.get("Allow") != "POST, OPTIONS" {
		t.Errorf("GET: %v", a)
	}
	if len(p.announced()) > 0 {
		t.Errorf("events: %v", p.announced())
	}
	q := run(t, func(c *config.Config) { c.Multipart = false })
	if a := q.post(good); a.status != 404 {
		t.Errorf("with forms off: %v", a)
	}
}

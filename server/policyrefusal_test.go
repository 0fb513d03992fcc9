package server_test

import (
	"strings"
	"testing"

	"plateau/config"
	"plateau/server/policy"
)

func TestPolicyRefuses(t *testing.T) {
	s := newPolicyServer(t, nil)
	p := run(t, s.settings)
	for answer, want := range map[string]struct {
		status int
		body   string
	}{
		`{"allow":false}`: {403, "ERR_POLICY_REFUSED: this upload is not allowed\n"},
		`{"allow":false,"status":415,"reason":"no <b>exe</b>"}`:              {415, "ERR_POLICY_REFUSED: no <b>exe</b>\n"},
		`{"allow":false,"status":409,"reason":"a\nERR_X: b","more":{}}`:      {403, "ERR_POLICY_REFUSED: a ERR_X: b\n"},
		`{"allow":false,"status":451,"metadata":{"a":"b"}}`:                  {451, "ERR_POLICY_REFUSED: this upload is not allowed\n"},
		`{"allow":true,"metadata":{"a b":"c"}}`:                              {503, ""},
		`{"allow":true,"metadata":{"":"c"}}`:                                 {503, ""},
		`{"allow":true,"metadata":{"a,b":"c"}}`:                              {503, ""},
		`{"allow":true,"metadata":{"ä":"c"}}`:                                {503, ""},
		`{"allow":true,"metadata":{"a":"` + strings.Repeat("x", 5e3) + `"}}`: {503, ""},
		`{"allow":true,"idPrefix":"../x"}`:                                   {503, ""},
		`{"allow":true,"idPrefix":"a--b"}`:                                   {503, ""},
		`{"allow":true,"idPrefix":"` + strings.Repeat("a", 33) + `"}`:        {503, ""},
		`nonsense`: {503, ""},
	} {
		s.says(func(policy.Question) string { return answer })
		a := p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: 5")
		if a.status != want.status || want.body != "" && a.body != want.body || a.get("Location") != "" {
			t.Errorf("%.100s: %v", answer, a)
		}
		if want.status == 503 && (a.code() != "ERR_POLICY_AWAY" || a.get("Retry-After") == "") {
			t.Errorf("%.100s: %v", answer, a)
		}
		s.says(allowing) // the row of failures ends
		p.create("Upload-Length: 5")
	}
	for _, name := range p.names() {
		if strings.Contains(name, "--") {
			t.Errorf("%s is left", name)
		}
	}
}

func TestAllowedTypes(t *testing.T) {
	s := newPolicyServer(t, allowing)
	p := run(t, s.settings, func(c *config.Config) {
		c.AllowTypes, c.AllowExtensions = []string{"image/*"}, []string{".jpg", ".png"}
	})
	metadata := func(name, kind string) string {
		return "Upload-Metadata: filename " + b64(name) + ",filetype " + b64(kind)
	}
	refused := func(a answer) {
		t.Helper()
		if a.status != 415 || a.code() != "ERR_TYPE_NOT_ALLOWED" || a.get("Location") != "" {
			t.Error(a)
		}
	}
	for _, header := range []string{metadata("a.exe", "image/png"), metadata("a.png", "text/html"), metadata("a.png ", "image/png"), "Upload-Metadata:", "Upload-Metadata: type " + b64("image/png")} {
		refused(p.do("POST", "/files/", "", "Upload-Length: 5", header))
		refused(p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: 5", header))
	}
	if a := p.do("POST", "/files/", "", "Upload-Length: -1", metadata("a.exe", "x")); a.status != 400 {
		t.Error(a)
	}
	refused(p.post(formOf(t, part{field: "file", file: "a.png", kind: "image/png", text: "x"}, part{field: "file", file: "b.html", kind: "text/html", text: "x"})))
	refused(p.post(formOf(t, part{field: "file", file: "b", kind: "image/png", text: "x"}, part{field: "filename", text: "b.png"})))
	one := p.upload("1", "Upload-Length: 1", "Upload-Concat: partial")
	refused(p.do("POST", "/files/", "", "Upload-Concat: final;"+one, metadata("a.exe", "image/png")))
	refused(p.do("POST", "/files/", "", "Upload-Concat: final;"+one))
	if n := len(s.asked()); n != 2 { // of the form's first file, and of the part
		t.Errorf("the policy was asked %d times", n)
	}
	final := p.create("Upload-Concat: final;"+one, metadata("A.PNG", "Image/PNG; q=1"))
	p.stored(formOf(t, part{field: "file", file: "a.jpg", kind: "image/jpeg", text: "x"}))
	if a := p.do("GET", final, ""); a.body != "1" {
		t.Error(a)
	}
}

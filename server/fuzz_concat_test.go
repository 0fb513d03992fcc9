package server

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"plateau/store/disk"
)

// What passes names valid ids only, as many as the client's list has addresses,
// in a form that tusd reads rightly: each is all that comes after "/files/".
func FuzzConcat(f *testing.F) {
	const id = "0123456789abcdef0123456789abcdef"
	for _, seed := range []string{
		"", "partial", "final;", "final", "final;/files/" + id, "final;/files/" + id + " /files/" + id, "final;http://files/files/" + id + "?a#b",
		"final;//evil.example/" + id, "final;https://up.example/a/files/" + id, "final;" + id + "\t" + id, "final;/files/..", "final;/files/%2e%2e",
		"final;/files/a%2Fb", "final;/files/%00", "final;http://[::1/x", "final;mailto:" + id, "final;/files//files/" + id, "final;/files/" + id + "/",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	base, err := url.Parse("https://up.example/a")
	if err != nil {
		f.Fatal(err)
	}
	valid := (&disk.Store{}).ValidID
	form := regexp.MustCompile(`^final;/files/[A-Za-z0-9_-]{1,128}( /files/[A-Za-z0-9_-]{1,128})*$`)
	f.Fuzz(func(t *testing.T, header string, known bool) {
		var own *url.URL
		if known {
			own = base
		}
		got, err := rewriteConcat(header, own, valid)
		if err != nil {
			return
		}
		if header == "" || header == "partial" {
			if got != header {
				t.Fatalf("%q became %q", header, got)
			}
			return
		}
		if !form.MatchString(got) {
			t.Fatalf("%q became %q, which tusd would misread", header, got)
		}
		given, parts := strings.Fields(strings.TrimPrefix(header, "final;")), strings.Split(strings.TrimPrefix(got, "final;"), " ")
		if len(given) != len(parts) {
			t.Fatalf("%d addresses became %d", len(given), len(parts))
		}
		for i, part := range parts {
			_, id, found := strings.Cut(part, filesPath) // as tusd does
			u, err := url.Parse(given[i])
			if !found || err != nil || !strings.HasSuffix(u.Path, id) {
				t.Fatalf("%q became %q", given[i], id)
			}
			if known && u.Host != "" && !strings.EqualFold(u.Host, base.Host) {
				t.Fatalf("%q of another server became %q", given[i], id)
			}
		}
	})
}

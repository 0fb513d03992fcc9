package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"plateau/config"
	"plateau/server/policy"
	"plateau/store/s3/s3test"
)

// inFolderOf gives each upload a prefix and other metadata, by its file's name.
func inFolderOf(q policy.Question) string {
	name := q.Metadata["filename"]
	if name == "" {
		return `{"allow":true,"idPrefix":"unnamed"}`
	}
	return fmt.Sprintf(`{"allow":true,"idPrefix":"tenant-%s","metadata":{"filename":%q,"seen":"ü"}}`, name[:1], name+".seen")
}

func TestPolicyIsAskedOfCreations(t *testing.T) {
	s := newPolicyServer(t, inFolderOf)
	p := run(t, s.settings)
	name := "Upload-Metadata: filename " + b64("a.txt") + ",filetype " + b64("text/plain")
	five := int64(5)
	want := policy.Question{Metadata: map[string]string{"filename": "a.txt", "filetype": "text/plain"}, Size: &five, Client: "127.0.0.1"}
	check := func(what string, want policy.Question) {
		t.Helper()
		asked := s.asked()
		if len(asked) != 1 {
			t.Errorf("%s: asked %d times", what, len(asked))
			return
		}
		if got := asked[0]; got.Owner != want.Owner || got.Partial != want.Partial || got.Final != want.Final || got.Parts != want.Parts || got.Form != want.Form ||
			got.Client != want.Client || !maps.Equal(got.Metadata, want.Metadata) || (got.Size == nil) != (want.Size == nil) || got.Size != nil && *got.Size != *want.Size {
			t.Errorf("%s: asked %+v, want %+v", what, got, want)
		}
	}
	location := p.create("Upload-Length: 5", name)
	check("POST", want)
	atOnce := p.upload("12345", "Upload-Length: 5", name)
	check("creation with upload", want)
	want.Size = nil
	p.create("Upload-Defer-Length: 1", name)
	check("a deferred length", want)
	if a := p.patch(location, 0, "123"); a.status != 204 {
		t.Error(a)
	}
	if got := p.offset(location); got != "3" {
		t.Error(got)
	}
	if a := p.patch(location, 3, "45"); a.status != 204 {
		t.Error(a)
	}
	for _, l := range []string{location, atOnce} {
		if !strings.HasPrefix(l, "/files/tenant-a--") {
			t.Errorf("the address is %s", l)
		}
		if got := p.metadata(idOf(l)); !maps.Equal(got, map[string]string{"filename": "a.txt.seen", "seen": "ü"}) {
			t.Errorf("the metadata is %v", got)
		}
		if a := p.do("GET", l, ""); a.body != "12345" {
			t.Error(a)
		}
		p.announces(l)
	}
	if a := p.do("HEAD", location, ""); a.get("Upload-Metadata") == "" || strings.Contains(a.get("Upload-Metadata"), "filetype") {
		t.Errorf("HEAD says %v", a)
	}
	if a := p.do("DELETE", location, ""); a.status != 204 {
		t.Error(a)
	}
	p.do("OPTIONS", "/files/", "")
	if n := s.count(); n != 0 {
		t.Errorf("PATCH, HEAD, GET, DELETE and OPTIONS were asked %d times", n)
	}

	// What is wrong by itself is no question.
	p.do("POST", "/files/", "", "Upload-Length: -5", name)
	p.do("POST", "/files/", "", "Upload-Length: 5", "Upload-Metadata: a !")
	if n := s.count(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	p.metric(`plateau_policy_seconds_count{answer="allowed"} 3`)
	p.metric(`plateau_policy_seconds_count{answer="refused"} 0`)
}

func TestPolicyIsAskedOfFinals(t *testing.T) {
	s := newPolicyServer(t, inFolderOf)
	p := run(t, s.settings)
	one := p.upload("one ", "Upload-Length: 4", "Upload-Concat: partial", "Upload-Metadata: filename "+b64("b"))
	two := p.upload("two", "Upload-Length: 3", "Upload-Concat: partial")
	list := "Upload-Concat: final;" + one + " " + two
	final := p.create(list, "Upload-Metadata: filename "+b64("whole"))
	asked := s.asked()
	if len(asked) != 3 || !asked[0].Partial || !asked[1].Partial || !asked[2].Final || asked[2].Parts != 2 || asked[2].Size == nil || *asked[2].Size != 7 {
		t.Fatalf("asked %+v", asked)
	}
	if !strings.HasPrefix(one, "/files/tenant-b--") || !strings.HasPrefix(two, "/files/unnamed--") || !strings.HasPrefix(final, "/files/tenant-b--") {
		t.Errorf("%s and %s became %s", one, two, final)
	}
	if got := p.metadata(idOf(final)); got["filename"] != "whole.seen" {
		t.Errorf("the metadata is %v", got)
	}
	// The same parts are the same final, whatever the policy says now.
	s.says(allowing)
	if again := p.create(list); again != final {
		t.Errorf("%s, and then %s", final, again)
	}
	if a := p.do("GET", final, ""); a.body != "one two" {
		t.Error(a)
	}
	s.says(func(policy.Question) string { return `{"allow":false}` })
	before := p.names()
	if a := p.do("POST", "/files/", "", "Upload-Concat: final;"+two+" "+one); a.status != 403 || a.code() != "ERR_POLICY_REFUSED" {
		t.Error(a)
	}
	if after := p.names(); len(after) != len(before) {
		t.Errorf("a final that was refused left %q of %q", after, before)
	}
}

func TestPolicyIsAskedOfForms(t *testing.T) {
	s := newPolicyServer(t, inFolderOf)
	p := run(t, s.settings)
	large := strings.Repeat("large ", 50_000)
	form := formOf(t,
		part{field: "before", text: "1"},
		part{field: "file", file: "c.txt", kind: "text/plain", text: "hello"},
		part{field: "cv", file: "d.bin", text: large},
		part{field: "seen", text: "by me"},
		part{field: "after", text: "2"},
	)
	files := p.stored(form)
	asked := s.asked()
	if len(asked) != 2 || len(files) != 2 {
		t.Fatalf("asked %+v of %+v", asked, files)
	}
	for i, want := range []map[string]string{{"filename": "c.txt", "filetype": "text/plain"}, {"filename": "d.bin", "field": "cv"}} {
		if q := asked[i]; !q.Form || q.Partial || q.Final || q.Size != nil || q.Client != "127.0.0.1" || !maps.Equal(q.Metadata, want) {
			t.Errorf("asked %+v, want the metadata %v", q, want)
		}
		name := want["filename"] + ".seen"
		if got := p.metadata(files[i].ID); !maps.Equal(got, map[string]string{"filename": name, "seen": "ü", "before": "1", "after": "2"}) {
			t.Errorf("the metadata is %v", got)
		}
		if prefix := "tenant-" + name[:1] + "--"; !strings.HasPrefix(files[i].ID, prefix) || files[i].Name != name {
			t.Errorf("%+v", files[i])
		}
		p.announces(files[i].URL)
	}
	if p.data(files[1].ID) != large {
		t.Error("the large file has other bytes")
	}

	// Of a form of which one file is refused, or none can be asked about, nothing is left.
	before := p.names()
	s.says(func(q policy.Question) string {
		if q.Metadata["filename"] == "d.bin" {
			return `{"allow":false,"status":422,"reason":"not this one"}`
		}
		return yes
	})
	if a := p.post(form); a.status != 422 || a.body != "ERR_POLICY_REFUSED: not this one\n" {
		t.Error(a)
	}
	s.does(func(_ policy.Question, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	if a := p.post(form); a.status != 503 || a.code() != "ERR_POLICY_AWAY" || a.get("Retry-After") == "" {
		t.Error(a)
	}
	until(t, "all is given back", func() bool { return p.Running() == 0 })
	if after := p.names(); !slices.Equal(after, before) {
		t.Errorf("forms that were refused left %q of %q", after, before)
	}
}

// What a policy took away from a file, or never saw, no field of its form puts back.
func TestFieldsMakeNoClaims(t *testing.T) {
	s := newPolicyServer(t, func(q policy.Question) string {
		if q.Metadata["filename"] == "taken away" {
			return `{"allow":true,"metadata":{"filetype":"text/plain"}}`
		}
		return yes
	})
	fields := []part{
		{field: "filename", text: "a.exe"},
		{field: "filetype", text: "x/y"},
		{field: "name", text: "b.exe"},
		{field: "type", text: "z/z"},
		{field: "other", text: "kept"},
	}
	for _, row := range []struct {
		what string
		use  func(*config.Config)
		file part
		want map[string]string
	}{
		{"a policy that takes a name away", s.settings, part{field: "file", file: "taken away", text: "x"}, map[string]string{"filetype": "text/plain", "type": "z/z", "other": "kept"}},
		{"a policy that changes nothing", s.settings, part{field: "file", file: "a", text: "x"}, map[string]string{"filename": "a", "name": "b.exe", "other": "kept"}},
		{"lists", func(c *config.Config) { c.AllowExtensions = []string{".a"} }, part{field: "file", file: "a.a", text: "x"}, map[string]string{"filename": "a.a", "name": "b.exe", "other": "kept"}},
		{"nobody judges", func(*config.Config) {}, part{field: "file", file: "a", text: "x"}, map[string]string{"filename": "a", "filetype": "x/y", "name": "b.exe", "type": "z/z", "other": "kept"}},
	} {
		p := run(t, row.use)
		files := p.stored(formOf(t, append(slices.Clone(fields), row.file)...))
		if got := p.metadata(files[0].ID); !maps.Equal(got, row.want) {
			t.Errorf("%s: the metadata is %v, want %v", row.what, got, row.want)
		}
		p.stop()
	}
}

// What a policy adds is bounded over all files of a form.
func TestPolicyMetadataOfForms(t *testing.T) {
	most := strings.Repeat("x", 4000)
	s := newPolicyServer(t, func(policy.Question) string { return `{"allow":true,"metadata":{"a":"` + most + `"}}` })
	p := run(t, s.settings)
	var parts []part
	for i := range 100 {
		parts = append(parts, part{field: "file", file: fmt.Sprint(i), text: "x"})
	}
	if a := p.post(formOf(t, parts...)); a.status != 413 || a.code() != "ERR_METADATA_TOO_LARGE" {
		t.Error(a)
	}
	if a := p.post(formOf(t, part{field: "file", file: "a", text: "x"}, part{field: "b", text: strings.Repeat("y", 100)})); a.status != 413 {
		t.Error(a)
	}
	if n := len(p.stored(formOf(t, part{field: "file", file: "a", text: "x"}, part{field: "b", text: "y"}))); n != 1 {
		t.Error(n)
	}
}

// In a bucket the objects of a tenant have keys that begin with it.
func TestPolicyPrefixesInABucket(t *testing.T) {
	s := newPolicyServer(t, inFolderOf)
	p := run(t, inBucket(t, s3test.Start(t)), s.settings)
	name := "Upload-Metadata: filename " + b64("e")
	location := p.upload("123", "Upload-Length: 5", name)
	if a := p.patch(location, 3, "45"); a.status != 204 {
		t.Error(a)
	}
	one := p.upload("one ", "Upload-Length: 4", "Upload-Concat: partial", name)
	two := p.upload("two", "Upload-Length: 3", "Upload-Concat: partial", name)
	final := p.create("Upload-Concat: final;"+one+" "+two, name)
	form := p.stored(formOf(t, part{field: "file", file: "e", text: "form"}))[0].URL
	for l, want := range map[string]string{location: "12345", final: "one two", form: "form"} {
		if a := p.do("GET", l, ""); !strings.HasPrefix(l, "/files/tenant-e--") || a.body != want {
			t.Errorf("%s: %v", l, a)
		}
		p.announces(l)
	}
}

// Who asks is who the token says, at the address that the proxy says; strangers are no
// question.
func TestPolicyHearsWho(t *testing.T) {
	s := newPolicyServer(t, allowing)
	use, _ := withTokens(t, tokenLine("alice", "first"))
	p := run(t, use, s.settings, func(c *config.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	from := []string{"X-Forwarded-For: 192.0.2.7", "Upload-Length: 1"}
	if a := p.do("POST", "/files/", "", from...); a.status != 401 {
		t.Error(a)
	}
	if n := s.count(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	token := "Authorization: Bearer first"
	p.create(append(from, token)...)
	if a := p.post(formOf(t, part{field: "file", file: "a", text: "x"}), from[0], token); a.status != 201 {
		t.Error(a)
	}
	for _, q := range s.asked() {
		if q.Owner != "alice" || q.Admin || q.Client != "192.0.2.7" {
			t.Errorf("asked %+v", q)
		}
	}
}

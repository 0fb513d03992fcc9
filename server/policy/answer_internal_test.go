package policy

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestParseAnswer(t *testing.T) {
	long := strings.Repeat("ä", 200)
	for body, want := range map[string]Answer{
		`{"allow":true}`: {Allow: true},
		` {"allow":true,"status":403,"reason":"x","more":[1]} `:                        {Allow: true},
		`{"allow":true,"metadata":{}}`:                                                 {Allow: true, Metadata: map[string]string{}},
		`{"allow":true,"metadata":null,"idPrefix":"a"}`:                                {Allow: true, IDPrefix: "a"},
		`{"allow":true,"metadata":{"a":"b"}}`:                                          {Allow: true, Metadata: map[string]string{"a": "b"}},
		`{"allow":false}`:                                                              {Status: 403},
		`{"allow":false,"status":422,"reason":"too\r\nmuch  of\u2028it\u0000\u202e."}`: {Status: 422, Reason: "too much of it."},
		`{"allow":false,"status":451,"reason":"` + long + `"}`:                         {Status: 451, Reason: long[:252] + "…"},
		`{"allow":false,"status":409}`:                                                 {Status: 403}, `{"allow":false,"status":423}`: {Status: 403},
		`{"allow":false,"status":429}`: {Status: 403}, `{"allow":false,"status":404}`: {Status: 403},
		`{"allow":false,"status":200}`: {Status: 403}, `{"allow":false,"status":-1}`: {Status: 403}, `{"allow":false,"status":503}`: {Status: 403},
		`{"allow":false,"metadata":{"a":"b"},"idPrefix":"a"}`: {Status: 403},
	} {
		got, err := parseAnswer([]byte(body))
		if err != nil || got.Allow != want.Allow || got.Status != want.Status || got.Reason != want.Reason || got.IDPrefix != want.IDPrefix ||
			!maps.Equal(got.Metadata, want.Metadata) || (got.Metadata == nil) != (want.Metadata == nil) {
			t.Errorf("%s is %+v, %v; want %+v", body, got, err, want)
		}
	}
	for _, body := range []string{
		``, `{}`, `null`, `true`, `[]`, `"allow"`, `{"allow":"true"}`, `{"allow":1}`, `{"allow":null}`, `{"allow":true`, `{"allow":true}{"allow":true}`,
		`{"allow":true} x`, `{"allow":true,"metadata":{"a":1}}`, `{"allow":true,"metadata":["a"]}`, `{"allow":false,"status":"403"}`, `{"allow":false,"status":1e99}`,
		`{"allow":true,"idPrefix":7}`, `<html>`, `{"allow":true,"more":"` + strings.Repeat("x", maxAnswer) + `"}`,
	} {
		if got, err := parseAnswer([]byte(body)); err == nil {
			t.Errorf("%.100s is taken for the answer %+v", body, got)
		}
	}
}

// Whatever comes, what a client would hear of it is one printable line and a status that it
// doesn't take for something else.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		``, `{"allow":true,"metadata":{"a":"b"},"idPrefix":"tenant1"}`, `{"allow":false,"status":403,"reason":"no\n"}`,
		`{"allow":false,"status":409}`, `{"allow":false,"reason":"\ud800"}`, `{"Allow":true}`, `[[[[`, "{\"allow\":false,\"reason\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parseAnswer(body)
		switch {
		case err != nil && (a.Allow || a.Status != 0 || a.Reason != "" || a.Metadata != nil || a.IDPrefix != ""):
			t.Fatalf("%q is %+v and %v", body, a, err)
		case err != nil:
		case a.Allow && (a.Status != 0 || a.Reason != ""), !a.Allow && (a.Metadata != nil || a.IDPrefix != ""):
			t.Fatalf("%q is %+v", body, a)
		case !a.Allow && !slices.Contains(refusals(), a.Status):
			t.Fatalf("%q has the status %d", body, a.Status)
		}
		if len(a.Reason) > maxReason || !utf8.ValidString(a.Reason) || strings.ContainsFunc(a.Reason, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q has the reason %q", body, a.Reason)
		}
		for key, value := range a.Metadata {
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				t.Fatalf("%q has the metadata %q", body, a.Metadata)
			}
		}
	})
}

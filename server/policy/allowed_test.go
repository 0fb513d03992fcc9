package policy_test

import (
	"testing"

	"plateau/server/policy"
)

func TestAllowedTypes(t *testing.T) {
	a := policy.Allowed{Types: []string{"image/*", "application/pdf"}}
	for claimed, want := range map[string]bool{
		"image/png": true, "IMAGE/PNG": true, "image/svg+xml": true, "application/pdf": true, " application/pdf ; charset=x": true, "image/png;": true,
		"": false, "image": false, "image/": false, "image/*": false, "/png": false, "text/html": false, "application/pdfx": false,
		"application/pd\u0066\u0000": false, "image/png, text/html": false, "image/a/b": false, "image/png\ntext/html": false, "imag\u0065/p\u212ag": false,
		"text/html;image/png": false, "ximage/png": false,
	} {
		for _, key := range []string{"filetype", "type"} {
			if got := a.Refuse(map[string]string{key: claimed}) == ""; got != want {
				t.Errorf("%s %q is taken: %t", key, claimed, got)
			}
		}
	}
	if a.Refuse(map[string]string{"filetype": "text/html", "type": "image/png"}) == "" {
		t.Error("type counts though there is a filetype")
	}
	if a.Refuse(map[string]string{"filetype": "", "type": "image/png"}) != "" {
		t.Error("an empty filetype counts")
	}
	if a.Refuse(nil) == "" || (policy.Allowed{}).Refuse(nil) != "" {
		t.Error("without metadata")
	}
}

func TestAllowedExtensions(t *testing.T) {
	a := policy.Allowed{Extensions: []string{".jpg", ".tar.gz"}}
	for claimed, want := range map[string]bool{
		"a.jpg": true, "A.JPG": true, "a.b.jpg": true, "größe.jpg": true, "x.tar.gz": true, "C:\\photos\\a.jpg": true, "../../a.jpg": true, " a.jpg": true, "..jpg": true,
		"": false, "a": false, "jpg": false, ".jpg": false, "a.gz": false, "a.jpg.exe": false, "a.exe/.jpg": false, "a.jpg/": false, "a.jpg\\x": false,
		"a.jpg.": false, "a.jpg ": false, "a.exe .": false, "a.jpg\u00a0": false, "a.exe\x00.jpg": false, "a.exe\n.jpg": false, "a.\u017fpg": false, "a.jpg\u200b": false,
	} {
		for _, key := range []string{"filename", "name"} {
			if got := a.Refuse(map[string]string{key: claimed}) == ""; got != want {
				t.Errorf("%s %q is taken: %t", key, claimed, got)
			}
		}
	}
	both := policy.Allowed{Types: []string{"image/*"}, Extensions: []string{".jpg"}}
	for _, m := range []map[string]string{{"filename": "a.jpg"}, {"filetype": "image/jpeg"}, {"filename": "a.exe", "name": "a.jpg", "filetype": "image/jpeg"}} {
		if both.Refuse(m) == "" {
			t.Errorf("%v is taken", m)
		}
	}
	if both.Refuse(map[string]string{"filename": "a.jpg", "filetype": "image/jpeg"}) != "" {
		t.Error("what is right is refused")
	}
}
